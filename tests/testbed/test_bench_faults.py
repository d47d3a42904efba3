"""Verdicts over a made-up rig: a caller left alone, a bridge left behind, a record not sealed or wrong, a dead Asterisk must each fail the fault.

The faults themselves are put to a real Asterisk by tests/e2e and `scripts/bench faults`.
"""

from __future__ import annotations

import asyncio
import io
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from tests.kit.pretender import Pretender, pretending, voice
from voicebot.errors import StoreError, VoicebotError
from voicebot.store.calls import CallRecord, CallSummary
from voicebot.store.events import CallSealed, CallStarted, Event, Line, Resumed, encode, tag
from voicebot.testbed import bench_faults as bench
from voicebot.testbed import callers
from voicebot.testbed.bench_faults import Struck, faults, overview, result, strike
from voicebot.testbed.bench_figures import Result
from voicebot.testbed.fate import Fate
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.phone import Phone
from voicebot.testbed.processes import Process
from voicebot.testbed.rig import Rig, Target
from voicebot.testbed.strikes import Fault, Scene

Run = Callable[[Coroutine[Any, Any, Any]], Any]
AT = datetime(2026, 1, 1, tzinfo=UTC)
STARTED, SEALED = CallStarted("1", "100", "en", "c", AT), CallSealed("abandoned", "caller", 9)


@dataclass
class Stand:
    """A rig whose callers are in the queue as soon as the fault strikes, or never, with whatever else a test wants wrong."""

    target: Target
    queues: bool = True
    left: int = 0
    events: tuple[Event, ...] | None = (STARTED, SEALED)
    asterisk_dies: bool = False
    recovers: bool = True
    struck: bool = False
    mended: bool = False
    anis: list[str] = field(default_factory=list)

    def phone(self, codec: Codec = "PCMU") -> AbstractAsyncContextManager[Phone]:
        return self.target.phone(codec)

    def asterisk(self) -> Process:
        if self.asterisk_dies and self.struck and not self.mended:
            raise VoicebotError("no process with 'asterisk' runs")
        return Process(1003 + (self.asterisk_dies and self.struck), 1, "asterisk", 0.0)

    async def calls_in_progress(self) -> int:
        return int(self.recovers)

    async def console(self, command: str) -> str:
        if command.startswith("bridge"):
            return "Bridge-ID  Chans\n" + "b 2 stasis\n" * self.left
        if self.mended:
            return ""
        app = "Queue" if self.struck and self.queues else "Stasis"
        return "".join(f"PJSIP/c-{number}!c!100!6!Up!{app}!voicebot!{ani}!!!3!1!!1\n" for number, ani in enumerate(self.anis))

    async def journal(self, ani: str, sealed_within_s: float = 5.0) -> CallRecord:
        if self.events is None:
            raise StoreError("no call")
        summary = CallSummary(ani, AT, ani, "100", "en", "c", None, None, None, None, None, None, None, 0)
        return CallRecord(summary, (), tuple(Line(ani, seq, 0, AT, tag(event), encode(event)) for seq, event in enumerate(self.events)))


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spoken(_text: str, _voice: str, _folder: Path) -> Samples:
        return voice(7, 0.1)

    monkeypatch.setattr(callers, "synth", spoken)
    for name, value in {"STAGGER_S": 0.1, "INTO_CALL_S": 0.6, "LISTEN_S": 0.4, "TURN_S": 0.01, "ASKED_S": 0.1, "POLL_S": 0.02}.items():
        monkeypatch.setattr(callers, name, value)
    monkeypatch.setattr(bench, "SETTLED_S", 0.2)
    monkeypatch.setattr(bench, "RECOVERED_S", 0.3)


def struck(run: Run, monkeypatch: pytest.MonkeyPatch, *, invite: bool = False, asterisk_ends: bool = False, **how: Any) -> tuple[Result, Stand]:
    """One strike of a fault with two calls."""

    async def scenario() -> tuple[Result, Stand]:
        bot = Pretender([], greeting=voice(1, 2.5))
        async with pretending(bot) as target:
            stand = Stand(target, **how)
            dial = Phone.dial

            def noted(phone: Phone, number: str, ani: str = "") -> AbstractAsyncContextManager[Any]:
                stand.anis.append(ani)
                return dial(phone, number, ani)

            @asynccontextmanager
            async def breaks(_scene: Scene) -> AsyncIterator[None]:
                stand.struck = True
                yield
                stand.mended = True

            monkeypatch.setattr(Phone, "dial", noted)
            fault = Fault(breaks, "something breaks", invite=invite, asterisk_ends=asterisk_ends, watch_s=0.6)
            came = await strike(Scene(cast(Rig, stand), None, random.Random(1)), fault, 2)
            return result(fault, [came], 2), stand

    found: tuple[Result, Stand] = run(scenario())
    return found


def failed(found: Result) -> set[str]:
    return {figure.name for figure in found.figures if figure.passed is False}


def measured(found: Result) -> dict[str, float]:
    return {figure.name: figure.measured for figure in found.figures}


