"""What happens to a caller after the bot let go: queue, ring, briefing, agent, hang-up, read from one persistent ARI socket into the journal.

Of several controllers one holds that socket, for the callers of all. While it is lost, callers are looked for through the sockets of calls. It
only watches, and sweeps up what a crashed controller left; it never touches an agent's channel and never hears a word.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from voicebot.errors import AriError, StoreError
from voicebot.scopes import finished
from voicebot.store.events import (
    AgentAnswered,
    AgentJoined,
    AgentRang,
    BriefingStarted,
    CallerHungUp,
    Outcome,
    QueueLeft,
)
from voicebot.store.events import Event as Entry
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony.adoption import Awaited, Settled, Strays
from voicebot.telephony.ari import Channel, ChannelDestroyed, ChannelDialplan, ChannelEnteredBridge, ChannelHangupRequest, Dial, Event
from voicebot.telephony.followed import GIVEN_UP, REFUSALS, Followed, agent_of, with_him
from voicebot.telephony.leftovers import clear, left, send_on, sweep
from voicebot.telephony.leg import owner
from voicebot.telephony.server import ControlLink

UNWATCHED_S = 30.0
"""Callers whom another controller watches are forgotten here after so long."""
LOOK_S = 1.0
"""How often callers are looked for while the floor's own socket is lost."""
SETTLED_BY_S = 0.2
"""By then another controller that got the floor has written how a caller ended."""
UNSEEN_S = 10.0
"""Who was in the queue when last seen and is gone after longer than this may have been with an agent: how it ended is not known."""
log = structlog.get_logger()


