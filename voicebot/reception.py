"""Where calls arrive: each control socket is looked at, and its caller gets the bot, gets his lost call back, or goes on to the queue.

It decides whether a call is taken, never how it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

import structlog

from voicebot import call
from voicebot.admission import Gate
from voicebot.arrivals import Lost, New, Unknown, brought, until_closed
from voicebot.bot import Bot
from voicebot.call import GONE, RESUME_S
from voicebot.errors import AriError, StoreError
from voicebot.handover.lines import LINE_VARIABLE
from voicebot.logs import of_call
from voicebot.memory import Memory
from voicebot.renewal import Renewal
from voicebot.resume import take_over
from voicebot.store.events import CallerHungUp, CallStarted, HandoverDecided
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony.ari import StasisStart
from voicebot.telephony.leg import QUEUE_CONTEXT
from voicebot.telephony.server import ControlLink

log = structlog.get_logger()


class Reception:
    """Takes control sockets one by one. Until `ready` is set the engines are still starting: lost calls wait a little, new ones go to the queue."""

    def __init__(self, bot: Bot, journal: Journal, gate: Gate, renewal: Renewal) -> None:
        self.ready = asyncio.Event()
        self._bot = bot
        self._journal = journal
        self._gate = gate
        self._renewal = renewal

    async def receive(self, link: ControlLink) -> None:
        """One control socket: a new call, one that lost its controller, or one nobody knows, whose caller goes on to the queue."""
        try:
            came = await brought(link, self._journal)
            with of_call(came.start.channel.id if came.start else ""):
                await self._attend(link, came)
                await until_closed(link, came.start)
        except AriError as error:
            log.info("control socket ended", why=str(error))
        finally:
            link.close()

    async def _attend(self, link: ControlLink, came: New | Lost | Unknown) -> None:
        match came:
            case New(start):
                await self._begin(link, start)
            case Lost(start):
                await self._go_on(link, start)
            case Unknown(start) if start:
                await self._send_on_unknown(link, start)

    async def _begin(self, link: ControlLink, start: StasisStart) -> None:
        channel, variables = start.channel.id, start.channel.channelvars
        language, ani = variables.get("VOICEBOT_LANGUAGE", ""), variables.get("VOICEBOT_ANI", "")
        try:
            record = self._recorded(start)
        except StoreError as error:
            await _not_taken(link, channel, str(error))
            return
        if language not in self._bot.tongues:
            await self._send_on(link, channel, record, f"no hotline speaks {language!r}" if self.ready.is_set() else "still starting")
        elif reason := self._gate.refusal(ani):
            self._bot.metrics.refusals.labels(reason).inc()
            await self._send_on(link, channel, record, f"not admitted: {reason}", line="at_capacity")
        else:
            await self._run(link, start, record)

    def _recorded(self, start: StasisStart) -> CallJournal:
        """The record of a call that begins here. Raises StoreError when it is open already."""
        channel, told = start.channel.id, start.channel.channelvars
        ani, dnis, language = (told.get(f"VOICEBOT_{name}", "") for name in ("ANI", "DNIS", "LANGUAGE"))
        return self._journal.call(channel, CallStarted(ani, dnis, language, channel, datetime.now(UTC), self._renewal.version))

    async def _go_on(self, link: ControlLink, start: StasisStart) -> None:
        """With a call that another controller held, or this one before it was restarted; else its caller goes on to the queue."""
        try:
            taken = await self._taken(start)
        except StoreError as error:
            await _not_taken(link, start.channel.id, str(error))
            return
        if taken is None:
            await _not_taken(link, start.channel.id, "a lost call that cannot be resumed")
            return
        log.warning("call of a lost controller taken over")
        await self._run(link, start, *taken)

    async def _taken(self, start: StasisStart) -> tuple[CallJournal, Memory] | None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ready.wait(), RESUME_S)
        speaks = start.channel.channelvars.get("VOICEBOT_LANGUAGE") in self._bot.tongues
        if self._gate.draining or not self.ready.is_set() or not speaks:
            return None
        return await take_over(self._journal, start.channel.id, "its controller was lost")

    async def _run(self, link: ControlLink, start: StasisStart, record: CallJournal, memory: Memory | None = None) -> None:
        with self._gate.counted(start.channel.channelvars.get("VOICEBOT_ANI", "")), self._bot.metrics.calls_in_progress.track_inprogress():
            await call.run(self._bot, link, start, record, memory)

    async def _send_on_unknown(self, link: ControlLink, start: StasisStart) -> None:
        """Another process had the call and nothing of it is open elsewhere: a record that is there stays as it is."""
        channel = start.channel.id
        try:
            record = None if await self._journal.lines(channel) else self._recorded(start)
        except StoreError as error:
            await _not_taken(link, channel, str(error))
            return
        if record:
            await self._send_on(link, channel, record, "unknown call")
        else:
            await _not_taken(link, channel, "it has a record already")

    async def _send_on(self, link: ControlLink, channel: str, record: CallJournal, why: str, line: str = "") -> None:
        """To the queue at once, with a sentence; the floor follows the caller to the end, so that the call log has him."""
        log.warning("call sent on to the queue", why=why, calls=self._gate.calls)
        record.append(0, HandoverDecided(why, self._bot.settings.handover.queue, 0, "", False))
        self._bot.floor.follow(channel, record, 0)
        try:
            if line:
                await link.ari.set_variable(channel, LINE_VARIABLE, line)
            await link.ari.continue_in_dialplan(channel, QUEUE_CONTEXT)
        except AriError as error:
            if error.status != GONE:
                raise
            self._bot.floor.drop(channel)
            record.append(0, CallerHungUp())
            record.seal(0, "abandoned", "caller")


async def _not_taken(link: ControlLink, channel: str, why: str) -> None:
    log.warning("call not taken", why=why)
    await link.ari.continue_in_dialplan(channel, QUEUE_CONTEXT)
