"""From a draft to a file and back: what a person approves is written, all else is stopped with its reason."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.kit.deskkit import BEGUN
from tests.kit.kbkit import BILL, BREAKING, HOURS, OTHER_WORDS, WIFI, knowledge_in
from voicebot.dialogue.knowledge import check, load
from voicebot.dialogue.matching import Matcher
from voicebot.errors import KnowledgeError, StoreError
from voicebot.learning.approval import Approval, Weighed, approve, roll_back, weigh
from voicebot.learning.draft import Draft, draft_of
from voicebot.learning.effect import answered_by
from voicebot.store import privacy, versions
from voicebot.store.desk import DeskStore

TODAY = date(2026, 3, 14)
BY_SUE = Approval("sue", "asked often", "ann", "proposal 1", BEGUN)
Use = Callable[[DeskStore], Awaitable[None]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small knowledge base."""
    return knowledge_in(tmp_path)


def weighed(folder: Path, draft: Draft = WIFI, *asked: str) -> Weighed:
    return weigh(folder, draft, asked, Matcher.build, TODAY)


def using(folder: Path, use: Use) -> None:
    async def scenario() -> None:
        async with DeskStore.open(f"sqlite+aiosqlite:///{folder.parent}/journal.db") as store:
            await use(store)

    asyncio.run(scenario())


def found(folder: Path, text: str = OTHER_WORDS) -> str:
    return answered_by(Matcher.build(load(folder).language("en")), text)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_approved_draft_is_answered_in_other_words_and_rolled_back_no_more(folder: Path) -> None:
    before = files(folder)

    async def use(store: DeskStore) -> None:
        asked = weighed(folder, WIFI, OTHER_WORDS)
        assert asked.stopped == ()
        assert [(each.question, each.after) for each in asked.effect.gained] == [(OTHER_WORDS, "wifi")]
        assert found(folder) == "", "nothing is written before somebody approves"
        made = await approve(store, folder, asked, BY_SUE)
        assert (made.author, made.reviewer, made.reason, made.source, made.version_id) == ("ann", "sue", "asked often", "proposal 1", 1)
        assert (found(folder), check(folder)) == ("wifi", ())
        back = await roll_back(store, folder, 1, replace(BY_SUE, reviewer="tom", source="roll-back"))
        assert (back.undoes, back.reviewer, back.after_hash) == (1, "tom", made.before_hash)
        assert files(folder) == before
        assert [one.version_id for one in await versions.versions(store)] == [2, 1]
        assert [(one.staff, one.deed) for one in await privacy.deeds(store)] == [("tom", "kb roll-back"), ("sue", "kb approve")]

    using(folder, use)


def test_a_roll_back_can_be_rolled_back(folder: Path) -> None:
    async def use(store: DeskStore) -> None:
        await approve(store, folder, weighed(folder), BY_SUE)
        await roll_back(store, folder, 1, BY_SUE)
        await roll_back(store, folder, 2, BY_SUE)
        assert found(folder) == "wifi"

    using(folder, use)


def test_only_what_was_rewritten_changes_in_the_file(folder: Path) -> None:
    now = load(folder).entry("hours", "en")
    assert now
    rewritten = replace(draft_of(now), answer="Our shops are open from nine to six.", short="Nine to six.")

    async def use(store: DeskStore) -> None:
        made = await approve(store, folder, weighed(folder, rewritten), BY_SUE)
        assert (folder / "en/hours.md").read_text() == HOURS.replace("five", "six").replace("Nine to five", "Nine to six")
        changed = [line for line in made.diff.splitlines() if line[0] in "+-"]
        assert changed[:2] == ["--- a/en/hours.md", "+++ b/en/hours.md"]
        assert changed[2:] == [
            "-short: Nine to five.",
            "+short: Nine to six.",
            "-Our shops are open from nine to five.",
            "+Our shops are open from nine to six.",
        ]

    using(folder, use)


def test_a_draft_that_breaks_a_promise_is_stopped_with_the_reason(folder: Path) -> None:
    before = files(folder)
    breaking = weighed(folder, BREAKING)
    assert ("when are your shops open today", "hours", "holidays") in [(each.question, each.promised, each.after) for each in breaking.broken]

    async def use(store: DeskStore) -> None:
        with pytest.raises(KnowledgeError, match="'when are your shops open today' must find hours and would find holidays"):
            await approve(store, folder, breaking, BY_SUE)
        assert files(folder) == before
        assert await versions.versions(store) == []

    using(folder, use)


@pytest.mark.parametrize(
    ("draft", "said", "why"),
    [
        (WIFI, "switch on wifi calling", "word for word"),
        (replace(WIFI, answer=""), "", "answer is empty"),
        (replace(WIFI, short=""), "", "'short' is missing"),
        (replace(WIFI, questions=()), "", "'questions' is missing"),
        (replace(WIFI, questions=("how do i pay my bill",)), "", "already stands in bill.md"),
        (replace(WIFI, answer="see https://example.com"), "", "cannot be spoken"),
        (replace(WIFI, entry_id="../../etc/wifi"), "", "is no file"),
        (replace(WIFI, language="../en"), "", "is no file"),
        (replace(WIFI, title=""), "", "'title' is missing"),
    ],
)
def test_what_cannot_stand_is_stopped_in_one_line(folder: Path, draft: Draft, said: str, why: str) -> None:
    before = files(folder.parent)
    stopped = weighed(folder, draft, said).stopped
    assert any(why in each for each in stopped), stopped
    assert not any("\n" in each or str(folder.parent) in each or "voicebot-kb" in each for each in stopped)
    assert files(folder.parent) == before


