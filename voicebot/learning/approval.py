"""From a draft to the knowledge base, and back: weighed, approved by a person, written, kept as a version. The controller takes changed files up by
itself, for new calls. Nothing here approves by itself, and nothing is written that the knowledge base could not read or that breaks a promise.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from voicebot.dialogue.knowledge import Knowledge, check, load
from voicebot.errors import KnowledgeError, StoreError
from voicebot.learning.draft import Draft, copied, diff, written
from voicebot.learning.effect import NO_EFFECT, Change, Effect, Learn, effect
from voicebot.store import versions
from voicebot.store.desk import DeskStore
from voicebot.store.versions import Version

_PLACE = re.compile(r"[a-z]{2,3}/[a-z0-9]+(-[a-z0-9]+)*\.md")
"""Before anything is read or written by a name that a browser sent."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A draft, what it would do, and why it must not be approved as it is. `knowledge_version` is the knowledge base it was weighed against."""

    draft: Draft
    before: str
    after: str
    knowledge_version: str
    faults: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    effect: Effect = NO_EFFECT

    @property
    def broken(self) -> tuple[Change, ...]:
        """Promises of the knowledge base that it breaks."""
        return self.effect.broken

    @property
    def stopped(self) -> tuple[str, ...]:
        """Each reason in one line; empty when it may be approved."""
        return (
            *self.faults,
            *(f"{text!r} is what a caller said, word for word; write it anew" for text in self.copies),
            *(_told(change) for change in self.broken),
            *(("nothing would change; rewrite something or decline it",) if self.before == self.after else ()),
        )

    @property
    def diff(self) -> str:
        """What changes in the entry's file."""
        return diff(self.before, self.after, self.draft.place)


@dataclass(frozen=True, slots=True)
class Approval:
    """Who answers for a draft and why; `author` proposed it, `source` is what it came from."""

    reviewer: str
    reason: str
    author: str
    source: str
    at_utc: datetime


def weigh(folder: Path, draft: Draft, asked: Sequence[str], learn: Learn, day: date) -> Weighed:
    """What `draft` would do to the knowledge base in `folder`, on `day`, with what callers have `asked` in its language. Takes seconds of one core.

    Raises KnowledgeError when the knowledge base cannot be read as it is.
    """
    now = load(folder)
    if not _PLACE.fullmatch(draft.place):
        return Weighed(
            draft, "", "", now.version, (f"{draft.place!r} is no file of the knowledge base; write a language and an id such as opening-hours",)
        )
    before = _text(folder / draft.place)
    after = written(draft, before)
    weighed = Weighed(draft, before, after, now.version, copies=copied(draft, now.entry(draft.entry_id, draft.language), asked))
    try:
        then = _rehearsed(folder, draft.place, after)
    except KnowledgeError as error:
        return replace(weighed, faults=tuple(str(error).splitlines()))
    return replace(weighed, effect=effect(now.on(day), then.on(day), draft.language, learn, asked))


async def approve(store: DeskStore, folder: Path, weighed: Weighed, by: Approval) -> Version:
    """Write the entry's file and keep its version, both or neither. Raises KnowledgeError with the reason when it is stopped, when no reason is given
    or when the knowledge base has changed since it was weighed; StoreError when the version cannot be kept."""
    if weighed.stopped:
        raise KnowledgeError("\n".join(weighed.stopped))
    draft = weighed.draft
    made = Version(
        *(by.at_utc, draft.language, draft.entry_id, by.author, by.reviewer, by.reason, by.source),
        before=weighed.before,
        after=weighed.after,
        diff=weighed.diff,
    )
    return await _kept(store, folder, made, weighed.knowledge_version)


async def roll_back(store: DeskStore, folder: Path, version_id: int, by: Approval) -> Version:
    """Bring the file back that a version replaced, as a new version. Raises KnowledgeError when the file was changed since, or others need it."""
    undone = await versions.version(store, version_id)
    now = await asyncio.to_thread(load, folder)
    if await asyncio.to_thread(_text, folder / undone.place) != undone.after:
        raise KnowledgeError(f"{undone.place}: was changed after version {version_id}; roll the later version back first, or change it in review")
    await asyncio.to_thread(_rehearsed, folder, undone.place, undone.before)
    back = diff(undone.after, undone.before, undone.place)
    made = Version(
        *(by.at_utc, undone.language, undone.entry_id, by.author, by.reviewer, by.reason, by.source),
        before=undone.after,
        after=undone.before,
        diff=back,
        undoes=version_id,
    )
    return await _kept(store, folder, made, now.version)


async def _kept(store: DeskStore, folder: Path, made: Version, weighed_against: str) -> Version:
    """The row first, the file before it is committed: whichever fails takes the other back."""
    if not made.reason.strip():
        raise KnowledgeError("no reason is given; write why this changes, for those who read the history")
    path, written = folder / made.place, False
    try:
        async with store.writing() as connection:
            number = await versions.add(connection, made)
            if (await asyncio.to_thread(load, folder)).version != weighed_against:
                raise KnowledgeError("the knowledge base has changed since this was weighed; look at the effect again")
            await asyncio.to_thread(_write, path, made.after)
            written = True
    except StoreError:
        if written and await asyncio.to_thread(_text, path) == made.after:
            await asyncio.to_thread(_write, path, made.before)
        raise
    return replace(made, version_id=number)


def _rehearsed(folder: Path, place: str, text: str) -> Knowledge:
    """The knowledge base as it would be, read from a copy. Raises KnowledgeError with the faults it would have, by their place in it."""
    with tempfile.TemporaryDirectory(prefix="voicebot-kb-") as name:
        copy = Path(name) / "kb"
        shutil.copytree(folder, copy)
        _write(copy / place, text)
        if faults := check(copy):
            raise KnowledgeError("\n".join(str(replace(fault, path=fault.path.relative_to(copy))) for fault in faults))
        return load(copy)


def _text(path: Path) -> str:
    """As it stands, with its line ends; "" when there is no such file. Raises KnowledgeError."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path}: cannot be read: {error}") from None


def _write(path: Path, text: str) -> None:
    """Whole or not at all, under a name the knowledge base passes over until it is; "" removes the file. Raises KnowledgeError."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        if not text:
            return path.unlink()
        path.parent.mkdir(exist_ok=True)
        with fresh.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, fresh)
        fresh.replace(path)
    except OSError as error:
        raise KnowledgeError(f"{path}: cannot be written: {error.strerror}; whoever runs the desk must be allowed to write here") from None


def _told(change: Change) -> str:
    found = change.after or "nothing"
    return f"{change.question!r} must find {change.promised} and would find {found}; word the new questions apart from it"