@dataclass(slots=True)
class Floor:
    """The callers with or on their way to an agent. `clock` gives seconds, as the loop does."""

    clock: Callable[[], float]
    _journal: Journal | None = None
    link: ControlLink | None = None
    """The floor's socket, while this controller has it."""
    announced: bool = True
    """Whether who answers hears the briefing: in edge mode it goes ahead of the caller in headers, unless [trunk] announce says otherwise."""
    hears: Callable[[str, str], bool] = lambda _agent, _call_id: True
    """Whether this agent hears the briefing of this call."""
    _callers: dict[str, Followed] = field(default_factory=dict)
    _strays: Strays = field(init=False)
    _watched: bool = False
    """Whether this controller ever had the floor."""
    _looked_s: float = 0.0

    def __post_init__(self) -> None:
        self._strays = Strays(self.clock)

    def __len__(self) -> int:
        return len(self._callers)

    def follow(self, channel: str, record: CallJournal, elapsed_ms: int, briefed: bool = False) -> None:
        """From now on journal what happens to `channel`, `elapsed_ms` into its call. Call it before the channel is let go; what was seen of it
        earlier, while this process stood still, is journalled now."""
        if self.link is None and not self._watched:
            self._forget_old()
        zero_s = self.clock() - elapsed_ms / 1000
        caller = self._callers.setdefault(channel, Followed(record, zero_s))
        if isinstance(caller.record, Awaited):
            caller.record.into(record, round((caller.zero_s - zero_s) * 1000))
        caller.record, caller.zero_s, caller.briefed, caller.seen_s = record, zero_s, briefed and self.announced, self.clock()

    def of(self, channel: str) -> Followed | None:
        """The caller with this channel, if he is with or on his way to an agent."""
        return self._callers.get(channel)

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
                self._joined(caller)
            case ChannelHangupRequest(channel=channel, cause=cause):
                self._hangs_up(channel.id, cause)
            case ChannelDestroyed(channel=channel):
                self._gone(channel)
            case _:
                pass

    async def watch(self, link: ControlLink, journal: Journal) -> None:
        """Follow one floor socket until Asterisk closes it; first, settle what ended or went on while nobody watched."""
        strays = self._strays = Strays(self.clock)
        self._journal, self._watched = journal, True
        async with asyncio.TaskGroup() as scope:
            scope.create_task(strays.run(journal, partial(self._settled, link)))
            await self._follow_events(link, journal)
            strays.end()

    async def look_out(self, link: ControlLink) -> None:
        """Run it beside each call, never ends: while the floor's own socket is lost, the callers of all calls are looked for through this one's.

        Such a socket can be half-open for Asterisk for many minutes, and it does not open another meanwhile.
        """
        due_s = self.clock()
        while True:
            if self.link is None and self._journal and self._callers and self.clock() >= due_s:
                self._looked_s = self.clock()
                with contextlib.suppress(AriError, StoreError):
                    await self._look(link, self._journal)
            await asyncio.sleep(LOOK_S)
            due_s = self._looked_s + LOOK_S

    async def _look(self, link: ControlLink, journal: Journal) -> None:
        """What is seen waits in memory until the caller is gone: another controller may have got the floor, and writes; else it is written."""
        bridges = await link.ari.bridges()
        live = {channel.id: channel for channel in await link.ari.channels()}
        for channel, caller in self._callers.items():
            if channel in live:
                self._seen(caller, live[channel], with_him(channel, bridges, live))
        if gone := self._callers.keys() - live.keys():
            await finished(self._settle(gone, journal))

    async def _settle(self, gone: Collection[str], journal: Journal) -> None:
        await asyncio.sleep(SETTLED_BY_S)
        for channel in gone:
            if unwatched := self._callers.get(channel):
                await unwatched.catch_up(journal)
                self._missed(channel)

    def _seen(self, caller: Followed, channel: Channel, agent: Channel | None) -> None:
        caller.seen_s = self.clock()
        if isinstance(caller.record, CallJournal) and channel.dialplan.app_name != "Stasis":
            caller.record.let_go()
            caller.record = Awaited(caller.record.call_id)
        if caller.queue is None and channel.dialplan.app_name == "Queue":
            self._step(caller, "Queue", channel.dialplan.app_data)
        if agent and not caller.joined:
            self._dialled(caller, agent, "ANSWER")
            self._joined(caller)

    async def _follow_events(self, link: ControlLink, journal: Journal) -> None:
        try:
            await self._reconcile(link, journal)
            self.link = link
            while True:
                self.take(await link.next())
        except AriError as error:
            log.warning("floor socket lost", why=str(error))
        finally:
            link.close()  # else Asterisk, which may find nothing wrong with it, opens no other
            if self.link is link:
                self.link = None
                for caller in self._callers.values():
                    caller.seen_s = self.clock()

    async def _reconcile(self, link: ControlLink, journal: Journal) -> None:
        """Another controller may have watched, and written, since this one last did."""
        bridges = await left(link)
        live = {channel.id: channel for channel in await link.ari.channels()}
        for channel, caller in list(self._callers.items()):
            if channel in live and live[channel].dialplan.app_name == "Stasis":
                continue  # on the way still, or with a bot of another controller, whose record it is then
            with contextlib.suppress(StoreError):
                await caller.catch_up(journal)
            if channel not in live:
                self._missed(channel)
            elif live[channel].dialplan.app_name == "Queue":
                caller.queue = live[channel].dialplan.app_data.partition(",")[0]
        try:
            await self._find(journal, live)
        except StoreError as error:
            log.error("callers of crashed controllers cannot be looked up", why=str(error))
        await sweep(link, bridges, live)

    async def _find(self, journal: Journal, live: Mapping[str, Channel]) -> None:
        for call in await journal.unsealed():
            found = live.get(call.channel)
            if found is None:
                self._strays.add(call.channel, gone=True)
            elif found.dialplan.app_name == "Queue":
                self._queued(call.channel)
                self._step(self._callers[call.channel], "Queue", found.dialplan.app_data)

    def _queued(self, channel: str) -> None:
        """A caller comes into the queue; when his bot was with another controller, he is adopted."""
        awaited = None
        if channel not in self._callers or self._callers[channel].anothers:
            awaited = Awaited()
            self._callers[channel] = Followed(awaited, self.clock(), seen_s=self.clock())
        self._strays.add(channel, awaited)

    async def _settled(self, link: ControlLink, settled: Sequence[Settled]) -> None:
        """What the bots of these callers used in Asterisk is removed, and who is still with one that gave him up goes to the queue."""
        for each in settled:
            caller = self._callers.get(each.channel)
            if each.record and caller and isinstance(caller.record, Awaited):
                caller.record, caller.zero_s = each.record, caller.zero_s - each.zero_ms / 1000
        with contextlib.suppress(AriError):
            await send_on(link, {each.channel for each in settled if each.given_up})
            await clear(link, {each.channel for each in settled if not each.tended})

    def _forget_old(self) -> None:
        long_ago_s = self.clock() - UNWATCHED_S
        for channel, caller in list(self._callers.items()):
            if caller.seen_s < long_ago_s:
                del self._callers[channel]
                if isinstance(caller.record, CallJournal):
                    caller.record.let_go()

    def _step(self, caller: Followed, app: str, data: str) -> None:
        for entry in caller.steps(app, data):
            self._write(caller, entry)

    def _dialled(self, caller: Followed, peer: Channel, status: str) -> None:
        agent = agent_of(peer)
        if not status:
            caller.dialled, caller.refusal = peer.id, None
        elif status == "RINGING":
            caller.agent_channel, caller.agent = peer.id, agent
            self._write(caller, AgentRang(agent))
        elif status == "ANSWER":
            caller.agent_channel, caller.agent, caller.answered = peer.id, agent, True
            self._write(caller, AgentAnswered(agent))
            if caller.briefed and self.hears(agent, caller.record.call_id):
                self._write(caller, BriefingStarted(agent))
        elif status in GIVEN_UP and peer.id == caller.agent_channel:
            self._write(caller, caller.left(caller.why_unserved(status)))

    def _hangs_up(self, channel: str, cause: int) -> None:
        for caller_id, caller in self._callers.items():
            caller.hangs_up |= caller_id == channel and caller.refusal is None
            if caller.dialled == channel:
                caller.refusal = REFUSALS.get(cause, "")

    def _missed(self, channel: str) -> None:
        """The caller went while nobody watched."""
        caller = self._callers.get(channel)
        if caller and not caller.was_joined and self.clock() - caller.seen_s > UNSEEN_S:
            del self._callers[channel]
            caller.record.seal(caller.now_ms(self.clock()), "lost", "floor")
        elif caller:
            self._gone(Channel(channel))

    def _joined(self, caller: Followed) -> None:
        caller.joined = caller.was_joined = True
        self._write(caller, AgentJoined(caller.agent))

    def _gone(self, channel: Channel) -> None:
        if caller := self._callers.pop(channel.id, None):
            self._seal(caller)
            return
        for caller in self._callers.values():
            if caller.agent_channel == channel.id:
                if not (caller.joined and caller.hangs_up):  # else he takes the agent along, whose channel may go first
                    self._write(caller, caller.left("hung up" if caller.joined else caller.why_unserved("NOANSWER")))
                return
        if caller_id := owner(channel.id):
            self._strays.add(caller_id, tended=True)
        else:
            self._strays.add(channel.id, gone=True)

    def _seal(self, caller: Followed) -> None:
        if caller.record.sealed:
            return
        now_ms = caller.now_ms(self.clock())
        if caller.queue is not None and not caller.was_joined:
            self._write(caller, QueueLeft(caller.queue, "caller hung up"))
        outcome: Outcome = "handed_over" if caller.was_joined else "abandoned"
        if not caller.ended and (caller.joined or not caller.was_joined):
            self._write(caller, CallerHungUp())
        caller.record.seal(now_ms, outcome, "supervisor" if caller.ended else "floor")

    def _write(self, caller: Followed, entry: Entry) -> None:
        caller.record.append(caller.now_ms(self.clock()), entry)


def loop_clock() -> float:
    return asyncio.get_running_loop().time()
