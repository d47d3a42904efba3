"""What a soak says about a voicebot that keeps things: records, memory, files. Planted leaks fail it; a clean one passes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from voicebot.store.calls import CallRecord, CallSummary
from voicebot.store.check import Checked
from voicebot.store.events import CallSealed, Line, encode, tag
from voicebot.store.history import Violation
from voicebot.testbed import audio, bench_soak
from voicebot.testbed.bench_figures import Result
from voicebot.testbed.bench_soak import Memory, Size, soak
from voicebot.testbed.g711 import Samples
from voicebot.testbed.hangups import Callers, Plan, Played
from voicebot.testbed.leftovers import Held
from voicebot.testbed.processes import Process
from voicebot.testbed.rig import Rig

Run = Callable[[Coroutine[Any, Any, Any]], Any]
TWENTY = Size(20, 4)
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
CLEAN: Held = {"channels": 0, "calls in progress": 0, "bridges": 0, "controller sockets": 5}
CONTROLLER = Process(3, 1, "python -m voicebot serve --settings x", 0.0)


def told(_what: str) -> None:
    """Nobody waits."""


@dataclass
class World:
    """A voicebot without calls: what it holds afterwards, and how the journal has each caller."""

    after: Held = field(default_factory=lambda: CLEAN)
    records: int = 1
    seals: int = 1
    broken: bool = False
    answered: bool = True
    family: list[Sequence[Process]] = field(default_factory=lambda: [(CONTROLLER,)])
    anis: list[str] = field(default_factory=list)
    looks: int = 0

    @property
    def rig(self) -> Rig:
        settings = SimpleNamespace(store=SimpleNamespace(url="sqlite://"))
        return cast(Rig, SimpleNamespace(settings=settings, plan=SimpleNamespace(agents={}), processes=self.processes))

    def processes(self) -> Sequence[Process]:
        self.looks += 1
        return self.family[min(self.looks, len(self.family)) - 1]

    async def one(self, plan: Plan) -> Played:
        await asyncio.sleep(0)
        self.anis.append(f"555{len(self.anis)}")
        return Played(plan, self.anis[-1], self.answered, True)

    async def settled(self, _look: object, before: Held | None = None) -> Held:
        return CLEAN if before is None else self.after

    async def recent(self, _url: str, limit: int) -> list[CallSummary]:
        assert limit > len(self.anis) * self.records
        return [self._summary(f"{ani}-{number}", ani) for ani in self.anis for number in range(self.records)]

    async def show(self, _url: str, call_id: str) -> CallRecord:
        seal = CallSealed("abandoned", "caller", 5)
        lines = tuple(Line(call_id, seq, 0, BEGUN, tag(seal), encode(seal)) for seq in range(self.seals))
        return CallRecord(self._summary(call_id, ""), (), lines)

    async def check(self, _url: str) -> Checked:
        wrong: dict[str, tuple[Violation, ...]] = {"x": (Violation("notice first", 3, "decided before the notice"),)} if self.broken else {}
        return Checked(len(self.anis), 0, wrong)

    def _summary(self, call_id: str, ani: str) -> CallSummary:
        return CallSummary(call_id, BEGUN, ani, "100", "en", "c", None, None, None, "abandoned", "caller", None, 1, 0)


@pytest.fixture
def soaked(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The result of a soak of 20 calls in a World."""

    async def spoken(*_: object) -> Samples:
        return audio.silence(0.1)

    def made(size: Size = TWENTY, **how: Any) -> Result:
        world = World(**how)
        monkeypatch.setattr(bench_soak, "synth", spoken)
        monkeypatch.setattr(bench_soak, "settled", world.settled)
        monkeypatch.setattr(bench_soak, "check", world.check)
        monkeypatch.setattr("voicebot.testbed.bench_soak.calls.recent", world.recent)
        monkeypatch.setattr("voicebot.testbed.bench_soak.calls.show", world.show)
        monkeypatch.setattr(Callers, "_one", world.one)
        result: Result = run(soak(world.rig, size, told))
        return result

    return made


