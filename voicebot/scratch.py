"""Temporary folders that name the process they belong to, so that those of one that was killed can be told from those in use, and removed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_NAME = re.compile(r"voicebot-scratch-(\d+)-\w+")


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder in `parent` that goes when the block is left. Raises OSError."""
    with TemporaryDirectory(prefix=f"voicebot-scratch-{os.getpid()}-", dir=parent) as name:
        yield Path(name)


def sweep(*parents: Path) -> int:
    """Remove what processes that are gone left in `parents`, as far as it is ours; returns how many folders. Raises OSError."""
    left = [path for parent in parents for path in parent.glob("voicebot-scratch-*") if _orphaned(path)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _orphaned(path: Path) -> bool:
    named = _NAME.fullmatch(path.name)
    try:
        return named is not None and path.lstat().st_uid == os.getuid() and not _alive(int(named[1]))
    except FileNotFoundError:
        return False


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
