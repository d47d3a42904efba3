"""What is read from Asterisk's console, and verdicts over a made-up rig: callers that arrive late or never, and each kind of leftover, must show.

The faults themselves are put to a real Asterisk by `scripts/acceptance`.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.kit.pretender import Pretender, pretending, voice
from voicebot.store.calls import CallRecord, CallSummary
from voicebot.store.events import CallSealed, Line, encode
from voicebot.testbed import acceptance_faults as faults
from voicebot.testbed.acceptance_faults import Channel, bridges, channels
from voicebot.testbed.bench_figures import Result
from voicebot.testbed.g711 import Codec
from voicebot.testbed.phone import Phone
from voicebot.testbed.processes import Process
from voicebot.testbed.rig import Rig, Target

Run = Callable[[Coroutine[Any, Any, Any]], Any]

CHANNELS = """PJSIP/voicebot-caller-00000003!voicebot-handover!s!7!Up!Queue!support,i,,/run/briefings/a,300!5551234!!!3!12!!voicebot-1.3
PJSIP/voicebot-caller-00000002!voicebot-call!100!6!Up!Stasis!voicebot!5559876!!!3!4!b-1!voicebot-1.2
WebSocket/voicebot-media/0x7f!default!s!1!Up!Stasis!voicebot:PJSIP/x!!!!3!4!b-1!voicebot-1.2-media
"""
BRIDGES = """Bridge-ID                            Chans Type            Technology      Duration
voicebot-1.2-bridge                      2 stasis          simple_bridge   00:00:04
"""
KEEPER, CONTROLLER, ASTERISK = 1001, 1002, 1003


@dataclass
class Stand:
    """A rig whose Asterisk says what a test wants: after a kill, caller n is in the queue `queued_after_s[n]` later; None: never."""

    target: Target
    queued_after_s: list[float | None] = field(default_factory=list)
    again: int = 0
    left: dict[str, int] = field(default_factory=dict)
    signals: list[tuple[int, int]] = field(default_factory=list)
    killed_s: float = 0.0
    dialled: list[str] = field(default_factory=list)
    keeper: Any = None

    def __post_init__(self) -> None:
        self.settings = self.target.settings
        self.keeper = Process(KEEPER, 1, "voicebot up", 0.0)

    def phone(self, codec: Codec = "PCMU") -> AbstractAsyncContextManager[Phone]:
        return self.target.phone(codec)

    def controller(self) -> Process:
        return Process(CONTROLLER, KEEPER, "voicebot serve", 0.0)

    def asterisk(self) -> Process:
        return Process(ASTERISK, KEEPER, "asterisk", 0.0)

    async def calls_in_progress(self) -> int:
        return self.again + self.left.get("calls", 0)

    async def console(self, command: str) -> str:
        if command.startswith("bridge"):
            return "Bridge-ID  Chans\n" + "b 2 stasis\n" * self.left.get("bridges", 0)
        lines = [self._line(number, ani) for number, ani in enumerate(self.dialled)]
        return "".join(lines) + "PJSIP/x!c!100!6!Up!Stasis!voicebot!!!!\n" * self.left.get("channels", 0)

    def kill(self, pid: int, what: int) -> None:
        self.signals.append((pid, what))
        if what == signal.SIGKILL:
            self.killed_s = time.monotonic()

    def _line(self, number: int, ani: str) -> str:
        after_s = self.queued_after_s[number % len(self.queued_after_s)]
        queued = self.killed_s and after_s is not None and time.monotonic() - self.killed_s >= after_s
        return f"PJSIP/caller-{number}!c!100!6!Up!{'Queue' if queued else 'Stasis'}!voicebot!{ani}!!!3!\n"


@asynccontextmanager
async def standing(monkeypatch: pytest.MonkeyPatch, **how: Any) -> AsyncIterator[Stand]:
    """A Stand whose callers are answered by a phone, and are known to its Asterisk by their numbers."""
    pretender = Pretender([voice(1, 0.5)])
    async with pretending(pretender) as target:
        stand = Stand(target, **how)
        dial = Phone.dial

        def noted(phone: Phone, number: str, ani: str = "") -> AbstractAsyncContextManager[Any]:
            stand.dialled.append(ani)
            return dial(phone, number, ani)

        monkeypatch.setattr(Phone, "dial", noted)
        monkeypatch.setattr(os, "kill", stand.kill)
        yield stand


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "INTO_CALL_S", 0.05)
    monkeypatch.setattr(faults, "WATCHED_S", 1.5)
    monkeypatch.setattr(faults, "SETTLED_WITHIN_S", 0.1)
    monkeypatch.setattr(faults, "SETTLES_S", 0.05)
    monkeypatch.setattr(faults, "LONGEST_CALL_S", 0.4)
    monkeypatch.setattr(faults, "HANG_UPS", 4)
    monkeypatch.setattr(faults, "AT_ONCE", 2)


def told(_what: str) -> None:
    """Nobody waits."""


def measured(result: Result) -> list[float]:
    return [figure.measured for figure in result.figures]


# The console.


def test_channels_are_read_with_their_application_and_caller() -> None:
    assert channels(CHANNELS) == (
        Channel("PJSIP/voicebot-caller-00000003", "Queue", "5551234"),
        Channel("PJSIP/voicebot-caller-00000002", "Stasis", "5559876"),
        Channel("WebSocket/voicebot-media/0x7f", "Stasis", ""),
    )


def test_no_channel_is_none() -> None:
    assert channels("") == channels("\n") == channels("No such command 'core show'") == ()


def test_bridges_are_the_lines_below_the_heading() -> None:
    assert bridges(BRIDGES) == 1
    assert bridges(BRIDGES.splitlines()[0]) == 0
    assert bridges("") == 0


# Killed.


@pytest.mark.parametrize(
    ("queued_after_s", "again", "passed", "in_time"),
    [([0.1], 0, True, 10), ([0.1] * 9 + [None], 0, False, 9), ([0.1] * 9 + [None], 1, True, 10), ([None], 0, False, 0)],
)
def test_every_caller_must_be_in_the_queue(
    *, queued_after_s: list[float | None], again: int, passed: bool, in_time: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kill() -> tuple[Result, list[tuple[int, int]]]:
        async with standing(monkeypatch, queued_after_s=queued_after_s, again=again) as stand:
            return await faults.kill(cast(Rig, stand), 1, told), stand.signals

    result, signals = run(kill())
    assert signals == [(CONTROLLER, signal.SIGKILL)]
    assert result.figures[0].measured == in_time
    assert result.passed is passed


def test_a_caller_who_comes_too_late_does_not_count(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "QUEUED_WITHIN_S", 0.3)

    async def kill() -> Result:
        async with standing(monkeypatch, queued_after_s=[0.1] * 9 + [0.7]) as stand:
            return await faults.kill(cast(Rig, stand), 1, told)

    result = run(kill())
    assert not result.passed
    assert result.figures[0].measured == 9
    assert result.figures[2].measured == pytest.approx(0.7, abs=0.2)


@pytest.mark.parametrize(("queued_after_s", "passed"), [([0.0], True), ([None], False)])
def test_with_the_controller_down_the_keeper_is_stopped_and_let_go_again(
    queued_after_s: list[float | None], passed: bool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "WATCHED_S", 0.2)

    async def down() -> tuple[Result, list[tuple[int, int]]]:
        async with standing(monkeypatch, queued_after_s=queued_after_s) as stand:
            return await faults.controller_down(cast(Rig, stand), 1, told), stand.signals

    result, signals = run(down())
    assert signals == [(KEEPER, signal.SIGSTOP), (CONTROLLER, signal.SIGKILL), (KEEPER, signal.SIGCONT)]
    assert result.passed is passed


# Hung up.


def journal_of(stand: Stand, seals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every caller has a record, sealed so many times."""
    at = datetime(2026, 1, 1, tzinfo=UTC)

    async def recent(_url: str, _limit: int) -> list[CallSummary]:
        return [CallSummary(ani, at, ani, "100", "en", "c", None, None, None, None, None, None, None, 0) for ani in stand.dialled]

    async def show(_url: str, call_id: str) -> CallRecord:
        sealed = encode(CallSealed("abandoned", "caller", 1))
        summary = (await recent("", 1))[0]
        return CallRecord(summary, (), tuple(Line(call_id, seq, 0, at, "call_sealed", sealed) for seq in range(seals)))

    monkeypatch.setattr("voicebot.store.calls.recent", recent)
    monkeypatch.setattr("voicebot.store.calls.show", show)


