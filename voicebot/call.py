"""One call, read from top to bottom: pick up, greet, listen, decide, speak, and let go to a person or to the end.

Whatever goes wrong here, the caller's next step is the queue and the record is sealed once. Nothing here knows how audio is made or recognised.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from voicebot.bot import Bot
from voicebot.dialogue.decisions import Answer, EndCall, HandOver, Line, Step, Why
from voicebot.dialogue.policy import opening
from voicebot.errors import AriError, EngineError, MediaError, VoicebotError, plain, status
from voicebot.handover.briefing import Briefing, Facts, briefing
from voicebot.handover.lines import LINE_VARIABLE
from voicebot.handover.routing import Route, connecting, route, told_of
from voicebot.handover.spoken import spoken
from voicebot.memory import Memory
from voicebot.mind import Dialled, Mind
from voicebot.quiet import Quiet
from voicebot.scopes import finished, first_of, lasting
from voicebot.scribe import Scribe
from voicebot.speech.ear import Ear
from voicebot.speech.slower import slowed
from voicebot.store.events import CallAnswered, CallerHungUp, CallerOffHold, CallerOnHold, Fault, HandoverDecided, NoticeGiven, OptedOut
from voicebot.store.record import CallJournal
from voicebot.telephony.ari import StasisStart
from voicebot.telephony.leg import QUEUE_CONTEXT, Leg
from voicebot.telephony.media import Frame
from voicebot.telephony.server import ControlLink
from voicebot.values import SILENCE_FRAME, Sound, duration_ms
from voicebot.wording import worded

LET_GO_S = 2.0
OURS_S = 1.0
"""How long a call that failed waits for what its record says of another controller."""
RESUME_S = 2.0
"""A caller whose call was taken over hears the bot again by then, or goes to a person."""
STOPPING = "the controller is stopping"
GONE = 404
"""Asterisk's answer when the caller has hung up."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Gone:
    """The caller hung up."""


Ending = Step | Gone


async def run(bot: Bot, control: ControlLink, start: StasisStart, record: CallJournal, memory: Memory | None = None) -> None:
    """One call, from StasisStart (or, with the `memory` of a call that was taken over, from there) until the caller is with somebody else or gone.

    Never raises but for cancellation, which hands the caller over.
    """
    call = Call(bot, control, start, record, memory or Memory())
    async with call.leg:
        try:
            beside = (call.ear.run(), call.recorder.run(), call.audio_lost(), call.quiet.too_long(), call.taken(), bot.floor.look_out(control))
            ending = await first_of(call.leg.watch(), call.converse(), *beside)
            await call.let_go(ending or Gone())
        except Exception as error:  # noqa: BLE001 - supervision point: any fault of ours ends in the queue
            await finished(call.fail(error))
        except asyncio.CancelledError:
            await finished(call.fail(None))
            raise
        finally:
            await finished(call.close())


