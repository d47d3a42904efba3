"""One call, read from top to bottom: pick up, greet, listen, decide, speak, and let go to a person or to the end.

Whatever goes wrong here, the caller's next step is the queue and the record is sealed once. Nothing here knows how audio is made or recognised.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from voicebot.bot import Bot
from voicebot.dialogue.decisions import (
    CALM,
    Answer,
    EndCall,
    HandOver,
    Heard,
    Line,
    Pressed,
    RecogniserFailed,
    Silent,
    Spoke,
    State,
    Step,
    Why,
)
from voicebot.dialogue.decisions import NoAudio as NobodyThere
from voicebot.dialogue.policy import decide, opening
from voicebot.dialogue.script import heard_part, kind
from voicebot.errors import AriError, EngineError, MediaError, VoicebotError, innermost, plain
from voicebot.handover.briefing import Facts, briefing
from voicebot.scopes import finished, first_of
from voicebot.speech.ear import Ear
from voicebot.store.events import (
    BargedIn,
    BotSpoke,
    CallAnswered,
    CallerHungUp,
    CallerSpoke,
    Decided,
    DigitPressed,
    Fault,
    HandoverDecided,
    NoticeGiven,
    OptedOut,
    Outcome,
    TurnMeasured,
)
from voicebot.store.journal import CallJournal
from voicebot.telephony.ari import StasisStart
from voicebot.telephony.leg import Leg
from voicebot.telephony.media import Frame
from voicebot.telephony.recording import Recorder
from voicebot.telephony.server import ControlLink
from voicebot.values import Digit, NoAudio, Silence, Sound, Unrecognised, Utterance, duration_ms

QUEUE_CONTEXT = "voicebot-handover"
LET_GO_S = 2.0
LEFT_ALREADY = 409
"""Asterisk's answer when a channel is in the dialplan already, as after a handover whose answer was lost."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Gone:
    """The caller hung up."""


Ending = Step | Gone


async def run(bot: Bot, control: ControlLink, start: StasisStart, record: CallJournal) -> None:
    """One call, from StasisStart until the caller is with somebody else or gone. Never raises but for cancellation, which hands the caller over."""
    call = Call(bot, control, start, record)
    async with call.leg:
        try:
            ending = await first_of(call.leg.watch(), call.converse(), call.ear.run(), call.audio_lost(), call.recorder.run())
            await call.let_go(ending or Gone())
        except Exception as error:  # noqa: BLE001 - supervision point: any fault of ours ends in the queue
            await finished(call.fail(error))
        except asyncio.CancelledError:
            await finished(call.fail(VoicebotError("the controller is stopping")))
            raise
        finally:
            call.ear.close()
            await call.recorder.close()


