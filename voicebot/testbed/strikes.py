"""The named faults: what is done to a voicebot of our own while it has calls, and how it is mended. Each ends with its `async with` block.

Only processes of the rig it was given are ever signalled. It watches nothing. A fault that finds nothing to strike raises VoicebotError.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from voicebot.errors import VoicebotError
from voicebot.testbed.processes import Process
from voicebot.testbed.relay import Flow, Greets, Relay, Slow
from voicebot.testbed.rig import Rig

T = TypeVar("T")
PAUSE_S = (0.05, 0.9)
"""From the kill until `voicebot up` sees it and starts another controller; what that one takes until it listens comes on top."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault strikes."""

    rig: Rig
    relay: Relay | None
    chance: random.Random

    @property
    def network(self) -> Relay:
        """The relay, of a fault that asked for one."""
        if self.relay is None:
            raise ValueError("this fault needs a relay")
        return self.relay


Strike = Callable[[Scene], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its strike, and `what` it is in words. `bar_s`: by then each caller hears music or the bot again."""

    strike: Strike
    what: str
    bar_s: float = 5.0
    relay: bool = False
    invite: bool = False
    """It strikes before the call: the caller's INVITE meets it."""
    asterisk_ends: bool = False
    """Its calls end with it."""
    watch_s: float = 12.0
    pair: bool = False
    """It strikes one of two controllers: nine in ten callers are to stay in conversation."""


def send(what: int) -> Strike:
    """A signal to the controller."""
    return _signalled(lambda rig: [rig.controller()], what)


def recognisers(what: int) -> Strike:
    """A signal to all recogniser workers."""
    return _signalled(workers, what)


@asynccontextmanager
async def kill_restart(scene: Scene) -> AsyncIterator[None]:
    """Killed while `voicebot up` stands still; PAUSE_S later that goes on, sees it and starts another process at once."""
    keeper = scene.rig.keeper.pid
    os.kill(keeper, signal.SIGSTOP)
    try:
        os.kill(scene.rig.controller().pid, signal.SIGKILL)
        await asyncio.sleep(scene.chance.uniform(*PAUSE_S))
    finally:
        os.kill(keeper, signal.SIGCONT)
    yield


@asynccontextmanager
async def unwatched(scene: Scene, what: int) -> AsyncIterator[None]:
    """A signal to a controller that nobody restarts or kills until the end."""
    keeper, controller = scene.rig.keeper.pid, scene.rig.controller().pid
    os.kill(keeper, signal.SIGSTOP)
    os.kill(controller, what)
    try:
        await asyncio.sleep(1.0)
        yield
    finally:
        _go_on(controller)
        _go_on(keeper)


@asynccontextmanager
async def kill_asterisk(scene: Scene) -> AsyncIterator[None]:
    """Every call is lost with it; what comes after is the question."""
    os.kill(scene.rig.asterisk().pid, signal.SIGKILL)
    yield


def workers(rig: Rig) -> tuple[Process, ...]:
    """The recogniser workers: the controller's own children that serve recognition."""
    controller = rig.controller()
    return tuple(each for each in rig.processes() if each.parent == controller.pid and ".asr." in each.command)


def _signalled(who: Callable[[Rig], Sequence[Process]], what: int) -> Strike:
    """A signal to processes; what it stopped goes on in the end, if it still runs."""

    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        struck = _something(who(scene.rig))
        for each in struck:
            os.kill(each.pid, what)
        try:
            yield
        finally:
            for each in struck:
                _go_on(each.pid)

    return strike


def _something(struck: Sequence[T]) -> Sequence[T]:
    if not struck:
        raise VoicebotError("nothing was struck: what the fault names was not there")
    return struck


def _go_on(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def on_flows(kind: str, act: Callable[[Flow], None], *, one: bool = False) -> Strike:
    """Something done to the live connections of `kind`."""

    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        flows = _something(scene.network.flows(kind))
        for flow in flows[-1:] if one else flows:
            act(flow)
        yield

    return strike


def stall(flow: Flow) -> None:
    flow.stalled = True


def slow(kind: str, how: Slow) -> Strike:
    """Every byte of the connections of `kind` late."""

    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        _something(scene.network.flows(kind))
        scene.network.slow[kind] = how
        try:
            yield
        finally:
            del scene.network.slow[kind]

    return strike


def greeting(how: Greets) -> Strike:
    """What new connections meet."""

    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        scene.network.greets = how
        try:
            yield
        finally:
            scene.network.greets = "relays"

    return strike


def shut(act: Callable[[Relay], None]) -> Strike:
    """The port refuses, or answers no SYN; new connections only."""

    @asynccontextmanager
    async def strike(scene: Scene) -> AsyncIterator[None]:
        act(scene.network)
        try:
            yield
        finally:
            await scene.network.listen()

    return strike


def _on_relay(strike: Strike, what: str, watch_s: float = 12.0) -> Fault:
    return Fault(strike, what, relay=True, watch_s=watch_s)


def _invite(strike: Strike, what: str, *, relay: bool = True) -> Fault:
    return Fault(strike, what, bar_s=3.0, relay=relay, invite=True)


FAULTS: Mapping[str, Fault] = {
    "kill": Fault(send(signal.SIGKILL), "the controller is killed"),
    "kill-restart": Fault(kill_restart, "killed; 50-900 ms later the next one is started"),
    "stop": Fault(send(signal.SIGSTOP), "the controller is stopped (SIGSTOP)", bar_s=8.0, watch_s=15.0),
    "block": Fault(send(signal.SIGUSR1), "a call in the loop blocks for 30 s", bar_s=8.0, watch_s=15.0),
    "pair-killed": Fault(send(signal.SIGKILL), "one of two controllers is killed", pair=True),
    "pair-stopped": Fault(send(signal.SIGSTOP), "one of two controllers is stopped", pair=True, bar_s=8.0, watch_s=15.0),
    "term": Fault(send(signal.SIGTERM), "the controller is asked to end (SIGTERM)"),
    "recognisers-killed": Fault(recognisers(signal.SIGKILL), "every recogniser worker is killed"),
    "recognisers-stopped": Fault(recognisers(signal.SIGSTOP), "every recogniser worker hangs"),
    "asterisk-killed": Fault(kill_asterisk, "Asterisk itself is killed: its calls end", asterisk_ends=True),
    "control-cut": _on_relay(on_flows("/ari", lambda flow: flow.cut(reset=True)), "all control sockets reset"),
    "control-cut-one": _on_relay(on_flows("/ari", lambda flow: flow.cut(reset=False), one=True), "one call's control socket closed"),
    "media-cut": _on_relay(on_flows("/media", lambda flow: flow.cut(reset=True)), "all media sockets reset"),
    "floor-cut": _on_relay(on_flows("/floor", lambda flow: flow.cut(reset=True)), "the floor socket reset"),
    "control-half-open": _on_relay(on_flows("/ari", stall), "control sockets pass nothing, and do not close"),
    "media-half-open": _on_relay(on_flows("/media", stall), "media sockets pass nothing, and do not close", watch_s=25.0),
    "floor-half-open": _on_relay(on_flows("/floor", stall), "the floor socket passes nothing, and does not close"),
    "control-slow": _on_relay(slow("/ari", Slow(0.2)), "control 200 ms late each way"),
    "control-very-slow": _on_relay(slow("/ari", Slow(1.0)), "control 1 s late each way"),
    "media-slow": _on_relay(slow("/media", Slow(0.2)), "media 200 ms late each way"),
    "media-jitter": _on_relay(slow("/media", Slow(0.0, 0.3)), "media up to 300 ms late"),
    "invite-down": _invite(lambda scene: unwatched(scene, signal.SIGKILL), "no controller runs", relay=False),
    "invite-frozen": _invite(lambda scene: unwatched(scene, signal.SIGSTOP), "the controller is stopped", relay=False),
    "invite-refused": _invite(shut(Relay.shut), "the port refuses"),
    "invite-black-holed": _invite(shut(Relay.swallow), "no answer to SYN"),
    "invite-silent": _invite(greeting("silent"), "the port accepts and says nothing"),
    "invite-garbage": _invite(greeting("garbage"), "the port answers nonsense"),
}
