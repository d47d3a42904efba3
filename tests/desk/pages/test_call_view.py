"""The view of one call: its course in order, what the caller kept the bot from saying, its recordings, its latency."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.deskkit import COMPLAINT, QUESTION, QUEUED, WITH_BOT, handled, lines, over
from voicebot.desk.pages.call_view import CallView, Part, clock, view
from voicebot.desk.wording import table
from voicebot.store.events import (
    AngerScored,
    BriefingImproved,
    CallbackRequested,
    CallerSpoke,
    Event,
    Fault,
    NobodyThere,
    Recorded,
    Resumed,
    SurveyAnswered,
    TurnMeasured,
    Unknown,
)
from voicebot.telephony.followed import AWAY, GIVEN_UP, LEFT


def seen(*happened: tuple[int, Event]) -> CallView:
    return view(lines(*happened))


def test_the_course_is_in_order_and_in_words() -> None:
    found = seen(*WITH_BOT, *QUEUED, *handled("6001"), *over("6001"))
    assert [moment.at_ms for moment in found.moments] == sorted(moment.at_ms for moment in found.moments)
    told = [(moment.kind, moment.what) for moment in found.moments]
    assert ("caller", QUESTION) in told
    assert ("decided", "Answer: matched bill-higher 0.88") in told
    assert ("decided", "Ask back: two entries (roaming-cost, refund)") in told
    assert ("event", "6001 and caller talk") in told
    assert told[-1] == ("event", "sealed by floor: Talked to an agent")
    assert found.sealed
    assert found.briefing == "Caller asked for a person."


def test_words_stand_where_they_begin_not_where_they_were_written() -> None:
    moments = {moment.what: moment.at_ms for moment in seen(*WITH_BOT).moments}
    assert (moments[QUESTION], moments[COMPLAINT]) == (5_000, 13_400)


def test_what_was_spoken_over_stands_apart_from_what_was_heard() -> None:
    (cut,) = [moment for moment in seen(*WITH_BOT).moments if moment.unheard]
    assert (cut.what, cut.unheard, cut.mark) == ("Open My Bill", " in the app.", "bill-higher")


def test_long_numbers_are_masked() -> None:
    found = seen(*WITH_BOT, (25_000, CallerSpoke("my card is 4111 1111 1111 1111", 0.9, 24_000, 25_000)))
    assert "my card is ***" in [moment.what for moment in found.moments]


def test_anger_faults_and_a_new_controller_show() -> None:
    happened = ((9_000, AngerScored(0.42, evidence=("louder",), escalate=True)), (9_100, Fault("voice", "gone")), (9_200, Resumed("killed", 900)))
    told = [(moment.kind, moment.what, moment.mark) for moment in seen(*happened).moments][1:]
    assert told == [
        ("event", "anger 42: louder", "!"),
        ("fault", "fault, voice: gone", ""),
        ("fault", "taken over by another controller after 900 ms: killed", ""),
    ]


def test_what_the_caller_found_wished_and_thought_shows() -> None:
    happened = ((9_000, NobodyThere("out of hours")), (9_100, CallbackRequested()), (9_200, SurveyAnswered(4, "agent")))
    told = [(moment.kind, moment.what) for moment in seen(*happened, (9_300, SurveyAnswered(None))).moments][1:]
    assert told == [
        ("event", "nobody there: out of hours"),
        ("caller", "wants to be called back"),
        ("caller", "mark for the agent: 4"),
        ("caller", "mark for the bot: none"),
    ]


def test_a_line_of_a_later_version_is_passed_over() -> None:
    assert len(seen((100, Unknown("later", "no such event"))).moments) == 1


def test_each_recording_begins_where_it_was_first_switched_on() -> None:
    happened = [
        (at, Recorded(path, on)) for at, path, on in ((150, "a.wav", True), (900, "a.wav", False), (950, "a.wav", True), (5_000, "b.wav", True))
    ]
    assert seen(*happened, (6_000, Recorded("c.wav", False))).parts == (Part(Path("a.wav"), 150), Part(Path("b.wav"), 5_000))


def test_the_briefing_is_the_one_that_was_heard() -> None:
    improved = (28_000, BriefingImproved("model", 900, "Caller disputes roaming.", "a refund"))
    refused = (28_500, BriefingImproved("model", 900, refused="too long"))
    assert seen(*WITH_BOT, *QUEUED, improved, refused).briefing == "Caller disputes roaming."


def test_the_latency_of_each_turn() -> None:
    measured = TurnMeasured(640, 120, 4, 60, 824)
    assert seen(*WITH_BOT, (8_200, measured)).latency == ((8_200, measured),)


def test_a_moment_as_people_write_it() -> None:
    assert [clock(at) for at in (0, 999, 61_000, 3_600_000)] == ["0:00", "0:00", "1:01", "60:00"]


def test_the_course_is_told_in_the_language_of_who_looks() -> None:
    happened = (*WITH_BOT, (24_010, AngerScored(0.42, evidence=("louder than expected: +9 dB",))), *QUEUED, *handled("6001"), *over("6001"))
    told = [moment.what for moment in view(lines(*happened), "zh").moments if moment.kind in ("event", "fault")]
    assert {"愤怒 42：比预期大声：+9 分贝".replace("：", ": ", 1), "转到 support：要求人工", "6001 离开：挂断"} <= set(told)
    assert all(re.search("[\u4e00-\u9fff]", text) for text in told)


@pytest.mark.parametrize("why", [*LEFT.values(), *AWAY.values(), *GIVEN_UP.values()])
def test_every_end_of_a_wait_or_a_ring_has_words(why: str) -> None:
    assert f"ends.{why}" in table("zh")
