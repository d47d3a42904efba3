"""What happens to a caller after the bot let go: queue, ring, briefing, agent, hang-up, read from one persistent ARI socket into the journal.

Of several controllers one holds that socket, for the callers of all. It only watches, and sweeps up what a crashed controller left; it never
touches an agent's channel and never hears a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog

from voicebot.errors import AriError, StoreError
from voicebot.store.events import (
    AgentAnswered,
    AgentJoined,
    AgentLeft,
    AgentRang,
    BriefingStarted,
    CallerHungUp,
    Outcome,
    QueueEntered,
    QueueLeft,
)
from voicebot.store.events import Event as Entry
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony.adoption import Awaited, Strays
from voicebot.telephony.ari import Bridge, Channel, ChannelDestroyed, ChannelDialplan, ChannelEnteredBridge, Dial, Event
from voicebot.telephony.leg import owner
from voicebot.telephony.server import ControlLink

NOT_BOOTED = (0, 503)
"""What Asterisk answers while it boots: nothing, or "service unavailable"."""
BOOT_PAUSE_S = 0.1
UNWATCHED_S = 30.0
"""Callers whom another controller watches are forgotten here after so long."""
log = structlog.get_logger()
_GIVEN_UP = {"BUSY": "busy", "NOANSWER": "no answer", "CANCEL": "ring cancelled", "CHANUNAVAIL": "unreachable", "CONGESTION": "declined"}


@dataclass(slots=True)
class _Caller:
    """One caller after handover. `agent` is who rings or talks now."""

    record: CallJournal | Awaited
    zero_s: float
    briefed: bool = False
    queue: str | None = None
    agent_channel: str = ""
    agent: str = ""
    joined: bool = False
    was_joined: bool = False
    since_s: float = 0.0

    def now_ms(self, now_s: float) -> int:
        return max(0, int((now_s - self.zero_s) * 1000))


@dataclass(slots=True)
class Floor:
    """The callers with or on their way to an agent. `clock` gives seconds, as the loop does."""

    clock: Callable[[], float]
    link: ControlLink | None = None
    """The floor's socket, while this controller has it."""
    _callers: dict[str, _Caller] = field(default_factory=dict)
    _strays: Strays = field(init=False)

    def __post_init__(self) -> None:
        self._strays = Strays(self.clock)

    def __len__(self) -> int:
        return len(self._callers)

    def follow(self, channel: str, record: CallJournal, elapsed_ms: int, briefed: bool = False) -> None:
        """From now on journal what happens to `channel`, `elapsed_ms` into its call. Call it before the channel is let go."""
        if self.link is None:
            self._forget_old()
        self._callers[channel] = _Caller(record, self.clock() - elapsed_ms / 1000, briefed, since_s=self.clock())

    def drop(self, channel: str) -> None:
        """The channel did not leave the bot after all."""
        self._callers.pop(channel, None)

    def take(self, event: Event) -> None:
        """Journal what `event` means for a followed caller, or one to be adopted; all else is ignored."""
        match event:
            case ChannelDialplan(channel=channel, dialplan_app=app, dialplan_app_data=data):
                if app == "Queue":
                    self._queued(channel.id)
                if caller := self._callers.get(channel.id):
                    self._step(caller, app, data)
            case Dial(caller=Channel(id=calling), peer=peer, dialstatus=status) if caller := self._callers.get(calling):
                self._dialled(caller, peer, status)
            case ChannelEnteredBridge(channel=channel) if (caller := self._callers.get(channel.id)) and caller.agent and not caller.joined:
                caller.joined = caller.was_joined = True
                self._write(caller, AgentJoined(caller.agent))
            case ChannelDestroyed(channel=channel):
                self._gone(channel)
            case _:
                pass

    async def watch(self, link: ControlLink, journal: Journal) -> None:
        """Follow one floor socket until Asterisk closes it; first, settle what ended or went on while nobody watched."""
        self._strays = Strays(self.clock)
        try:
            async with asyncio.TaskGroup() as scope:
                scope.create_task(self._strays.run(journal, partial(self._settled, link)))
                await self._follow_events(link, journal)
                self._strays.end()
        finally:
            if self.link is link:
                self.link = None

    async def _follow_events(self, link: ControlLink, journal: Journal) -> None:
        try:
            await self._reconcile(link, journal)
            self.link = link
            while True:
                self.take(await link.next())
        except (AriError, StoreError) as error:
            log.warning("floor socket lost", why=str(error))

    async def _reconcile(self, link: ControlLink, journal: Journal) -> None:
        """Another controller may have watched, and written, since this one last did."""
        left = await _left(link)
        live = {channel.id: channel for channel in await link.ari.channels()}
        for channel, caller in list(self._callers.items()):
            await _catch_up(caller, journal)
            if channel not in live:
                self._gone(Channel(channel))
            elif live[channel].dialplan.app_name == "Queue":
                caller.queue = live[channel].dialplan.app_data.partition(",")[0]
        for call in await journal.unsealed():
            found = live.get(call.channel)
            if found is None:
                self._strays.add(call.channel, gone=True)
            elif found.dialplan.app_name == "Queue":
                self._queued(call.channel)
                self._step(self._callers[call.channel], "Queue", found.dialplan.app_data)
        await _sweep(link, left, live)

    def _queued(self, channel: str) -> None:
        """A caller comes into the queue; when his bot was with another controller, he is adopted."""
        awaited = None
        if channel not in self._callers:
            awaited = Awaited()
            self._callers[channel] = _Caller(awaited, self.clock())
        self._strays.add(channel, awaited)

    async def _settled(self, link: ControlLink, channel: str, record: CallJournal | None, zero_ms: int) -> None:
        """What the bot of this caller used in Asterisk is removed, if that bot could not."""
        caller = self._callers.get(channel)
        if caller and isinstance(caller.record, Awaited):
            if record:
                caller.record, caller.zero_s = record, caller.zero_s - zero_ms / 1000
            else:
                self.drop(channel)
        with contextlib.suppress(AriError):
            for bridge in await _left(link):
                if owner(bridge.id) == channel:
                    await _remove(link, bridge)

    def _forget_old(self) -> None:
        long_ago_s = self.clock() - UNWATCHED_S
        for channel, caller in list(self._callers.items()):
            if caller.since_s < long_ago_s:
                del self._callers[channel]
                if isinstance(caller.record, CallJournal):
                    caller.record.let_go()

    def _step(self, caller: _Caller, app: str, data: str) -> None:
        if app == "Queue":
            caller.queue = data.partition(",")[0]
            self._write(caller, QueueEntered(caller.queue))
        elif caller.queue is not None and app == "Playback":
            self._write(caller, QueueLeft(caller.queue, "nobody answered in time"))
            caller.queue = None

    def _dialled(self, caller: _Caller, peer: Channel, status: str) -> None:
        agent = _agent(peer)
        if status == "RINGING":
            caller.agent_channel, caller.agent = peer.id, agent
            self._write(caller, AgentRang(agent))
        elif status == "ANSWER":
            caller.agent_channel, caller.agent = peer.id, agent
            self._write(caller, AgentAnswered(agent))
            if caller.briefed:
                self._write(caller, BriefingStarted(agent))
        elif status in _GIVEN_UP and peer.id == caller.agent_channel:
            self._agent_left(caller, _GIVEN_UP[status])

    def _gone(self, channel: Channel) -> None:
        if caller := self._callers.pop(channel.id, None):
            self._seal(caller)
            return
        for caller in self._callers.values():
            if caller.agent_channel == channel.id:
                self._agent_left(caller, "hung up" if caller.joined else "left before the caller was through")
                return
        if not owner(channel.id):
            self._strays.add(channel.id, gone=True)

    def _agent_left(self, caller: _Caller, why: str) -> None:
        self._write(caller, AgentLeft(caller.agent, why))
        caller.agent = caller.agent_channel = ""
        caller.joined = False

    def _seal(self, caller: _Caller) -> None:
        now_ms = caller.now_ms(self.clock())
        if caller.queue is not None and not caller.was_joined:
            self._write(caller, QueueLeft(caller.queue, "caller hung up"))
        outcome: Outcome = "handed_over" if caller.was_joined else "abandoned"
        if caller.joined or not caller.was_joined:
            self._write(caller, CallerHungUp())
        caller.record.seal(now_ms, outcome, "floor")

    def _write(self, caller: _Caller, entry: Entry) -> None:
        caller.record.append(caller.now_ms(self.clock()), entry)


