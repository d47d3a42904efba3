"""What happens to a caller after the bot let go: queue, ring, briefing, agent, hang-up, read from one persistent ARI socket into the journal.

It only watches, and sweeps up what a crashed controller left. It never touches a caller's or an agent's channel and never hears a word.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

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
from voicebot.store.journal import CallJournal, Journal
from voicebot.telephony.ari import Channel, ChannelDestroyed, ChannelDialplan, ChannelEnteredBridge, Dial, Event
from voicebot.telephony.server import ControlLink

NOT_BOOTED = (0, 503)
"""What Asterisk answers while it boots: nothing, or "service unavailable"."""
BOOT_PAUSE_S = 0.1
log = structlog.get_logger()
_GIVEN_UP = {"BUSY": "busy", "NOANSWER": "no answer", "CANCEL": "ring cancelled", "CHANUNAVAIL": "unreachable", "CONGESTION": "declined"}


@dataclass(slots=True)
class _Caller:
    """One caller after handover. `agent` is who rings or talks now."""

    record: CallJournal
    zero_s: float
    briefed: bool = False
    queue: str | None = None
    agent_channel: str = ""
    agent: str = ""
    joined: bool = False
    was_joined: bool = False

    def now_ms(self, now_s: float) -> int:
        return max(0, int((now_s - self.zero_s) * 1000))


@dataclass(slots=True)
class Floor:
    """The callers with or on their way to an agent. `clock` gives seconds, as the loop does."""

    clock: Callable[[], float]
    _callers: dict[str, _Caller] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._callers)

    def follow(self, channel: str, record: CallJournal, elapsed_ms: int, briefed: bool = False) -> None:
        """From now on journal what happens to `channel`, `elapsed_ms` into its call. Call it before the channel is let go."""
        self._callers[channel] = _Caller(record, self.clock() - elapsed_ms / 1000, briefed)

    def drop(self, channel: str) -> None:
        """The channel did not leave the bot after all."""
        self._callers.pop(channel, None)

    def take(self, event: Event) -> None:
        """Journal what `event` means for a followed caller; all else is ignored."""
        match event:
            case ChannelDialplan(channel=channel, dialplan_app=app, dialplan_app_data=data) if caller := self._callers.get(channel.id):
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
        try:
            await self._reconcile(link, journal)
            while True:
                self.take(await link.next())
        except (AriError, StoreError) as error:
            log.warning("floor socket lost", why=str(error))

    async def _reconcile(self, link: ControlLink, journal: Journal) -> None:
        live = {channel.id: channel for channel in await _channels(link)}
        for gone in set(self._callers) - set(live):
            self._gone(Channel(gone))
        for call in await journal.unsealed():
            channel = live.get(call.channel)
            if channel is None:
                (await journal.resume(call.call_id)).seal(call.last_t_ms, "lost", "floor")
            elif channel.dialplan.app_name == "Queue":
                self.follow(channel.id, await journal.resume(call.call_id), call.last_t_ms)
                self._step(self._callers[channel.id], "Queue", channel.dialplan.app_data)
        await _sweep(link)

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


async def _channels(link: ControlLink) -> tuple[Channel, ...]:
    """All channels, once Asterisk has booted: it opens this socket before it answers requests."""
    while True:
        try:
            return await link.ari.channels()
        except AriError as error:
            if link.ari.lost or error.status not in NOT_BOOTED:
                raise
        await asyncio.sleep(BOOT_PAUSE_S)


async def _sweep(link: ControlLink) -> None:
    """Remove what a crashed controller left in Asterisk: bridges that hold no caller, and the media channels in them."""
    for bridge in await link.ari.bridges():
        if bridge.name.endswith("-bridge") and all(channel.endswith("-media") for channel in bridge.channels):
            for channel in bridge.channels:
                await link.ari.hang_up(channel)
            await link.ari.destroy_bridge(bridge.id)


def _agent(peer: Channel) -> str:
    """`PJSIP/6001-0000002` → `6001`."""
    found = re.match(r"[^/]+/(.+)-[0-9a-f]+$", peer.name)
    return found[1] if found else peer.name


def loop_clock() -> float:
    return asyncio.get_running_loop().time()