@pytest.mark.parametrize(
    ("leak", "seals", "wrong"),
    [
        ({}, 1, []),
        ({"channels": 1}, 1, ["channels left"]),
        ({"bridges": 2}, 1, ["bridges left"]),
        ({"calls": 1}, 1, ["calls in progress left"]),
        ({"socket": 1}, 1, ["controller files left", "controller sockets left", "asterisk files left", "asterisk sockets left"]),
        ({"file": 3}, 1, ["controller files left", "asterisk files left"]),
        ({}, 2, ["records not sealed exactly once, of 4"]),
        ({}, 0, ["records not sealed exactly once, of 4"]),
    ],
)
def test_each_leftover_moves_its_figure(leak: dict[str, int], seals: int, wrong: list[str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left shows only once the hang-ups have happened."""

    async def hang_up() -> tuple[Result, Stand]:
        async with standing(monkeypatch, queued_after_s=[None]) as stand:
            journal_of(stand, seals, monkeypatch)
            wave = faults._hang_up_wave

            async def leaking(*arguments: Any) -> list[str]:
                stand.left = leak if len(stand.dialled) >= 4 else {}
                return await wave(*arguments)

            monkeypatch.setattr(faults, "_hang_up_wave", leaking)
            monkeypatch.setattr(
                faults, "open_files", lambda _pid: Counter({"socket": 9 + stand.left.get("socket", 0), "file": 9 + stand.left.get("file", 0)})
            )
            monkeypatch.setattr(stand, "_line", lambda _number, _ani: "")
            return await faults.hangups(cast(Rig, stand), 1, told, voice(2, 0.1)), stand

    result, stand = run(hang_up())
    assert len(stand.dialled) == 6
    assert [figure.name for figure in result.figures if not figure.passed] == wrong


def test_calls_are_really_hung_up_before_they_end_by_themselves(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wave() -> float:
        async with standing(monkeypatch, queued_after_s=[None]) as stand:
            begun_s = time.monotonic()
            anis = await faults._hang_up_wave(cast(Rig, stand), [0.0, 0.3], voice(2, 0.1))
            assert sorted(anis) == sorted(stand.dialled)
            return time.monotonic() - begun_s

    assert run(wave()) < 2.0
