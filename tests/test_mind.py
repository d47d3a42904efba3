"""What a call makes of each sound: protected input leaves no trace, another language holds from the next word on, offers and marks are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.conversation import Held, hangs_up, hold, interrupts, keyed, says
from tests.kit.customers import PEOPLE
from tests.kit.hotline import hotline
from tests.kit.speech import scripted_ears
from voicebot.mind import Dialled, Mind
from voicebot.privacy.redact import MARK
from voicebot.settings import Recording
from voicebot.store.events import BotSpoke, CallerSpoke, Decided, DigitPressed, OfferAnswered, Recorded, SurveyAnswered, encode
from voicebot.telephony.recording import Recordings

HEAVY = PEOPLE[2]
CALLER = {"VOICEBOT_ANI": HEAVY.phone}


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


def recorded(folder: Path) -> Held:
    bench = hotline(folder)
    bench.bot = replace(bench.bot, recordings=Recordings(Recording(enabled=True, folder=folder / "recordings")))
    spelt = " ".join(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"][int(digit)] for digit in "9733")
    return hold(bench, says("how much is my bill"), says(spelt), keyed(HEAVY.pin), says("goodbye", 600), variables=CALLER)


def test_no_digit_of_a_pin_stands_in_the_record_and_none_is_recorded(tmp_path: Path) -> None:
    held = recorded(tmp_path)
    assert [event.key for event in held.record.of(DigitPressed)] == ["x"] * 4
    assert held.record.of(CallerSpoke)[1].text == MARK
    lines = "\n".join(encode(event) for _, event in held.record.lines)
    assert HEAVY.pin not in lines
    assert "9733" not in lines
    assert "nine" not in lines
    assert [(event.on, event.why) for event in held.record.of(Recorded)] == [
        (True, ""),
        (False, "protected input"),
        (True, "protected input is over"),
    ]
    assert held.wrongs() == []


def test_each_decision_stands_in_the_record_with_its_reason_and_its_kind(tmp_path: Path) -> None:
    decided = recorded(tmp_path).record.of(Decided)
    assert [event.decision for event in decided] == ["Lookup", "Verify", "Verify", "Lookup", "Reply", "EndCall"]
    assert all(event.reason for event in decided)
    assert [event.kind for event in decided] == ["account", "", "", "", "", "chit-chat"]


def test_an_offer_that_is_accepted_and_a_mark_stand_in_the_record(tmp_path: Path) -> None:
    acts = [says("how much data do i have left"), keyed(HEAVY.pin), says("thanks", 600), says("yes", 600), says("no thank you"), keyed("5")]
    record = hold(hotline(tmp_path, survey=True), *acts, variables=CALLER).record
    assert record.of(OfferAnswered) == [OfferAnswered("data-pack", True)]
    assert record.of(SurveyAnswered) == [SurveyAnswered(5)]
    assert record.outcome == "contained"


def test_a_survey_nobody_answers_is_journalled_as_that(tmp_path: Path) -> None:
    record = hold(hotline(tmp_path, survey=True), says("how do i reset my voicemail pin"), says("goodbye", 600)).record
    assert record.of(SurveyAnswered) == [SurveyAnswered(None)]
    assert (record.outcome, record.sealed_by) == ("contained", "bot")


def test_the_caller_changes_the_language_and_back(tmp_path: Path) -> None:
    held = hold(hotline(tmp_path), says("in chinese please"), says("说英文", 600), says("how do i reset my voicemail pin"), hangs_up())
    said = [event.text for event in held.record.of(BotSpoke)]
    assert said[1:3] == ["请问要办什么？", "How can I help?"]
    assert "option four" in said[3]


def test_slower_speech_takes_longer(tmp_path: Path) -> None:
    held = hold(hotline(tmp_path), says("how do i reset my voicemail pin"), says("slower please"), hangs_up())
    answers = [event for event in held.record.of(BotSpoke) if event.kind == "answer"]
    assert answers[1].length_ms == pytest.approx(answers[0].length_ms * 1.25, abs=40)


def test_a_caller_who_speaks_while_it_is_looked_up_is_heard_after_it(tmp_path: Path) -> None:
    bench = hotline(tmp_path, trouble="slow")
    held = hold(bench, says("how much is my bill"), interrupts("agent please", 300, 400), variables=CALLER)
    assert held.story[-2:] == ["handover to support: asked for a person", "bot, handover: Connecting you."]
    assert held.wrongs() == []


def test_a_caller_who_hangs_up_while_it_is_looked_up_leaves_nothing(tmp_path: Path) -> None:
    held = hold(hotline(tmp_path, trouble="slow"), says("how much is my bill"), hangs_up(200), variables=CALLER)
    assert held.ending == "abandoned by caller"
    assert held.wrongs() == []


def test_how_the_call_came_in_is_a_value() -> None:
    assert Dialled("en", False, "1") == Dialled("en", False, "1")
    assert Mind.__doc__


def test_an_entry_that_is_always_for_a_person_is_answered_before_the_caller_is_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = property(lambda mind: replace(mind.tongue.rules, persons=frozenset({"voicemail-pin"})))
    monkeypatch.setattr(Mind, "rules", rules)
    held = hold(hotline(tmp_path), says("how do i reset my voicemail pin"))
    said = [(event.kind, event.entry_id) for event in held.record.of(BotSpoke)]
    assert said[1:] == [("answer", "voicemail-pin"), ("handover", None)]
    assert held.wrongs() == []
