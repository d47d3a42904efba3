"""What waits for a reviewer, where a draft begins, and how a candidate leaves the list."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit.deskkit import BEGUN
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.knowledge import Knowledge
from voicebot.learning.asked import Asked
from voicebot.learning.candidates import Failing, Group
from voicebot.learning.draft import Draft, draft_of
from voicebot.learning.effect import Learn, Nothing
from voicebot.learning.pending import Candidate, Noted, author_of, begun, close, noted, pending, sentences, source_of
from voicebot.store import after, privacy
from voicebot.store.after import Finished, Proposal, WrapUp
from voicebot.store.desk import DeskStore
from voicebot.store.versions import Version

BILL = Entry("bill", "en", "a bill", (), None, ("how do i pay",), "In the app.", "App.", tests=("pay",))
KNOWLEDGE = Knowledge((BILL,), "v1")
MISSING = Proposal("p1", "c1", "ann", BEGUN, "missing", "en", "", "calls over  wifi?", "Yes.\nAt once.")
WRONG = replace(MISSING, proposal_id="p2", kind="wrong", entry_id="bill")
MISSED = Asked("c1", BEGUN, "en", "do you sell umbrellas in your shops", missed=True)
GROUP = Group("unanswered en/0f", "en", (MISSED,))
FAILING = Failing("bill", "en", 9, 5, 1)
NONE = Noted((), {}, ())


def learn(_language: str) -> Learn:
    def made(_entries: Sequence[Entry]) -> Nothing:
        return Nothing()

    return made


def test_everything_that_waits_is_there_by_a_name_without_callers_words() -> None:
    found = pending(replace(NONE, proposals=(MISSING, WRONG)), [MISSED], KNOWLEDGE, learn)
    assert found.proposals == (MISSING, WRONG)
    assert [group.asked for group in found.groups] == [(MISSED,)]
    assert found.failing == (Failing("bill", "en", 0, 0, 1),)
    assert list(found.by_source()) == ["proposal p1", "proposal p2", found.groups[0].key, "failing en/bill"]
    assert "umbrellas" not in "".join(found.by_source())


def test_what_was_declined_waits_no_more() -> None:
    key = pending(NONE, [MISSED], KNOWLEDGE, learn).groups[0].key
    assert pending(replace(NONE, declined={key: BEGUN}), [MISSED], KNOWLEDGE, learn).groups == ()


@pytest.mark.parametrize(("changed", "fails"), [(timedelta(0), True), (timedelta(days=1), False)])
def test_an_entry_that_was_changed_since_fails_only_by_what_came_after(changed: timedelta, fails: bool) -> None:
    asked = [each for call in "abcde" for each in (Asked(call, BEGUN, "en", "q", "bill"), Asked(call, BEGUN, "en", "no", handed=True))]
    made = Version(BEGUN + changed, "en", "bill", "sue", "sue", "why", "", "", "x", "+x")
    assert bool(pending(replace(NONE, versions=(made,)), asked, KNOWLEDGE, learn).failing) is fails


def test_a_draft_begins_with_what_the_agent_wrote() -> None:
    assert begun(MISSING, KNOWLEDGE) == Draft("calls-over-wifi", "en", "calls over wifi?", ("calls over wifi?",), "Yes. At once.", "Yes. At once.")


def test_a_wrong_answer_is_rewritten_in_its_entry() -> None:
    assert begun(WRONG, KNOWLEDGE) == Draft("bill", "en", "a bill", ("how do i pay", "calls over wifi?"), "Yes. At once.", "Yes. At once.", ("pay",))
    assert begun(replace(WRONG, entry_id="gone"), KNOWLEDGE).entry_id == "calls-over-wifi"


def test_of_what_callers_said_nothing_is_in_a_draft() -> None:
    assert begun(GROUP, KNOWLEDGE) == Draft("", "en", "", (), "", "")


def test_a_failing_entry_begins_as_it_is() -> None:
    assert begun(FAILING, KNOWLEDGE) == draft_of(BILL)
    assert begun(replace(FAILING, entry_id="gone"), KNOWLEDGE).title == ""


def test_the_author_is_the_agent_or_else_the_reviewer() -> None:
    assert [author_of(each, "sue") for each in (MISSING, GROUP, FAILING)] == ["ann", "sue", "sue"]


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("candidate", [MISSING, GROUP, FAILING], ids=["proposal", "group", "failing"])
def test_a_candidate_is_closed_once_and_a_decline_is_audited(tmp_path: Path, candidate: Candidate, approved: bool) -> None:
    async def scenario() -> None:
        async with DeskStore.open(f"sqlite+aiosqlite:///{tmp_path}/journal.db") as store:
            await after.finish(store, Finished(WrapUp("c1", "ann", BEGUN, "answered", True), MISSING))
            await close(store, candidate, approved=approved, by="sue", at_utc=BEGUN)
            found = await noted(store)
            assert (found.proposals == ()) is isinstance(candidate, Proposal)
            assert dict(found.declined) == ({} if approved or candidate is MISSING else {source_of(candidate): BEGUN})
            told = [(one.staff, one.deed, one.about) for one in await privacy.deeds(store)]
            assert told == ([] if approved else [("sue", "kb decline", source_of(candidate))])

    asyncio.run(scenario())


def test_what_callers_said_is_told_by_language_each_once() -> None:
    asked = [MISSED, replace(MISSED, call_id="c2"), replace(MISSED, language="zh", text="你好")]
    assert sentences(asked, "en") == (MISSED.text,)
    assert sentences(asked, "zh") == ("你好",)
