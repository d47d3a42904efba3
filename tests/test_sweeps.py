"""Every call that the kit can tell, again and again: broken off at each step of its tasks, once and twice; each request and each call of an engine
failing in turn. Whatever befalls it, nothing is left behind, the caller is with a person or gone, and the record tells what may happen.

A run takes a sample, the same for the same seed; `SWEEPS=all pytest tests/test_sweeps.py` takes all, `SWEEPS_SEED=n` another sample.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.kit.asterisk import Trouble
from tests.kit.bot import Bench
from tests.kit.conversation import CLOSED, Held, says
from tests.kit.speech import Trouble as EngineTrouble
from tests.kit.speech import scripted_ears
from tests.kit.strikes import Strike
from tests.kit.tales import TALES, Tale
from tests.kit.troubled import TROUBLED
from voicebot.memory import recalled

ALL = os.environ.get("SWEEPS") == "all"
SEED = int(os.environ.get("SWEEPS_SEED", "1"))
EVERY = (*TALES, *TROUBLED)
each_tale = pytest.mark.parametrize("tale", EVERY, ids=lambda tale: tale.title)


@dataclass(frozen=True)
class Mishap:
    """What befalls one run of a call: `bend` the bot before it, `world` what Asterisk and the clock do."""

    told: str
    world: Mapping[str, Any]
    bend: Callable[[Bench], None] = lambda _bench: None
    may_leave: Sequence[str] = ()
    judged: bool = True
    """Whether the record must be whole: not when the journal itself lost a line."""


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """How many calls were made for each sweep; printed at the end."""
    counted: Counter[str] = Counter()
    yield counted
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    sums = ", ".join(f"{number:,} calls with {what}" for what, number in counted.items())
    with capture.global_and_fixture_disabled():
        print(f"\nsweeps over {len(EVERY)} conversations: {sums} ({'all' if ALL else f'a sample, SWEEPS_SEED={SEED}'})")


def sampled(mishaps: Sequence[Mishap], share: float, tale: Tale) -> Sequence[Mishap]:
    chosen = random.Random(f"{SEED} {tale.title}")
    return mishaps if ALL else chosen.sample(mishaps, round(len(mishaps) * share))


def swept(tale: Tale, folder: Path, mishaps: Sequence[Mishap]) -> list[str]:
    """What went wrong, by what had befallen the call."""
    found = []
    for mishap in mishaps:
        try:
            held = tale.hold(folder, quick=True, bend=mishap.bend, **mishap.world)
            wrongs = held.wrongs() if mishap.judged else held.leaks()
        except BaseException as error:
            error.add_note(mishap.told)
            raise
        found += [f"{mishap.told}: {wrong}" for wrong in wrongs if wrong not in mishap.may_leave]
    return found


def struck(*strikes: Strike) -> Mishap:
    told = " and ".join(f"{strike.what} before step {strike.step}" for strike in strikes)
    return Mishap(told, {"strikes": strikes})


def undisturbed(tale: Tale, folder: Path) -> Held:
    held = tale.hold(folder, quick=True)
    assert held.story == list(tale.story)
    assert held.wrongs() == []
    return held


@each_tale
def test_broken_off_before_any_step(tale: Tale, tmp_path: Path, runs: Counter[str]) -> None:
    steps = range(2, undisturbed(tale, tmp_path).steps + 1)  # before its first step a call has done nothing that could leak
    assert len(steps) > 20
    mishaps = [struck(Strike(step, "hang up")) for step in steps]
    mishaps += sampled([struck(Strike(step, "stop")) for step in steps], 0.35, tale)
    mishaps += sampled([struck(Strike(step, what)) for what in ("media", "control", "freeze") for step in steps], 0.1, tale)
    runs["one break"] += len(mishaps)
    assert swept(tale, tmp_path, mishaps) == []


@each_tale
def test_broken_off_again_while_the_first_break_is_dealt_with(tale: Tale, tmp_path: Path, runs: Counter[str]) -> None:
    steps = range(2, undisturbed(tale, tmp_path).steps + 1)
    mishaps = [
        struck(Strike(step, first), Strike(step + later, second))
        for step in steps
        for first in ("hang up", "stop", "media", "control")
        for second in ("hang up", "stop", "control")
        for later in range(1, 31, 1 if first != second else 2)
        if first != second or first == "stop"
    ]
    mishaps = list(sampled(mishaps, 12 / len(mishaps), tale))
    runs["two breaks"] += len(mishaps)
    assert swept(tale, tmp_path, mishaps) == []


def test_stopped_three_times_over_the_clean_up_is_finished_all_the_same(tmp_path: Path) -> None:
    tale = next(tale for tale in EVERY if tale.title == "who asks for a person is queued with a briefing")
    steps = undisturbed(tale, tmp_path).steps
    mishaps = [struck(*(Strike(step + later, "stop") for later in (0, 3, 6))) for step in range(2, steps + 1)]
    assert swept(tale, tmp_path, mishaps) == []


ENGINES: Mapping[str, Callable[[Bench], Any]] = {
    "recogniser": lambda bench: bench.recogniser,
    "voice": lambda bench: bench.phrases,
    "spool": lambda bench: bench.spool,
}


def fails(engine: str, number: int, trouble: EngineTrouble, bench: Bench) -> None:
    part = ENGINES[engine](bench)
    part.troubles = {**part.troubles, number: trouble}


LEFT = {CLOSED[0]: ["channel c1-media is left"], CLOSED[1]: ["bridge c1-bridge is left"]}
"""What Asterisk refuses to take down stays until the next sweep."""
WITHOUT_REASON = "on the way to a person, and the record does not say why"


def failing(base: Held) -> Iterator[Mishap]:
    """Everything that the undisturbed call asked for, failing in every way it can."""
    for number, request in enumerate(base.asterisk.asked, start=1):
        for trouble in get_args(Trouble):
            left = LEFT.get(request, ()) if trouble.isdigit() else ()
            yield Mishap(f"request {number}, {request}: {trouble}", {"troubles": {number: trouble}}, may_leave=left)
    for engine, part in ENGINES.items():
        for number in range(1, part(base.bench).asked + 1):
            for what in get_args(EngineTrouble):
                yield Mishap(f"{engine}, call {number}: {what}", {}, partial(fails, engine, number, what))
    for number in range(2, base.record.offered + 1):
        yield Mishap(f"line {number} of the journal is refused", {"refuses": number}, may_leave=[WITHOUT_REASON], judged=False)


@each_tale
def test_whatever_fails_the_caller_is_queued_or_gone_and_nothing_is_left(tale: Tale, tmp_path: Path, runs: Counter[str]) -> None:
    mishaps = sampled(list(failing(undisturbed(tale, tmp_path))), 0.25, tale)
    runs["one fault"] += len(mishaps)
    assert swept(tale, tmp_path, mishaps) == []


@each_tale
def test_taken_over_after_any_line_of_its_record(tale: Tale, tmp_path: Path, runs: Counter[str]) -> None:
    record = undisturbed(tale, tmp_path).record.history
    lost = [record[:length] for length in range(1, len(record)) if not recalled(record[:length]).let_go]
    again = replace(tale, acts=[says("agent please"), says("agent please")], where=())
    mishaps = sampled([Mishap(f"lost after {before[-1].type}, line {before[-1].seq}", {"before": before}) for before in lost], 0.4, tale)
    runs["a lost controller"] += len(mishaps)
    assert swept(again, tmp_path, mishaps) == []
