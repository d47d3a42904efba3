"""A matcher is learnt once for the same entries, and read from a file from then on: a start costs milliseconds instead of seconds.

A file that is damaged, or was made by other code or of other entries, is never used. A disk that is full or not to be written costs nothing but time.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

import structlog

from voicebot.dialogue import arrays
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.matching import Matcher
from voicebot.dialogue.vectors import Embedding

KEPT = 4
"""Files of one language: each version of a knowledge base makes one, and the one before may be gone back to."""
PROBES = 8
"""Titles that an embedding is told apart by."""
_CODE = ("matching", "weights", "classifier", "vectors", "words", "vocabulary", "background", "arrays")
_LIBRARIES = ("jieba", "pypinyin", "numpy")
log = structlog.get_logger()


def matcher(folder: Path, entries: Sequence[Entry], embedding: Embedding | None = None) -> Matcher:
    """The matcher of `entries`, read from `folder` if it was learnt before. Raises ValueError as `Matcher.build` does."""
    languages = "-".join(sorted({entry.language for entry in entries}))
    path = folder / f"{languages}-{_stamp(entries, embedding)}.arrays"
    try:
        found = Matcher.of(languages, arrays.load(path), embedding)
        os.utime(path)
    except (OSError, ValueError):
        found = Matcher.build(entries, embedding)
        _keep(path, found)
    return found


def _stamp(entries: Sequence[Entry], embedding: Embedding | None) -> str:
    """The same for the same entries, code and embedding, which is known by what it makes of some titles."""
    digest = hashlib.sha256(_code())
    digest.update(json.dumps([asdict(entry) for entry in entries], default=str).encode())
    if embedding:
        digest.update(b"".join(embedding.of(entry.title).tobytes() for entry in entries[:PROBES]))
    return digest.hexdigest()[:16]


@cache
def _code() -> bytes:
    digest = hashlib.sha256(" ".join(version(name) for name in _LIBRARIES).encode())
    for name in _CODE:
        digest.update(Path(str(importlib.import_module(f"voicebot.dialogue.{name}").__file__)).read_bytes())
    return digest.digest()


def _keep(path: Path, made: Matcher) -> None:
    try:
        arrays.save(path, made.kept())
        for old in _by_age(path)[KEPT:]:
            old.unlink(missing_ok=True)
    except OSError as error:
        log.warning("matcher is not kept; free space or set [speech] cache to another folder", folder=str(path.parent), why=error.strerror)


def _by_age(path: Path) -> list[Path]:
    """The files of this language, the newest first, drafts of processes that were killed among them."""
    language = path.name.partition("-")[0]
    return sorted(path.parent.glob(f"{language}-*.arrays*"), key=lambda each: each.stat().st_mtime, reverse=True)
