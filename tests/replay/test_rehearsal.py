"""What callers said to others goes through the policy of the calls, and the deeds of the bot are counted."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from tests.kit.bot import KNOWLEDGE, ScriptedMatcher
from voicebot.bot import Tongue
from voicebot.dialogue.decisions import Rules
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.prompts import Prompts
from voicebot.dialogue.script import Script
from voicebot.replay.rehearsal import Replayed, replayed, totals
from voicebot.replay.transcripts import Told
from voicebot.settings import Turns
from voicebot.speech.completeness import Completeness
from voicebot.speech.ear import Hearing


@pytest.fixture(scope="module")
def tongue() -> Tongue:
    said = {field.name: field.name for field in fields(Prompts)} | {"did_you_mean": "{a} or {b}", "did_you_mean_this": "{a}"}
    script = Script("en", Prompts(**said | {"language": "en"}), KNOWLEDGE)
    matcher: Any = ScriptedMatcher()
    hearing = Hearing("en", Turns(), lambda _text: Completeness.COMPLETE)
    return Tongue(hearing, {True: script, False: script}, Intents.load("en"), matcher, Rules())


def call(tongue: Tongue, *said: str) -> Replayed:
    return replayed(Told("call", tuple((text, 1.0) for text in said)), tongue)


def test_a_known_question_is_answered_and_the_call_contained(tongue: Tongue) -> None:
    found = call(tongue, "when are you open", "thank you goodbye")
    assert [(turn.deed, turn.entry_id) for turn in found.turns] == [("answered", "opening-hours"), ("ended", None)]
    assert found.turns[0].spoken == "we are open from eight to six"
    assert (found.outcome, found.why, found.unheard) == ("contained", "", 0)


def test_a_caller_who_hangs_up_after_an_answer_is_contained(tongue: Tongue) -> None:
    assert call(tongue, "when are you open").outcome == "contained"


def test_what_could_mean_two_things_is_asked(tongue: Tongue) -> None:
    found = call(tongue, "my bill")
    assert found.turns[0].deed == "asked"
    assert found.outcome == "unanswered"


def test_a_wish_for_a_person_escalates_and_what_follows_is_counted_not_played(tongue: Tongue) -> None:
    found = call(tongue, "i want to talk to a person", "my bill", "when are you open")
    assert [turn.deed for turn in found.turns] == ["escalated"]
    assert (found.outcome, found.why, found.unheard) == ("escalated", "asked for a person", 2)


def test_a_call_in_which_nothing_was_said_is_unanswered(tongue: Tongue) -> None:
    assert call(tongue).outcome == "unanswered"


def test_all_calls_are_counted_together(tongue: Tongue) -> None:
    found = totals(
        [
            call(tongue, "when are you open"),
            call(tongue, "where do i find my bill", "when are you open"),
            call(tongue, "the sofa stands beside the piano", "the moon is made of cheese and so is my sofa"),
        ]
    )
    assert (found.calls, found.turns) == (3, 5)
    assert (found.contained, found.escalated, found.unanswered) == (2, 1, 0)
    assert found.entries == (("opening-hours", 2), ("bill-copy", 1))
    assert found.reasons == (("was not understood", 1),)
    assert dict(found.deeds)["answered"] == 3
    assert "the sofa stands beside the piano" in found.not_understood


def test_no_calls_are_no_fault() -> None:
    assert totals([]).calls == 0
