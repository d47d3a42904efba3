"""The bench of the wall: what is read from Asterisk's console and the desk's rows, and what its figures are made of."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from voicebot.desk.pages.wall_view import rows
from voicebot.handover.story import Stage, Story
from voicebot.testbed.bench_wall import PLACES, Change, Watch, changes, in_asterisk, on_the_wall, result

NOW = datetime(2026, 3, 14, tzinfo=UTC)
CONCISE = """\
PJSIP/6001-00000001!voicebot-agents!s!1!Up!AppQueue!(Outgoing Line)!!!!3!7!b1!voicebot-1.2
PJSIP/voicebot-caller-00000000!voicebot-handover!s!19!Up!Queue!support,i,,,12!5551!!!3!16!b1!voicebot-1.0
PJSIP/voicebot-caller-00000002!voicebot-handover!s!19!Up!Queue!support,i,,,12!5552!!!3!16!!voicebot-1.3
PJSIP/voicebot-caller-00000003!voicebot-caller!s!5!Up!Stasis!voicebot!5553!!!3!16!b2!voicebot-1.4
PJSIP/voicebot-caller-00000004!voicebot-caller!s!5!Ring!Stasis!voicebot!5554!!!3!16!!voicebot-1.5
PJSIP/voicebot-caller-00000005!voicebot-handover!s!9!Up!Playback!x!5555!!!3!16!!voicebot-1.6
nonsense
"""


def test_where_asterisk_has_each_caller_who_was_answered() -> None:
    assert in_asterisk(CONCISE) == {"5551": "agent", "5552": "waiting", "5553": "bot"}
    assert in_asterisk("") == {}


def test_where_the_wall_has_them() -> None:
    stages: tuple[Stage, ...] = ("bot", "leaving", "queue", "ringing", "briefing", "agent", "over")
    stories = [Story(f"c{number}", NOW, NOW, ani=str(number), stage=stage) for number, stage in enumerate(stages)]
    shown = on_the_wall(rows(stories, NOW))
    assert [shown.get(str(number)) for number in range(len(stages))] == ["bot", "bot", "waiting", "waiting", "waiting", "agent", None]


def watched(*looks: tuple[dict[str, str], float]) -> Watch:
    watch = Watch()
    for seen, at_s in looks:
        watch.saw(seen, at_s)  # type: ignore[arg-type]
    return watch


def test_each_place_counts_from_its_first_sight_and_who_is_seen_no_more_is_gone() -> None:
    watch = watched(({"1": "bot"}, 1.0), ({"1": "bot", "2": "bot"}, 2.0), ({"2": "waiting"}, 3.0), ({"2": "waiting"}, 4.0))
    assert watch.first_s == {("1", "bot"): 1.0, ("2", "bot"): 2.0, ("1", "gone"): 3.0, ("2", "waiting"): 3.0}
    assert watch.now == {"1": "gone", "2": "waiting"}


def test_the_wall_is_late_by_the_difference_and_never_early() -> None:
    asterisk = watched(({"1": "bot"}, 1.0), ({"1": "waiting"}, 2.0), ({}, 3.0))
    wall = watched(({"1": "bot"}, 0.5), ({"1": "waiting"}, 2.25))
    assert changes(asterisk, wall) == [Change("1", "bot", 0.0), Change("1", "waiting", 250.0), Change("1", "gone", math.inf)]


@pytest.mark.parametrize(
    ("found", "wrong", "failed"),
    [
        ([], 0, set()),
        ([Change("1", "waiting", 501.0)], 0, {"waiting: on the wall after p95"}),
        ([Change("1", "bot", math.inf)], 0, {"changes the wall never showed"}),
        ([], 2, {"callers shown elsewhere at the end"}),
    ],
)
def test_late_never_and_elsewhere_fail(found: list[Change], wrong: int, failed: set[str]) -> None:
    usual = [Change("7", place, 100.0) for place in PLACES if place not in {change.place for change in found if math.isfinite(change.late_ms)}]
    figures = result([*found, *usual], 1, wrong)
    assert {figure.name.split(" (")[0] for figure in figures.figures if figure.passed is False} == failed
    assert len(figures.trials) == len(found) + len(usual)


def test_a_run_in_which_nobody_talked_to_an_agent_fails() -> None:
    assert not result([Change("1", "bot", 1.0)], 1, 0).passed
