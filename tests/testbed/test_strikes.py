"""Each fault strikes what it names, and is mended when its block is left, also when the block fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from voicebot.errors import VoicebotError
from voicebot.testbed import strikes
from voicebot.testbed.processes import Process
from voicebot.testbed.relay import GARBAGE, HOST, Relay, Slow
from voicebot.testbed.rig import Rig
from voicebot.testbed.strikes import FAULTS, Scene, workers

Run = Callable[[Coroutine[Any, Any, Any]], Any]
KEEPER, CONTROLLER, ASTERISK, RECOGNISER, DETECTOR, HOLDER = 1001, 1002, 1003, 1004, 1005, 1006
REQUEST = b"GET %s HTTP/1.1\r\n\r\n"


@dataclass
class Stand:
    """A rig of processes that do not exist."""

    keeper: Process = field(default_factory=lambda: Process(KEEPER, 1, "voicebot up", 0.0))

    def controller(self) -> Process:
        return Process(CONTROLLER, KEEPER, "voicebot serve", 0.0)

    def asterisk(self) -> Process:
        return Process(ASTERISK, KEEPER, "asterisk", 0.0)

    def processes(self) -> tuple[Process, ...]:
        serving = "python -m voicebot.speech.serving"
        return (
            self.controller(),
            self.asterisk(),
            Process(RECOGNISER, CONTROLLER, f"{serving} 7 voicebot.speech.asr.pocketsphinx:service", 0.0),
            Process(DETECTOR, CONTROLLER, f"{serving} 8 voicebot.speech.silero:service", 0.0),
            Process(HOLDER, CONTROLLER, "python -m voicebot.telephony.keeper", 0.0),
            Process(1007, RECOGNISER, "a child of a worker", 0.0),
        )


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Every signal that was sent: (process, signal)."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, what: sent.append((pid, what)))
    monkeypatch.setattr(strikes, "PAUSE_S", (0.0, 0.01))
    return sent


def scene(relay: Relay | None = None) -> Scene:
    return Scene(cast(Rig, Stand()), relay, random.Random(1))


async def struck(name: str, relay: Relay | None = None) -> None:
    with contextlib.suppress(KeyError):
        async with FAULTS[name].strike(scene(relay)):
            raise KeyError


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("kill", [(CONTROLLER, signal.SIGKILL), (CONTROLLER, signal.SIGCONT)]),
        ("stop", [(CONTROLLER, signal.SIGSTOP), (CONTROLLER, signal.SIGCONT)]),
        ("block", [(CONTROLLER, signal.SIGUSR1), (CONTROLLER, signal.SIGCONT)]),
        ("term", [(CONTROLLER, signal.SIGTERM), (CONTROLLER, signal.SIGCONT)]),
        ("pair-killed", [(CONTROLLER, signal.SIGKILL), (CONTROLLER, signal.SIGCONT)]),
        ("asterisk-killed", [(ASTERISK, signal.SIGKILL)]),
        ("kill-restart", [(KEEPER, signal.SIGSTOP), (CONTROLLER, signal.SIGKILL), (KEEPER, signal.SIGCONT)]),
        (
            "invite-frozen",
            [(KEEPER, signal.SIGSTOP), (CONTROLLER, signal.SIGSTOP), (CONTROLLER, signal.SIGCONT), (KEEPER, signal.SIGCONT)],
        ),
        ("recognisers-killed", [(RECOGNISER, signal.SIGKILL), (RECOGNISER, signal.SIGCONT)]),
        ("recognisers-stopped", [(RECOGNISER, signal.SIGSTOP), (RECOGNISER, signal.SIGCONT)]),
    ],
)
def test_a_fault_signals_what_it_names_and_lets_it_go_again(name: str, sent: list[tuple[int, int]], signals: list[tuple[int, int]], run: Run) -> None:
    run(struck(name))
    assert signals == sent


def test_a_process_that_has_ended_meanwhile_cannot_be_mended_and_need_not_be(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_pid: int, what: int) -> None:
        if what == signal.SIGCONT:
            raise ProcessLookupError

    monkeypatch.setattr(os, "kill", kill)
    run(struck("stop"))
    run(struck("recognisers-stopped"))


@pytest.mark.parametrize("name", ["recognisers-killed", "recognisers-stopped"])
def test_a_fault_of_workers_that_are_not_there_is_refused(
    name: str, signals: list[tuple[int, int]], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stand, "processes", lambda stand: (stand.controller(), stand.asterisk()))
    with pytest.raises(VoicebotError, match="nothing was struck"):
        run(struck(name))
    assert signals == []


@pytest.mark.parametrize("name", ["control-cut", "control-cut-one", "media-half-open", "floor-cut", "media-slow", "control-very-slow"])
def test_a_fault_of_connections_that_are_not_there_is_refused(name: str, run: Run) -> None:
    async def check() -> None:
        async with network() as relay:
            with pytest.raises(VoicebotError, match="nothing was struck"):
                await struck(name, relay)
            assert relay.slow == {}

    run(check())


def test_recognisers_are_neither_the_keeper_of_sockets_nor_the_voice_detector() -> None:
    assert [each.pid for each in workers(cast(Rig, Stand()))] == [RECOGNISER]


@asynccontextmanager
async def line(relay: Relay, path: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, relay.port)
    writer.write(REQUEST % path)
    async with asyncio.timeout(5):
        await reader.readexactly(len(REQUEST % path))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def network() -> AsyncIterator[Relay]:
    """A relay before somebody who repeats what he hears."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1_000):
                writer.write(data)
        writer.close()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(repeat, HOST, 0)
    async with Relay.open(server.sockets[0].getsockname()[1]) as relay:
        yield relay
    server.close()
    await asyncio.sleep(0.05)


