"""What a call hears: 20 ms frames in; utterances, keys, silences out, in order.

It joins voice detection, endpointing, barge-in and the recogniser of one call. `frame` never waits; only `run` and `next` do.
It decides where a turn ends, never what to do about it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from voicebot.errors import EngineError
from voicebot.settings import Turns
from voicebot.speech.asr import Recogniser
from voicebot.speech.bargein import Action, BargeIn, Commit, Continue, Pause, Said, weigh
from voicebot.speech.completeness import Completeness, SoFar
from voicebot.speech.echo import Echo
from voicebot.speech.endpointing import Endpointing, Paused, SpeechStarted, TooLong, UtteranceEnded
from voicebot.speech.endpointing import Event as TurnEvent
from voicebot.speech.opinion import SecondOpinion
from voicebot.speech.patience import Patience
from voicebot.speech.silero import SpeechDetector
from voicebot.speech.surroundings import Surroundings
from voicebot.speech.talk import Stream, Talk
from voicebot.speech.vad import Gate
from voicebot.values import FRAME_MS, SILENCE_FRAME, Digit, Sound, Transcript, Unrecognised, Utterance

KEPT_FRAMES = 40
"""Frames kept from before speech is certain: endpointing asks for at most 400 ms before an onset that is confirmed up to 300 ms late."""
UNSURE = {Completeness.COMPLETE: 0.15, Completeness.HANGING: 0.4}
"""Words recognised less surely than this end no turn early, and put off none: they may be other words."""
SURE = 0.6
"""Words recognised as surely as this are hardly ever what a recogniser makes of a murmur."""
LULL_MS = 60
"""While the bot is paused, words are settled this soon after the caller's voice, so that it can go on soon if they were none."""
HEALED_FRAMES = 2
EMPTY_MS = 700
"""Shorter speech without a word in it is a noise, not a turn."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the ears of all calls in one language share. Without a recogniser only keys are heard; without a detector webrtcvad decides alone."""

    language: str
    turns: Turns
    judge: Callable[[SoFar], Completeness]
    recogniser: Recogniser | None = None
    detector: SpeechDetector | None = None
    matters: Callable[[Transcript], bool] = lambda words: words.confidence >= SURE
    """Whether words said over the bot are worth stopping for: a murmur is often misheard as a word or two that mean nothing here."""

    @property
    def listens(self) -> bool:
        """Whether speech is being recognised now; where it is not, a call is better led by its keys from the start."""
        return self.recogniser is not None and self.recogniser.healthy