@dataclass
class Call:
    """One call's parts. `state` and `last_words` are all it remembers beside its journal."""

    bot: Bot
    control: ControlLink
    start: StasisStart
    record: CallJournal
    state: State = field(default_factory=State.start)
    last_words: str = ""

    def __post_init__(self) -> None:
        variables = self.start.channel.channelvars
        self.ani = variables.get("VOICEBOT_ANI", "")
        self.dnis = variables.get("VOICEBOT_DNIS", "")
        self.language = variables.get("VOICEBOT_LANGUAGE", "en")
        self.tongue = self.bot.tongues[self.language]
        self.leg = Leg(self.control, self.start, self.bot.door, self._frame, self._digit)
        self.ear = Ear(self.tongue.hearing, self.leg.link, self._barged_in)
        self.recorder = Recorder(self.bot.settings.recording, self.record.call_id)
        hotline = self.bot.settings.hotlines.get(self.dnis)
        listens = self.tongue.hearing.recogniser is not None and not (hotline and hotline.menu)
        self.script = self.tongue.scripts[listens]
        self.state = State.start(menu=not listens)

    @property
    def now_ms(self) -> int:
        return self.leg.link.now_ms

    async def converse(self) -> Step:
        """Greet, then listen and act until a decision ends the bot's part."""
        await self.leg.open()
        self._write(CallAnswered())
        if self.recorder.on:
            self._write(self.recorder.started())
        greeting, *menu = opening(self.state, self.tongue.rules)
        uncut = await self.say((greeting,), protected=True)
        self._write(NoticeGiven(self.recorder.on))
        if uncut:
            await self.say(tuple(menu))
        while True:
            step = self.decide(await self.ear.next())
            if isinstance(step.decision, HandOver | EndCall):
                return step
            await self.say(step.decision.lines)

    async def audio_lost(self) -> None:
        """Ends the call's normal course when Asterisk closes the media socket under it."""
        await self.leg.link.closed()
        raise MediaError("Asterisk closed the media socket")

    def decide(self, sound: Sound) -> Step:
        """Weigh what was heard, journal it with the decision, remember the state."""
        began_s = asyncio.get_running_loop().time()
        step = decide(self.state, self._heard(sound), CALM, self.tongue.rules)
        decide_ms = (asyncio.get_running_loop().time() - began_s) * 1000
        self.state = step.state
        self._write(_decided(step))
        for what in sorted(step.opt_outs):
            self._opt_out(what)
        if isinstance(sound, Utterance):
            self._measure(sound, decide_ms)
        return step

    async def say(self, lines: tuple[Line, ...], protected: bool = False) -> bool:
        """Speak `lines`; False when a barge-in took the turn or a key was pressed before their end. What was heard of each is journalled."""
        self.ear.bot_starts(protected, expects_answer=bool(lines) and not isinstance(lines[-1], Answer))
        try:
            for line in lines:
                if not await self._speak(line):
                    return False
            return True
        finally:
            self.ear.bot_stops()

    async def let_go(self, ending: Ending) -> None:
        """The bot's part is over: to the queue, to the end, or the caller has gone already."""
        match ending:
            case Step(decision=HandOver(reason=reason, lines=lines, urgency=urgency)):
                await self._hand_over(reason, urgency == "high", lines)
            case Step(decision=EndCall(lines=lines, outcome=outcome)):
                await first_of(self.leg.watch(), self.say(lines, protected=True))
                await self.leg.hang_up()
                self._seal("contained" if outcome == "contained" else "abandoned", "bot")
            case _:
                self._write(CallerHungUp())
                self._seal("contained" if self.state.answered and not self.state.misses else "abandoned", "caller")

    async def fail(self, error: BaseException) -> None:
        """A fault of ours: the caller goes to the queue, the record says why. A request refused because the caller has hung up is none."""
        try:
            async with asyncio.timeout(LET_GO_S):
                await self._to_queue({})
        except (AriError, TimeoutError) as refused:
            if _status(refused) == LEFT_ALREADY or self.control.ari.lost:
                return self._fault(error)  # he is in the queue, or Asterisk will move him on: the floor sees what becomes of him
            self.bot.floor.drop(self.leg.caller.id)
            if _status(refused) == _status(error) == 404:
                return await self.let_go(Gone())
            self._fault(error)
            log.warning("caller could not be sent to the queue", call_id=self.record.call_id, why=plain(refused))
            self._seal("failed", "call")
        else:
            self._fault(error)

    async def _hand_over(self, reason: Why, urgent: bool, lines: tuple[Line, ...]) -> None:
        titles = tuple(self.script.title(entry_id) for entry_id in self.state.answered)
        told = briefing(Facts(reason, self.language, self.ani, titles, self.last_words, "high" if urgent else "normal"))
        queue = self.bot.settings.handover.queue
        self._write(HandoverDecided(reason.value, queue, 1 if urgent else 0, told.spoken))
        async with asyncio.TaskGroup() as scope:
            announced = scope.create_task(self._announce(lines))
            spooled = scope.create_task(self._spool(told.spoken))
        if announced.result():
            return await self.let_go(Gone())
        variables = {"VOICEBOT_QUEUE": queue, "VOICEBOT_PRIORITY": "1" if urgent else "0"}
        if path := spooled.result():
            variables["VOICEBOT_BRIEFING"] = str(path)
        try:
            await self._to_queue(variables, briefed=path is not None)
        except AriError as error:
            self.bot.floor.drop(self.leg.caller.id)
            if error.status not in {404, 409, 412}:
                raise
            self._write(CallerHungUp())
            self._seal("abandoned", "caller")

    async def _announce(self, lines: tuple[Line, ...]) -> Gone | None:
        """Whether the caller hung up while this was said. That the audio breaks does not stop the handover."""
        said = await first_of(self._hung_up(), self.say(lines, protected=True), self.leg.link.closed())
        return said if isinstance(said, Gone) else None

    async def _hung_up(self) -> Gone | None:
        with contextlib.suppress(MediaError):
            await self.leg.watch()
            return Gone()
        return None

    async def _spool(self, spoken: str) -> Path | None:
        """The briefing as a file for the agent, or None when no voice can speak it in time: the handover goes on without."""
        try:
            async with asyncio.timeout(LET_GO_S):
                return await self.bot.spool.write(self.record.call_id, await self.bot.phrases.audio(spoken, self.language))
        except (EngineError, OSError, TimeoutError) as error:
            self._write(Fault("briefing", plain(error)))
            return None

    async def _to_queue(self, variables: dict[str, str], briefed: bool = False) -> None:
        self.bot.floor.follow(self.leg.caller.id, self.record, self.now_ms, briefed)
        await self.leg.hand_over(QUEUE_CONTEXT, variables)

    async def _speak(self, line: Line) -> bool:
        text = self.script.text(line)
        flushes = self.leg.link.flushes
        pcm = await self.bot.phrases.audio(text, self.language)
        if self.leg.link.flushes != flushes:
            return False  # the caller took the turn while this was made
        start_ms = self.now_ms
        playing = self.leg.link.play(pcm)
        try:
            return await playing.done
        finally:
            heard_ms, length_ms = self.leg.link.heard_ms(playing), duration_ms(pcm)
            cut = heard_ms < length_ms - 40
            heard = heard_part(text, heard_ms, length_ms) if cut else text
            entry_id = line.entry_id if isinstance(line, Answer) else None
            self._write(BotSpoke(text, kind(line), start_ms, heard_ms, length_ms, cut, heard, entry_id))

    def _heard(self, sound: Sound) -> Heard:
        match sound:
            case Utterance(start_ms, end_ms, transcript):
                self._write(CallerSpoke(transcript.text, transcript.confidence, start_ms, end_ms))
                self.last_words = transcript.text or self.last_words
                matches, intents = self.tongue.matcher.match(transcript.text), self.tongue.intents.of(transcript.text)
                return Spoke(transcript.text, transcript.confidence, matches, frozenset(intents), self.language)
            case Digit(key):
                self._write(DigitPressed(key))
                return Pressed(key)
            case Silence(ms):
                return Silent(ms)
            case NoAudio():
                return NobodyThere()
            case Unrecognised(why):
                self._write(Fault("recogniser", why))
                return RecogniserFailed()

    def _measure(self, utterance: Utterance, decide_ms: float) -> None:
        """How long the caller has waited so far; what comes now is cached audio, sent within one frame."""
        hold_ms = utterance.taken_ms - utterance.end_ms
        total_ms = self.now_ms - utterance.end_ms
        self._write(TurnMeasured(hold_ms, utterance.recognise_ms, decide_ms, total_ms - hold_ms, total_ms))
        for stage, ms in (("hold", hold_ms), ("recognise", utterance.recognise_ms), ("decide", decide_ms), ("total", total_ms)):
            self.bot.metrics.observe_stage(stage, ms)

    def _fault(self, error: BaseException) -> None:
        log.error("call failed", call_id=self.record.call_id, why=plain(error))
        self.bot.metrics.faults.labels("call").inc()
        self._write(Fault("call", plain(error)))

    def _opt_out(self, what: str) -> None:
        self._write(OptedOut(what))
        if what == "recording" and self.recorder.on:
            self._write(self.recorder.stop())

    def _frame(self, frame: Frame) -> None:
        self.ear.frame(frame.caller, frame.lost)
        self.recorder.frame(frame)

    def _digit(self, key: str) -> None:
        self.ear.press(key)

    def _barged_in(self, outcome: Any, at_ms: int, silent_after_ms: int) -> None:
        self._write(BargedIn(outcome, at_ms, silent_after_ms))

    def _seal(self, outcome: Outcome, by: str) -> None:
        self.record.seal(self.now_ms, outcome, by)

    def _write(self, event: Any) -> None:
        self.record.append(self.now_ms, event)


def _decided(step: Step) -> Decided:
    entry_id = getattr(step.decision, "entry_id", None)
    return Decided(type(step.decision).__name__, step.reason, entry_id, None, getattr(step.decision, "options", ()))


def _status(error: BaseException) -> int:
    """The HTTP status with which Asterisk refused, 0 when it was nothing of the kind."""
    return int(getattr(innermost(error), "status", 0))