def failed(result: Result) -> list[str]:
    return [figure.name for figure in result.figures if figure.passed is False]


def test_a_voicebot_that_keeps_nothing_passes(soaked: Callable[..., Result]) -> None:
    result = soaked()
    assert failed(result) == []
    assert result.figures[0].measured == 20
    assert sum("moment" in row for row in result.trials) == 20


def test_fewer_calls_than_asked_for_fail(soaked: Callable[..., Result]) -> None:
    assert failed(soaked(Size(20, 4, minutes=-1))) == ["calls placed"]


@pytest.mark.parametrize("name", ["bridges", "channels", "controller sockets"])
def test_a_leak_fails(name: str, soaked: Callable[..., Result]) -> None:
    assert failed(soaked(after={**CLEAN, name: CLEAN[name] + 1})) == [f"{name} left"]


def test_a_crash_fails_even_if_all_is_well_again(soaked: Callable[..., Result]) -> None:
    [name] = failed(soaked(family=[(CONTROLLER,), (Process(4, 1, CONTROLLER.command, 0.0),)]))
    assert name.startswith("processes that ended: controller")


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ({"records": 2}, "answered calls without exactly one record"),
        ({"records": 0}, "answered calls without exactly one record"),
        ({"records": 2, "answered": False}, "unanswered calls with more than one record"),
        ({"seals": 0}, "records not sealed exactly once, of 20"),
        ({"seals": 2}, "records not sealed exactly once, of 20"),
        ({"broken": True}, "records that break an invariant: notice first"),
    ],
)
def test_a_fault_in_the_journal_fails(how: dict[str, Any], name: str, soaked: Callable[..., Result]) -> None:
    assert failed(soaked(**how)) == [name]


def test_who_hung_up_before_the_bot_was_there_may_have_no_record(soaked: Callable[..., Result]) -> None:
    assert failed(soaked(records=0, answered=False)) == []


# Memory.


def memory(grows: Callable[[float], float], monkeypatch: pytest.MonkeyPatch, long_s: float = 600.0) -> Memory:
    """Sampled over `long_s`; `grows` gives bytes by the share of the time that has passed."""
    found = Memory()
    for number in range(100):
        size = round(grows(number / 99))
        monkeypatch.setattr(bench_soak, "heap_bytes", lambda _pid, size=size: size)
        found.take(number / 99 * long_s, {3: "controller"})
    return found


@pytest.mark.parametrize(
    ("grows", "passed"),
    [
        (lambda share: 1e8, True),
        (lambda share: 1e8 * (1 + 0.015 * share), True),
        (lambda share: 1e8 * (1 + 0.03 * share), False),
        (lambda share: 1e8 * (1 + min(share, 0.4)), True),
    ],
    ids=["constant", "0.75 % over the second half", "1.5 % over the second half", "warms up only"],
)
def test_memory_may_grow_by_a_hundredth_over_the_second_half(grows: Callable[[float], float], passed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    [figure] = memory(grows, monkeypatch).figures()
    assert figure.passed is passed
    assert "memory of controller" in figure.name
    assert "95 % between" in figure.name


def test_a_short_run_tells_memory_without_judging_it(monkeypatch: pytest.MonkeyPatch) -> None:
    [figure] = memory(lambda share: 1e8 * (1 + share), monkeypatch, long_s=60.0).figures()
    assert figure.passed is None
    assert figure.measured > 10


def test_the_parts_are_summed_and_told_in_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_soak, "heap_bytes", lambda _pid: 2**20)
    found = Memory()
    found.take(7.0, {3: "controller", 4: "workers", 5: "workers"})
    assert found.rows() == ({"memory_at_s": 0.0, "controller": 1.0, "workers": 2.0},)
    assert all(math.isnan(figure.measured) for figure in found.figures())
