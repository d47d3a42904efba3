"""An earlier call counts by what stands in its own story."""

from __future__ import annotations

from dataclasses import replace

from tests.kit.deskkit import BEGUN, QUEUED, WITH_BOT, lines, over
from voicebot.customers.profile import EarlierCall, profile
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.handover.earlier import earlier_call
from voicebot.handover.story import told
from voicebot.store.events import AngerScored, OptedOut

BILL = Entry("bill-higher", "en", "a higher bill", (), None, ("q",), "Look it up.", "Compare it.")
HAPPENED = ((50, OptedOut("recording")), *WITH_BOT, (24_050, AngerScored(0.9, escalate=True)), *QUEUED, *over("6001"))
TOLD = EarlierCall(BEGUN.date(), "handed_over", ("a higher bill",), "asked for a person", True, frozenset({"recording"}), "en")


def test_a_call_is_counted_whole() -> None:
    story = told(lines(*HAPPENED))
    assert story
    assert earlier_call(story, Knowledge((BILL,), "v1")) == TOLD


def test_an_answer_that_is_gone_counts_by_its_id_and_a_call_without_scores_was_not_angry() -> None:
    story = told(lines(*WITH_BOT))
    assert story
    found = earlier_call(story, Knowledge((), "v2"))
    assert (found.topics, found.angry, found.reason) == (("bill-higher",), False, "")
    assert earlier_call(replace(story, answered=()), Knowledge((), "v2")).topics == ()


def test_who_was_angry_when_he_was_handed_over_comes_first() -> None:
    assert profile(None, [TOLD], BEGUN.date(), False).priority == 1
    assert profile(None, [replace(TOLD, angry=False, reason="", outcome="contained")], BEGUN.date(), False).priority == 0
