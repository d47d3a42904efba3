from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.kit.deskkit import BEGUN, WITH_BOT, lines
from voicebot.desk.pages.wrap_up import DISPOSITIONS, DUE_H, LONGEST_TEXT, Filled, IncompleteError, finished
from voicebot.desk.wording import table
from voicebot.handover.story import Story, told
from voicebot.store.after import Finished, WrapUp

GOOD = Filled("answered", True)


def story() -> Story:
    found = told(lines(*WITH_BOT))
    assert found
    return found


def kept(filled: Filled) -> Finished:
    return finished(filled, story(), "ann", BEGUN, "write both")


def test_the_least_is_how_it_ended() -> None:
    assert kept(GOOD) == Finished(WrapUp("c1", "ann", BEGUN, "answered", True, ""))


def test_what_the_caller_meant_is_kept() -> None:
    assert kept(replace(GOOD, meant="roaming-cost", resolved=False)).wrap_up == WrapUp("c1", "ann", BEGUN, "answered", False, "roaming-cost")


@pytest.mark.parametrize(("was", "entry_id"), [("wrong", "bill-higher"), ("missing", "")])
def test_a_wrong_answer_names_its_entry_and_a_missing_one_none(was: str, entry_id: str) -> None:
    proposal = kept(replace(GOOD, answer_was=was, question=" why ", better=" because ")).proposal
    assert proposal
    assert (proposal.kind, proposal.entry_id, proposal.question, proposal.answer) == (was, entry_id, "why", "because")
    assert (proposal.language, proposal.staff, proposal.state) == ("en", "ann", "open")


@pytest.mark.parametrize(("question", "better"), [("", ""), ("why", ""), ("", "because"), ("  ", "\n")])
def test_half_a_proposal_is_refused_in_words(question: str, better: str) -> None:
    with pytest.raises(IncompleteError, match="write both"):
        kept(replace(GOOD, answer_was="missing", question=question, better=better))


def test_a_task_is_due_when_the_agent_says() -> None:
    task = kept(replace(GOOD, follow_up=" call back ", due_h=2)).follow_up
    assert task
    assert (task.text, task.due_utc, task.staff) == ("call back", BEGUN + timedelta(hours=2), "ann")


def test_what_is_far_too_long_is_cut() -> None:
    long = "x" * 10_000
    found = kept(replace(GOOD, answer_was="missing", question=long, better=long, follow_up=long))
    assert found.proposal
    assert found.follow_up
    assert {len(found.proposal.question), len(found.proposal.answer), len(found.follow_up.text)} == {LONGEST_TEXT}


def test_every_disposition_has_words_and_the_usual_time_is_one_of_the_choices() -> None:
    assert {f"dispositions.{one}" for one in DISPOSITIONS} <= table("en").keys()
    assert Filled("other", False).due_h in DUE_H