async def _catch_up(caller: _Caller, journal: Journal) -> None:
    if isinstance(caller.record, CallJournal):
        with contextlib.suppress(StoreError):
            caller.record = await journal.resume(caller.record.call_id)


async def _left(link: ControlLink) -> tuple[Bridge, ...]:
    """The bridges of bots, once Asterisk has booted: it opens this socket before it answers requests. Listed before the channels: each is younger
    than its caller."""
    while True:
        try:
            return tuple(bridge for bridge in await link.ari.bridges() if owner(bridge.id))
        except AriError as error:
            if link.ari.lost or error.status not in NOT_BOOTED:
                raise
        await asyncio.sleep(BOOT_PAUSE_S)


async def _sweep(link: ControlLink, bridges: tuple[Bridge, ...], live: Mapping[str, Channel]) -> None:
    """Remove what crashed controllers left in Asterisk: bridges and media channels whose caller is gone, or no longer with a bot."""
    with_bot = {channel.id for channel in live.values() if channel.dialplan.app_name == "Stasis"}
    for channel in live:
        if owner(channel) and owner(channel) not in with_bot:
            await link.ari.hang_up(channel)
    for bridge in bridges:
        if owner(bridge.id) not in with_bot:
            await _remove(link, bridge)


async def _remove(link: ControlLink, bridge: Bridge) -> None:
    for channel in bridge.channels:
        if owner(channel):
            await link.ari.hang_up(channel)
    await link.ari.destroy_bridge(bridge.id)


def _agent(peer: Channel) -> str:
    """`PJSIP/6001-0000002` → `6001`."""
    found = re.match(r"[^/]+/(.+)-[0-9a-f]+$", peer.name)
    return found[1] if found else peer.name


def loop_clock() -> float:
    return asyncio.get_running_loop().time()