class Call:
    """One call's parts. All it remembers is `scribe.memory`, made of what stands in its record, so that another controller can go on with it."""

    def __init__(self, bot: Bot, control: ControlLink, start: StasisStart, record: CallJournal, memory: Memory) -> None:
        variables = start.channel.channelvars
        self.bot = bot
        self.control = control
        self.record = record
        self.ani = variables.get("VOICEBOT_ANI", "")
        hotline = bot.settings.hotlines.get(variables.get("VOICEBOT_DNIS", ""))
        asterisk = (control, start, bot.door, lambda: bot.floor.link)
        self.leg = Leg(*asterisk, part=memory.resumed, on_frame=self._frame, on_digit=self._digit, on_hold=self._hold)
        self.scribe = Scribe(record, bot.metrics, memory, lambda: self.leg.link.now_ms)
        name = f"{record.call_id}-{memory.resumed}" if memory.resumed else record.call_id
        self.recorder = bot.recordings.recorder(name, self.scribe.write, wanted="recording" not in memory.opt_outs)
        dialled = Dialled(variables.get("VOICEBOT_LANGUAGE", "en"), hotline is not None and hotline.menu, self.ani)
        self.mind = Mind(bot, dialled, self.scribe, self.recorder, self.say)
        self.ear = Ear(self.mind.hearing, self.leg.link, self.scribe.barged_in)
        self.ear.overhear = self.mind.listener.overhear
        self.quiet = Quiet(bot.settings.turns, lambda: self.ear.speaking)

    @property
    def memory(self) -> Memory:
        return self.scribe.memory

    async def converse(self) -> Step:
        """Greet, or go on where another controller had to stop; then listen and act until the policy or a supervisor ends the bot's part."""
        await self.open()
        if not self.memory.noticed:
            await self.greet()
        await self.say(self.memory.unsaid)
        return await first_of(self.talk(), self.mind.ordered(self.record.call_id, self.leg.link.flush))

    async def talk(self) -> Step:
        """Until a decision ends the bot's part."""
        step = await self.mind.go_on()
        while step is None or not isinstance(step.decision, HandOver | EndCall):
            if step:
                await self.say(step.decision.lines)
            step = await self.turn(await self.ear.next())
        if isinstance(step.decision, HandOver):
            await self.say(step.decision.lines[:-1])  # what is answered before a person takes over
        return step

    async def open(self) -> None:
        await self.leg.open(RESUME_S if self.memory.resumed else None)
        if not self.memory.answered:
            self.scribe.write(CallAnswered())
        if "recording" in self.memory.opt_outs:
            self.recorder.refuse(self.memory.recordings)
        self.recorder.start()
        self.mind.guard()

    async def greet(self) -> None:
        """The notice comes first; only a key cuts it short, and then the record says so."""
        greeting, *menu = opening(self.mind.state, self.mind.rules)
        uncut = await self.say((greeting,), protected=True)
        self.scribe.write(NoticeGiven(self.recorder.on, whole=uncut))
        if uncut:
            await self.say(tuple(menu))

    async def taken(self) -> None:
        await self.record.taken.wait()
        raise VoicebotError("another controller has taken this call over")

    async def audio_lost(self) -> None:
        """Ends the call's normal course when Asterisk closes the media socket under it."""
        await self.leg.link.closed()
        raise MediaError("Asterisk closed the media socket")

    async def turn(self, sound: Sound) -> Step | None:
        """What follows from one sound; None for a key that is one of several. An opt-out is obeyed at once, whatever else was decided."""
        self.quiet.broken()
        step = await self.mind.turn(sound)
        for what in sorted(step.opt_outs if step else ()):
            self._opt_out(what)
        self.ear.hearing = self.mind.hearing
        return step

    async def say(self, lines: tuple[Line, ...], protected: bool = False) -> bool:
        """Speak `lines`; False when a barge-in took the turn or a key was pressed before their end. What was heard of each is journalled. Protected
        ones are begun in any case."""
        if self.ear.keyed and not protected:
            return False
        self.ear.bot_starts(protected, expects_answer=bool(lines) and not isinstance(lines[-1], Answer))
        try:
            for line in lines:
                if not await self._speak(line, protected):
                    return False
            return True
        finally:
            self.ear.bot_stops()

    async def let_go(self, ending: Ending) -> None:
        """The bot's part is over: to the queue, to the end, or the caller has gone already."""
        match ending:
            case Step(decision=HandOver(reason=reason, lines=lines, urgency=urgency, queue=queue)):
                await self._hand_over(reason, urgency == "high", lines[-1:], queue)
            case Step(decision=EndCall(lines=lines, outcome=outcome)):
                await first_of(self.leg.watch(), self.say(lines, protected=True))
                await self.leg.hang_up()
                self.scribe.seal("contained" if outcome == "contained" else "abandoned", "bot")
            case _:
                self.scribe.write(CallerHungUp())
                served = self.mind.state.answered and not self.mind.state.misses and not self.memory.let_go
                self.scribe.seal("contained" if served else "abandoned", "caller")

    async def fail(self, error: BaseException | None) -> None:
        """To the queue after a fault of ours, which the record tells; None: because the controller is stopping. A request refused because the
        caller has hung up is none."""
        fault = error if error and status(error) != GONE else None
        if fault and not self.record.taken.is_set():
            self.scribe.fault(fault)
        elif not error and not self.memory.let_go:
            self._decided(STOPPING, Route(self.bot.settings.handover.queue, 0))
        if not await self._ours():
            log.warning("call left to the controller that took it over")
            return None
        try:
            await self._to_queue({} if error else {LINE_VARIABLE: "connecting_sorry"}, rescue=True)
        except AriError as refused:
            if refused.status == GONE:
                self.bot.floor.drop(self.leg.caller.id)
                return self.scribe.seal("failed", "call") if fault else await self.let_go(Gone())
            log.warning("Asterisk did not confirm the queue", why=plain(refused))
        if error and not fault:
            self.scribe.fault(error)
        return None

    async def _ours(self) -> bool:
        """Whether nobody else has the call, by what stands in its record; one that cannot be read in time is ours."""
        await asyncio.wait({lasting(self.record.ours())}, timeout=OURS_S)
        return not self.record.taken.is_set()

    async def close(self) -> None:
        self.ear.close()
        await self.recorder.close()

    async def _hand_over(self, reason: Why, urgent: bool, lines: tuple[Line, ...], queue: str) -> None:
        titles = tuple(self.mind.script.title(entry_id) for entry_id in self.mind.state.answered)
        memory, settings = self.memory, self.bot.settings.handover
        told = briefing(Facts(reason, self.mind.language, self.ani, titles, memory.last_words, "high" if urgent else "normal", memory.evidence))
        way = route(settings, reason, memory.matter, urgent, await self.bot.known(self.ani, self.record.call_id), wanted=queue)
        self._decided(reason.value, way, told.spoken)
        async with asyncio.TaskGroup() as scope:
            announced = scope.create_task(self._announce(lines if connecting(settings, way, datetime.now(UTC)) else ()))
            spooled = scope.create_task(self._spool(told))
        if announced.result():
            return await self.let_go(Gone())
        path = spooled.result()
        try:
            await self._to_queue(told_of(settings, way, reason, self.mind.state.style, path), briefed=path is not None)
            self.bot.improve(self.record)
        except AriError as error:
            self.bot.floor.drop(self.leg.caller.id)
            if error.status not in {404, 409, 412}:
                raise
            self.scribe.write(CallerHungUp())
            self.scribe.seal("abandoned", "caller")

    def _decided(self, reason: str, way: Route, told: str = "") -> None:
        """Nothing is recorded from here on."""
        self.recorder.end()
        self.scribe.write(HandoverDecided(reason, way.queue, way.priority, told, way.urgent))

    async def _announce(self, lines: tuple[Line, ...]) -> Gone | None:
        """Whether the caller hung up while this was said. That the audio breaks does not stop the handover."""
        said = await first_of(self._hung_up(), self.say(lines, protected=True), self.leg.link.closed())
        return said if isinstance(said, Gone) else None

    async def _hung_up(self) -> Gone | None:
        with contextlib.suppress(MediaError):
            await self.leg.watch()
            return Gone()
        return None

    async def _spool(self, told: Briefing) -> Path | None:
        """The briefing as a file for the agent, or None when no voice can speak it in time: the handover goes on without."""
        try:
            async with asyncio.timeout(LET_GO_S):
                return await spoken(told, self.bot.phrases, self.mind.language, self.bot.spool, self.record.call_id)
        except (EngineError, OSError, TimeoutError) as error:
            self.scribe.write(Fault("briefing", plain(error)))
            return None

    async def _to_queue(self, variables: Mapping[str, str], briefed: bool = False, rescue: bool = False) -> None:
        self.recorder.end()
        self.bot.floor.follow(self.leg.caller.id, self.record, self.scribe.now_ms, briefed)
        await (self.leg.rescue(QUEUE_CONTEXT, variables, self._ours) if rescue else self.leg.hand_over(QUEUE_CONTEXT, variables))

    async def _speak(self, line: Line, protected: bool) -> bool:
        flushes = self.leg.link.flushes
        text, pcm = await worded(self.bot, self.mind.script, self.scribe, self.leg.link, line)
        if self.leg.link.flushes != flushes and not protected:
            return False  # the caller took the turn while this was made
        start_ms = self.scribe.now_ms
        pcm = slowed(pcm) if self.mind.state.slow else pcm
        playing = self.leg.link.play(pcm)
        try:
            return await playing.done
        finally:
            self.scribe.spoke(line, text, start_ms, self.leg.link.heard_ms(playing), duration_ms(pcm))

    def _opt_out(self, what: str) -> None:
        self.scribe.write(OptedOut(what))
        if what == "recording":
            self.recorder.refuse(self.memory.recordings)

    def _frame(self, frame: Frame) -> None:
        if frame.bot != SILENCE_FRAME:
            self.quiet.broken()
        self.ear.frame(frame.caller, frame.lost, frame.late, frame.bot)
        self.recorder.frame(frame)

    def _digit(self, key: str) -> None:
        self.ear.press(key)

    def _hold(self, on: bool) -> None:
        self.quiet.hold(on)
        self.scribe.write(CallerOnHold() if on else CallerOffHold())
        (self.ear.hold if on else self.ear.unhold)()