class Mouth(Protocol):
    """What barge-in does to the bot's own voice."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def flush(self) -> None: ...


class Ear:
    """The hearing of one call. Feed it every frame; run `run` beside the call; take what was heard from `next`."""

    def __init__(self, hearing: Hearing, mouth: Mouth, on_bargein: Callable[[Literal["taken", "resumed"], int, int], None]) -> None:
        """`on_bargein` is told what became of each, when the caller began and after how many ms the bot was silent."""
        self.hearing, self._mouth, self._on_bargein = hearing, mouth, on_bargein
        self.overhear: Callable[[Stream], Stream] = lambda stream: stream
        self._gate, self._bargein, self._echo, self._around = Gate(), BargeIn(), Echo(), Surroundings()
        self._endpointing, self._patience = Endpointing(hearing.turns), Patience(hearing.turns)
        self._opinion = SecondOpinion(self._gate, hearing.detector) if hearing.detector else None
        self._kept: deque[bytes] = deque(maxlen=KEPT_FRAMES)
        self._talk: Talk | None = None
        self._pauses: asyncio.Queue[tuple[int, Talk]] = asyncio.Queue()
        self._unfinished: set[Talk] = set()
        self._sounds: asyncio.Queue[Sound] = asyncio.Queue()
        self.now_ms = self._paused_ms = self._quiet_ms = self._keys = self._lost_frames = 0
        self._bot_speaks = self._expects_answer = self._waiting = self._failed = False

    def frame(self, pcm: bytes, lost: bool, late: bytes = b"", played: bytes = SILENCE_FRAME) -> None:
        """Take the next 20 ms from the caller, silence when `lost`, and what the bot `played` meanwhile, by which its echo is known. `late` audio,
        of frames given as lost, goes to the recogniser in place of their silence; all that keeps time is given this frame alone."""
        self.now_ms += FRAME_MS
        if self._patience.on_hold:
            pcm, lost, late = SILENCE_FRAME, True, b""  # what comes now is the music of his switchboard
        self._echo.frame(pcm, played)
        voiced, stirring = self._gate.frame(pcm, lost), self._gate.stirring
        self._around.frame(self._gate.level_db, voiced, lost)
        if (voiced or stirring) and ((self._bot_speaks and not self._around.near) or self._echo.back):
            voiced = stirring = False
        self._kept.append(words := pcm if self._told(lost) else b"")
        if self._opinion:
            self._opinion.frame(self._kept, lost)
        if self._talk:
            self._listen(self._talk, words, voiced, late)
        for event in self._endpointing.frame(voiced, stirring):
            self._turn(event)
        self._obey(self._bargein.frame(voiced, stirring))
        self._wait(lost)

    def press(self, key: str) -> None:
        """A DTMF key; it stops the bot, even where speech would not."""
        self._silence()
        self._keys += 1
        self._put(Digit(key, self.now_ms))

    def hold(self) -> None:
        """The caller has put the call on hold: the bot stops in mid-word, and nothing is heard until `unhold`, nor any silence counted."""
        if not self._patience.on_hold:
            self._patience.hold(True)
            self._mouth.pause()

    def unhold(self) -> None:
        """The caller is back; the bot goes on from where it stopped."""
        if self._patience.on_hold:
            self._patience.hold(False)
            if not self._bargein.paused:
                self._mouth.resume()

    def bot_starts(self, protected: bool, expects_answer: bool) -> None:
        """The bot begins to speak; a protected phrase yields to keys only. `expects_answer`: "yes" to it is an answer, not a murmur."""
        self._bot_speaks, self._expects_answer, self._failed = True, expects_answer, False
        self._bargein.bot_started(protected)

    def bot_stops(self) -> None:
        """The bot has stopped speaking, by itself or not."""
        self._bot_speaks = False
        self._bargein.bot_stopped()

    async def next(self) -> Sound:
        """What is heard next. Time without speech counts only while this waits."""
        self._patience.restart()
        self._waiting = True
        try:
            sound = await self._sounds.get()
        finally:
            self._waiting = False
        self._keys -= isinstance(sound, Digit)
        return sound

    @property
    def keyed(self) -> bool:
        """Whether a key waits in `next`: whoever pressed it wants an answer to it, not what the bot was about to say."""
        return self._keys > 0

    @property
    def speaking(self) -> bool:
        """Whether the caller is in the middle of an utterance."""
        return self._endpointing.speaking

    async def run(self) -> None:
        """Settle transcripts at each pause, until cancelled."""
        while True:
            at_ms, talk = await self._pauses.get()
            started_s = asyncio.get_running_loop().time()
            try:
                words = await talk.stream.settle()
            except EngineError as error:
                self._unrecognised(talk, str(error))
                continue
            if talk.done:
                continue
            talk.words, talk.words_until_ms = words, at_ms
            talk.took_ms = (asyncio.get_running_loop().time() - started_s) * 1000
            self._judge(talk, at_ms, words)

    def close(self) -> None:
        """Free the worker streams."""
        for talk in self._unfinished:
            talk.stream.close()
        if self._opinion:
            self._opinion.close()

    def _turn(self, event: TurnEvent) -> None:
        match event:
            case SpeechStarted(audio_from_ms=from_ms):
                self._begin(from_ms)
            case Paused(at_ms=at_ms):
                self._settle(at_ms)
            case TooLong():
                self._settle(self.now_ms)
            case UtteranceEnded():
                self._end(event)
            case _:
                pass

    def _begin(self, from_ms: int) -> None:
        if self.hearing.recogniser is None:
            return
        voiced_ms = Endpointing.ONSET_FRAMES * FRAME_MS
        self._talk = Talk(self.overhear(self.hearing.recogniser.stream()), self._bot_speaks, spoken_ms=voiced_ms)
        self._unfinished.add(self._talk)
        self._talk.stream.feed(b"".join(list(self._kept)[-((self.now_ms - from_ms) // FRAME_MS) :]))

    def _told(self, lost: bool) -> bool:
        """Whether the recogniser is told of this frame: a frame or two that are lost within a word leave no hole in it."""
        self._lost_frames = self._lost_frames + 1 if lost else 0
        return not 0 < self._lost_frames <= HEALED_FRAMES

    def _listen(self, talk: Talk, pcm: bytes, voiced: bool, late: bytes) -> None:
        talk.hear(pcm, voiced, late)
        self._quiet_ms = 0 if voiced else self._quiet_ms + FRAME_MS
        if self._bargein.paused and self._quiet_ms == LULL_MS:
            self._settle(self.now_ms)

    def _settle(self, at_ms: int) -> None:
        if self._talk:
            self._talk.settled = True
            self._pauses.put_nowait((at_ms, self._talk))

    def _judge(self, talk: Talk, at_ms: int, words: Transcript) -> None:
        if talk is self._talk:
            self._obey(self._bargein.words(self._weigh(words)))
            for event in self._endpointing.verdict(at_ms, self._verdict(talk, words)):
                self._turn(event)
        self._finish(talk)

    def _verdict(self, talk: Talk, words: Transcript) -> Completeness:
        verdict = self.hearing.judge(SoFar(words.text, talk.spoken_ms))
        return verdict if words.confidence >= UNSURE.get(verdict, 0.0) else Completeness.OPEN

    def _weigh(self, words: Transcript) -> Said:
        return weigh(words, self.hearing.language, self._expects_answer, self.hearing.matters)

    def _end(self, ended: UtteranceEnded) -> None:
        if self._talk:
            talk, self._talk = self._talk, None
            talk.ended = ended
            self._finish(talk)

    def _finish(self, talk: Talk) -> None:
        """Hand the utterance on once its end and its words are both known."""
        ended, words = talk.ended, talk.words
        if talk.done or ended is None or words is None or talk.words_until_ms < ended.end_ms:
            return
        self._forget(talk)
        noise = not words.text and ended.end_ms - ended.start_ms < EMPTY_MS
        murmur = talk.over_bot and self._weigh(words) is not Said.MEANT
        if not noise and not murmur:
            self._put(Utterance(ended.start_ms, ended.end_ms, words, self.now_ms, talk.took_ms))

    def _forget(self, talk: Talk) -> None:
        talk.stream.close()
        talk.done = True
        self._unfinished.discard(talk)

    def _unrecognised(self, talk: Talk, why: str) -> None:
        """It may have been meant, so it takes the turn; told once until the bot has spoken. What follows, even in the same breath, is another."""
        if talk.done:
            return
        if talk is self._talk:
            self._talk = None
            self._endpointing.abandon()
        self._forget(talk)
        self._obey(self._bargein.words(Said.MEANT))
        if not self._failed:
            self._failed = True
            self._put(Unrecognised(why))

    def _obey(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Pause():
                    self._paused_ms = self.now_ms
                    self._mouth.pause()
                case Continue(onset_ms=onset_ms):
                    if not self._patience.on_hold:
                        self._mouth.resume()
                    self._on_bargein("resumed", onset_ms, self._paused_ms - onset_ms)
                case Commit(onset_ms=onset_ms):
                    if self._talk:
                        self._talk.over_bot = False
                    self._silence()
                    self._on_bargein("taken", onset_ms, self._paused_ms - onset_ms)

    def _silence(self) -> None:
        """What the bot was saying is dropped; on hold the next phrase waits too."""
        self._mouth.flush()
        if self._patience.on_hold:
            self._mouth.pause()

    def _put(self, sound: Utterance | Digit | Unrecognised) -> None:
        self._patience.heard()
        self._sounds.put_nowait(sound)

    def _wait(self, lost: bool) -> None:
        idle = self._waiting and not self._endpointing.speaking and not self._unfinished
        due = self._patience.frame(lost=lost, idle=idle)
        if due and self._patience.on_hold:
            self._mouth.flush()
        if due:
            self._sounds.put_nowait(due)