def test_no_change_needs_no_approval(folder: Path) -> None:
    entry = load(folder).entry("bill", "en")
    assert entry
    assert weighed(folder, draft_of(entry)).stopped == ("nothing would change; rewrite something or decline it",)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_is_asked_for(folder: Path, reason: str) -> None:
    async def use(store: DeskStore) -> None:
        with pytest.raises(KnowledgeError, match="no reason"):
            await approve(store, folder, weighed(folder), replace(BY_SUE, reason=reason))
        assert not (folder / "en/wifi.md").exists()

    using(folder, use)


def test_what_was_weighed_against_another_knowledge_base_is_weighed_again(folder: Path) -> None:
    async def use(store: DeskStore) -> None:
        early = weighed(folder)
        (folder / "en/hours.md").write_text(HOURS.replace("five", "six"))
        with pytest.raises(KnowledgeError, match="has changed since"):
            await approve(store, folder, early, BY_SUE)
        assert await versions.versions(store) == []
        assert not (folder / "en/wifi.md").exists()

    using(folder, use)


def test_of_two_approvals_at_once_the_later_is_asked_to_look_again(folder: Path) -> None:
    async def use(store: DeskStore) -> None:
        one, other = weighed(folder), weighed(folder, replace(WIFI, entry_id="wlan"))
        results = await asyncio.gather(*(approve(store, folder, each, BY_SUE) for each in (one, other)), return_exceptions=True)
        assert sorted(type(each).__name__ for each in results) == ["KnowledgeError", "Version"]
        assert len(await versions.versions(store)) == 1

    using(folder, use)


def test_what_was_changed_since_is_not_rolled_over(folder: Path) -> None:
    async def use(store: DeskStore) -> None:
        await approve(store, folder, weighed(folder), BY_SUE)
        path = folder / "en/wifi.md"
        by_hand = path.read_text().replace("Yes. ", "Surely. ")
        path.write_text(by_hand)
        with pytest.raises(KnowledgeError, match="was changed after version 1"):
            await roll_back(store, folder, 1, BY_SUE)
        assert path.read_text() == by_hand

    using(folder, use)


def test_an_entry_that_others_lead_to_stays(folder: Path) -> None:
    async def use(store: DeskStore) -> None:
        await approve(store, folder, weighed(folder), BY_SUE)
        (folder / "en/bill.md").write_text(BILL.replace("short:", "follow_ups: [wifi]\nshort:"))
        with pytest.raises(KnowledgeError, match="follow-up 'wifi'"):
            await roll_back(store, folder, 1, BY_SUE)
        assert found(folder) == "wifi"

    using(folder, use)


def test_an_unknown_version_is_named(folder: Path) -> None:
    async def use(store: DeskStore) -> None:
        with pytest.raises(StoreError, match="version 3"):
            await roll_back(store, folder, 3, BY_SUE)

    using(folder, use)


def test_a_file_that_cannot_be_written_leaves_no_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    async def use(store: DeskStore) -> None:
        asked = weighed(folder)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(KnowledgeError, match="cannot be written: No space left"):
            await approve(store, folder, asked, BY_SUE)
        assert await versions.versions(store) == []
        assert load(folder).entry("wifi", "en") is None
        assert check(folder) == ()

    using(folder, use)


def test_a_version_that_cannot_be_kept_takes_the_file_back(folder: Path) -> None:
    """The row is written, the file too, and then the database fails to commit."""

    async def use(store: DeskStore) -> None:
        asked = weighed(folder)
        async with store.writing() as connection:
            await connection.exec_driver_sql(
                "CREATE TABLE late (id INTEGER PRIMARY KEY, of INTEGER REFERENCES nowhere(id) DEFERRABLE INITIALLY DEFERRED)"
            )
            await connection.exec_driver_sql("CREATE TABLE nowhere (id INTEGER PRIMARY KEY)")
            await connection.exec_driver_sql("CREATE TRIGGER fails AFTER INSERT ON kb_versions BEGIN INSERT INTO late (of) VALUES (1); END")
        with pytest.raises(StoreError):
            await approve(store, folder, asked, BY_SUE)
        assert not (folder / "en/wifi.md").exists()
        assert await versions.versions(store) == []

    using(folder, use)


def test_a_file_keeps_its_mode(folder: Path) -> None:
    path = folder / "en/bill.md"
    path.chmod(0o664)
    entry = load(folder).entry("bill", "en")
    assert entry

    async def use(store: DeskStore) -> None:
        await approve(store, folder, weighed(folder, replace(draft_of(entry), short="By the app.")), BY_SUE)
        assert stat.S_IMODE(path.stat().st_mode) == 0o664

    using(folder, use)
