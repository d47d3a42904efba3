"""The wall's rows: who is where, what calls for a look, and who comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.kit.deskkit import ANI, BEGUN, QUEUED, WITH_BOT, handled, lines, over
from voicebot.desk.pages.wall_view import COLUMNS, LONG_WAIT, WEIGHTS, Alert, alerts, rows
from voicebot.handover.story import Felt, Story, told
from voicebot.store.events import AngerScored, Event

NOW = BEGUN + timedelta(seconds=45)


def story(*happened: tuple[int, Event]) -> Story:
    found = told(lines(*happened))
    assert found
    return found


WITH = story(*WITH_BOT)
WAITS = story(*WITH_BOT, *QUEUED)
TALKS = story(*WITH_BOT, *QUEUED, *handled("6001"))


def felt(*scores: float) -> tuple[Felt, ...]:
    return tuple(Felt(at, score) for at, score in enumerate(scores))


@pytest.mark.parametrize(("call", "column"), [(WITH, "bot"), (WAITS, "waiting"), (TALKS, "agent"), (story(*WITH_BOT, *QUEUED[:2]), "bot")])
def test_each_call_stands_where_its_caller_is(call: Story, column: str) -> None:
    assert [row.column for row in rows([call], NOW)] == [column]


def test_a_call_that_is_over_stands_nowhere() -> None:
    assert rows([story(*WITH_BOT, *QUEUED, *over()[:1])], NOW) == ()


def test_every_stage_but_the_end_has_one_column() -> None:
    stages = [stage for stages in COLUMNS.values() for stage in stages]
    assert sorted(stages) == sorted(("bot", "leaving", "queue", "ringing", "briefing", "agent"))


def test_a_row_tells_of_its_call() -> None:
    (row,) = rows([story(*WITH_BOT, (25_000, AngerScored(0.42)), *QUEUED, *handled("6001"))], NOW)
    assert (row.call_id, row.ani, row.language, row.topic, row.reason, row.agent) == ("c1", ANI, "en", "bill-higher", "asked for a person", "6001")
    assert (row.level, row.anger, row.since_utc) == ("tense", 42, BEGUN + timedelta(seconds=35))


@pytest.mark.parametrize(
    ("call", "after", "expected"),
    [
        (WITH, timedelta(hours=1), ()),
        (WAITS, LONG_WAIT, ()),
        (WAITS, LONG_WAIT + timedelta(seconds=1), ("wait",)),
        (replace(WAITS, urgent=True), timedelta(), ("urgent",)),
        (replace(TALKS, urgent=True), timedelta(hours=1), ()),
        (replace(WITH, unsure=2), timedelta(), ("unsure",)),
        (replace(WITH, faults=1), timedelta(), ("fault",)),
        (replace(WITH, felt=felt(0.1, 0.7)), timedelta(), ("angry",)),
        (replace(WITH, felt=felt(0.2, 0.4)), timedelta(), ("rising",)),
        (replace(WITH, felt=felt(0.3, 0.38, 0.46)), timedelta(), ("rising",)),
        (replace(WITH, felt=felt(0.05, 0.3)), timedelta(), ()),
        (replace(WITH, felt=felt(0.5, 0.4)), timedelta(), ()),
        (replace(WITH, felt=felt(0.5)), timedelta(), ()),
        (replace(WAITS, felt=felt(0.9), unsure=3, faults=1), LONG_WAIT * 2, ("angry", "wait", "unsure", "fault")),
    ],
)
def test_what_calls_for_a_look(call: Story, after: timedelta, expected: tuple[Alert, ...]) -> None:
    assert alerts(call, call.since_utc + after) == expected


def test_who_needs_help_comes_first_and_among_equals_the_longest() -> None:
    calls = [
        replace(WITH, call_id="calm"),
        replace(WITH, call_id="longer", since_utc=WITH.since_utc - timedelta(seconds=5)),
        replace(WITH, call_id="unsure", unsure=2),
        replace(WITH, call_id="angry", felt=felt(0.9)),
        replace(WITH, call_id="urgent", urgent=True),
    ]
    assert [row.call_id for row in rows(calls, NOW)] == ["urgent", "angry", "unsure", "longer", "calm"]
    assert WEIGHTS["urgent"] > WEIGHTS["angry"]