def test_a_caller_who_is_lost_before_the_strike_fails_the_fault(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found_with_bot = callers.conversing

    async def one_is_lost(*how: Any) -> list[callers.Line]:
        return (await found_with_bot(*how))[1:]

    monkeypatch.setattr(bench, "conversing", one_is_lost)
    found, _ = struck(run, monkeypatch)
    assert failed(found) == {"calls"}
    assert measured(found)["calls"] == 1


def test_count_times_repeat_calls_must_have_been_struck(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def stage(_fault: Fault) -> AsyncIterator[None]:
        yield None

    async def strikes(*_: Any) -> Struck:
        return Struck([Fate("1", "in queue", 1.0, 1.0)])

    monkeypatch.setattr(bench, "stage", stage)
    monkeypatch.setattr(bench, "strike", strikes)
    assert failed(run(bench.measured("kill", 1, 3, lambda _what: None))) == set()
    assert failed(run(bench.measured("kill", 2, 3, lambda _what: None))) == {"calls"}


@pytest.mark.parametrize("invite", [True, False])
def test_callers_in_the_queue_and_nothing_left_is_a_pass(*, invite: bool, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found, stand = struck(run, monkeypatch, invite=invite)
    assert failed(found) == set()
    assert measured(found)["in queue"] == 2
    assert measured(found)["back max"] < 2
    assert stand.mended
    assert {row["ani"] for row in found.trials} <= set(stand.anis)


@pytest.mark.parametrize(
    ("how", "wrong"),
    [
        ({"queues": False}, {"stranded", "back max"}),
        ({"left": 1}, {"channels and bridges left"}),
        ({"events": None}, {"records not sealed once"}),
        ({"events": (STARTED,)}, {"records not sealed once"}),
        ({"events": (STARTED, SEALED, SEALED)}, {"records not sealed once", "records that break a rule"}),
        ({"recovers": False}, {"next call answered by the bot after"}),
        ({"asterisk_dies": True}, {"Asterisk ended"}),
    ],
)
def test_each_thing_that_goes_wrong_fails_the_fault(how: dict[str, Any], wrong: set[str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(struck(run, monkeypatch, **how)[0]) == wrong


def test_a_call_that_never_reached_the_bot_has_no_record(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(struck(run, monkeypatch, invite=True, events=None)[0]) == set()


def test_when_asterisk_is_the_fault_its_calls_are_lost_by_nature(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = struck(run, monkeypatch, asterisk_ends=True, asterisk_dies=True, queues=False)
    assert (measured(found)["lost"], measured(found)["stranded"], failed(found)) == (2, 0, set())


def test_the_journal_says_whether_a_call_was_taken_up_again() -> None:
    summary = CallSummary("1", AT, "1", "100", "en", "c", None, None, None, None, None, None, None, 0)
    lines = tuple(Line("1", seq, 0, AT, tag(event), encode(event)) for seq, event in enumerate((STARTED, Resumed("its controller was lost", 900))))
    line = callers.Line("1", cast(Any, type("Call", (), {"heard": None})()), 0.0)
    assert bench._seen(line, 1.0, CallRecord(summary, (), lines)).taken_up
    assert not bench._seen(line, 1.0, CallRecord(summary, (), lines[:1])).taken_up
    assert not bench._seen(line, 1.0, None).taken_up


def test_strikes_add_up_and_rules_broken_are_named() -> None:
    fault = Fault(cast(Any, None), "", bar_s=5)
    one = Struck([Fate("1", "in queue", 1.0, 1.0)], bridges=1, broken=["in order: late"])
    two = Struck([Fate("2", "in queue", 6.0, 6.0)], channels=2, unsealed=1, recovered_s=9.0, broken=["in order: late"])
    told = measured(result(fault, [one, two], 2))
    assert (told["calls"], told["channels and bridges left"], told["records not sealed once"]) == (2, 3, 1)
    assert (told["back p50"], told["back max"], told["next call answered by the bot after"]) == (1.0, 6.0, 9.0)
    assert (told["records that break a rule"], told["in order: late"]) == (2, 1)


def test_the_overview_has_a_row_for_each_fault(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure(name: str, _count: int, _repeat: int, _progress: Any) -> Result:
        if name == "broken":
            raise VoicebotError("haproxy is not installed")
        end = "in queue" if name == "good" else "stranded"
        return result(Fault(cast(Any, None), ""), [Struck([Fate("1", cast(Any, end), 1.0, 1.0)])], 1)

    monkeypatch.setattr(bench, "measured", measure)
    found = run(faults(["good", "bad", "broken"], 1, 1, lambda _what: None))
    assert [each.passed for each in found.values()] == [True, False, False]
    console = Console(width=240, record=True, file=io.StringIO())
    console.print(overview(found))
    text = console.export_text()
    rows = {line.split("│")[1].strip(): line for line in text.splitlines() if line.count("│") > 5}
    assert "pass" in rows["good"]
    assert "FAIL" in rows["bad"]
    assert "FAIL" in rows["broken"]
    assert "haproxy is not installed" in text


def test_recovery_is_timed_until_a_call_is_with_the_bot(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "RECOVERED_S", 20.0)

    async def scenario() -> float:
        async with pretending(Pretender([], greeting=voice(1, 0.5))) as target:
            stand = Stand(target, recovers=False)
            asyncio.get_running_loop().call_later(0.1, setattr, stand, "recovers", True)
            begun_s = time.monotonic()
            took_s = await bench._recovered(cast(Rig, stand))
            assert took_s <= time.monotonic() - begun_s
            return took_s

    assert 0.0 < run(scenario()) < 20.0
