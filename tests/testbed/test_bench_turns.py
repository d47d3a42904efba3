"""Interruptions, murmurs and noises: drawn alike from a seed, and judged as the caller would."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest

from voicebot.testbed import audio, bench_turns
from voicebot.testbed.bench_turns import Case, Kind, Outcome, cases, judged, row, told
from voicebot.testbed.g711 import Samples
from voicebot.testbed.overlap import Step

CASE = Case("interruption", "where is my bill", "flite:slt", 0, audio.silence(4), onset_ms=1_000, end_ms=2_000)


def course(text: str) -> tuple[Step, ...]:
    """ "1100 pause, 1500 flush" """
    found: list[Any] = [part.split() for part in text.split(", ") if part]
    return tuple(Step(int(at_ms), deed, " ".join(words)) for at_ms, deed, *words in found)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("", Outcome(False, math.inf, 0, 0, ())),
        ("1100 pause, 1500 flush, 2300 turn where is my bill", Outcome(True, 100, 0, 0, ("where is my bill",))),
        ("1100 pause, 1700 resume, 1800 pause, 2100 flush", Outcome(True, 800, 1, 600, ())),
        ("1100 pause, 1700 resume, 1900 flush", Outcome(True, 900, 1, 600, ())),
        ("1100 pause, 2050 resume, 2400 turn my bill", Outcome(False, math.inf, 0, 950, ("my bill",))),
        ("1100 pause, 1300 resume, 1500 pause, 2100 resume", Outcome(False, math.inf, 1, 600, ())),
        ("1000 pause, 1200 flush, 3000 flush", Outcome(True, 0, 0, 0, ())),
    ],
)
def test_outcomes(steps: str, expected: Outcome) -> None:
    assert judged(CASE, course(steps)) == expected


@pytest.mark.parametrize(
    ("outcome", "let_go"),
    [
        (Outcome(False, math.inf, 0, 0, ()), True),
        (Outcome(False, math.inf, 0, 700, ()), True),
        (Outcome(False, math.inf, 0, 720, ()), False),
        (Outcome(False, math.inf, 0, 300, ("okay",)), False),
        (Outcome(True, 80, 0, 0, ()), False),
    ],
)
def test_let_go_means_in_time_and_without_a_turn(outcome: Outcome, let_go: bool) -> None:
    assert outcome.let_go is let_go


def of(kind: Kind) -> Case:
    return Case(kind, "", "", 0, audio.silence(1))


def test_the_figures_are_shares_of_their_kind() -> None:
    taken, missed = Outcome(True, 90, 0, 0, ()), Outcome(False, math.inf, 1, 300, ())
    found = [of("interruption")] * 2 + [of("murmur"), of("noise")]
    by_name = {figure.name: figure for figure in told("these", found, [taken, missed, taken, missed])}
    assert by_name["these: interruptions taken (1 of 2)"].measured == 50
    assert by_name["these: interruptions taken (1 of 2)"].passed is False
    assert by_name["these: spoken into (1 of 2)"].measured == 50
    assert by_name["these: murmurs let go (0 of 1)"].passed is False
    assert by_name["these: noises let go (1 of 1)"].passed is True


def test_a_row_tells_what_was_said_and_what_came_of_it() -> None:
    told_row = row(CASE, Outcome(True, 90, 0, 0, ("where is", "my bill")))
    assert told_row["text"] == "where is my bill"
    assert told_row["words"] == "where is | my bill"


def test_cases_follow_from_their_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def synth(text: str, voice: str, _cache: Any, **_pause: int) -> Samples:
        return audio.tone(200 + len(text) + len(voice), 0.5)

    monkeypatch.setattr(bench_turns, "synth", synth)
    monkeypatch.setattr(bench_turns, "synth_with_pause", synth)
    first, again, other = (asyncio.run(cases(12, seed, ("a:b", "c:d"))) for seed in (1, 1, 2))
    assert [case.kind for case in first] == ["interruption"] * 12 + ["murmur"] * 6 + ["noise"] * 3
    assert all(np.array_equal(one.samples, two.samples) for one, two in zip(first, again, strict=True))
    assert [case.text for case in first] != [case.text for case in other]
    assert {case.voice for case in first if case.kind != "noise"} == {"a:b", "c:d"}
    for case in first:
        spoken = audio.levels_db(case.samples[case.onset_ms * 8 : case.end_ms * 8]).max()
        silent = audio.levels_db(case.samples[: case.onset_ms * 8]).max()
        assert spoken > silent + 10
        assert case.gap_ms == 0 or " " in case.text