async def lives(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether a word is repeated within half a second."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(b"?")
        async with asyncio.timeout(0.5):
            return await reader.read(1) == b"?"
    return False


@pytest.mark.parametrize(
    ("name", "alive"),
    [
        ("control-cut", (False, False, True, True)),
        ("control-cut-one", (True, False, True, True)),
        ("control-half-open", (False, False, True, True)),
        ("media-cut", (True, True, False, True)),
        ("media-half-open", (True, True, False, True)),
        ("floor-cut", (True, True, True, False)),
        ("floor-half-open", (True, True, True, False)),
    ],
)
def test_only_the_connections_that_are_named_are_struck(name: str, alive: tuple[bool, ...], run: Run) -> None:
    async def check() -> tuple[bool, ...]:
        async with (
            network() as relay,
            line(relay, b"/ari") as first,
            line(relay, b"/ari") as second,
            line(relay, b"/media?token=1") as media,
            line(relay, b"/floor") as floor,
            FAULTS[name].strike(scene(relay)),
        ):
            return tuple([await lives(*each) for each in (first, second, media, floor)])

    assert run(check()) == alive


@pytest.mark.parametrize(
    ("name", "path", "how"),
    [
        ("control-slow", "/ari", Slow(0.2)),
        ("control-very-slow", "/ari", Slow(1.0)),
        ("media-slow", "/media", Slow(0.2)),
        ("media-jitter", "/media", Slow(0.0, 0.3)),
    ],
)
def test_slowness_ends_with_its_block(name: str, path: str, how: Slow, run: Run) -> None:
    async def check() -> None:
        async with network() as relay, line(relay, path.encode()):
            async with FAULTS[name].strike(scene(relay)):
                assert relay.slow == {path: how}
            assert relay.slow == {}

    run(check())


@pytest.mark.parametrize("name", ["invite-refused", "invite-black-holed", "invite-silent", "invite-garbage"])
def test_new_connections_meet_the_fault_and_then_the_controller_again(name: str, run: Run) -> None:
    async def heard(relay: Relay) -> bytes:
        try:
            async with asyncio.timeout(0.4):
                reader, writer = await asyncio.open_connection(HOST, relay.port)
        except ConnectionRefusedError:
            return b"refused"
        except TimeoutError:
            return b"no answer"
        try:
            writer.write(REQUEST % b"/ari")
            async with asyncio.timeout(0.4):
                return await reader.read(1_000)
        except TimeoutError:
            return b"silence"
        finally:
            writer.close()

    async def check() -> tuple[bytes, bytes]:
        async with network() as relay:
            async with FAULTS[name].strike(scene(relay)):
                struck = await heard(relay)
            async with line(relay, b"/ari") as mended:
                assert await lives(*mended)
            return struck, await heard(relay)

    expected = {"refused": b"refused", "black-holed": b"no answer", "silent": b"silence", "garbage": GARBAGE}
    assert run(check()) == (expected[name.removeprefix("invite-")], REQUEST % b"/ari")


def test_a_fault_of_the_network_without_one_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="needs a relay"):
        run(struck("control-cut"))


def test_the_bars_are_those_that_were_promised() -> None:
    """Any single fault 5 s, a frozen controller 8 s, a new INVITE 3 s."""
    assert {name: fault.bar_s for name, fault in FAULTS.items() if fault.bar_s != 5.0} == {
        **dict.fromkeys(("stop", "block", "pair-stopped"), 8.0),
        **{name: 3.0 for name in FAULTS if name.startswith("invite-")},
    }
    assert {name for name, fault in FAULTS.items() if fault.invite} == {name for name in FAULTS if name.startswith("invite-")}
    assert all(fault.watch_s > fault.bar_s for fault in FAULTS.values())
