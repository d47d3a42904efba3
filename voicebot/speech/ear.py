"""What a call hears: 20 ms frames in; utterances, keys, silences out, in order.

It joins voice detection, endpointing, barge-in and the recogniser of one call. `frame` never waits; only `run` and `next` do.
It decides where a turn ends, never what to do about it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from voicebot.errors import EngineError
from voicebot.settings import Turns
from voicebot.speech.asr import Recogniser, RecogniserStream
from voicebot.speech.bargein import Action, BargeIn, Commit, Continue, Pause, is_backchannel
from voicebot.speech.completeness import Completeness
from voicebot.speech.endpointing import Endpointing, Paused, SpeechStarted, TooLong, UtteranceEnded
from voicebot.speech.endpointing import Event as TurnEvent
from voicebot.speech.silero import SpeechDetector
from voicebot.speech.vad import Gate
from voicebot.values import FRAME_MS, Digit, NoAudio, Silence, Sound, Transcript, Unrecognised, Utterance, duration_ms

KEPT_FRAMES = 40
"""Frames kept from before speech is certain: endpointing asks for at most 400 ms before an onset that is confirmed up to 300 ms late."""
UNSURE = 0.35
"""Words recognised less surely than this do not end a turn early: they may be half a word."""
GUESSED_WORDS = 3
"""So few words, recognised so unsurely, are what a recogniser makes of a murmur."""
LULL_MS = 100
"""While the bot is paused, words are settled this soon after the caller's voice, so that it can go on soon if they were none."""
EMPTY_MS = 700
"""Shorter speech without a word in it is a noise, not a turn."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the ears of all calls in one language share. Without a recogniser only keys are heard; without a detector webrtcvad decides alone."""

    language: str
    turns: Turns
    judge: Callable[[str], Completeness]
    recogniser: Recogniser | None = None
    detector: SpeechDetector | None = None
    matters: Callable[[str], bool] = bool
    """Whether words said over the bot are worth stopping for. A murmur is often misheard as a word or two that mean nothing here."""


@dataclass(slots=True, eq=False)
class _Talk:
    """One utterance on its way: it is handed on when both its end and its words are known."""

    stream: RecogniserStream
    over_bot: bool
    held: bytearray = field(default_factory=bytearray)
    settled: bool = False
    ended: UtteranceEnded | None = None
    words: Transcript | None = None
    words_until_ms: int = 0
    took_ms: float = 0.0
    done: bool = False


class Mouth(Protocol):
    """What barge-in does to the bot's own voice."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def flush(self) -> None: ...


class Ear:
    """The hearing of one call. Feed it every frame; run `run` beside the call; take what was heard from `next`."""

    def __init__(self, hearing: Hearing, mouth: Mouth, on_bargein: Callable[[Literal["taken", "resumed"], int, int], None]) -> None:
        """`on_bargein` is told what became of each, when the caller began and after how many ms the bot was silent."""
        self._hearing = hearing
        self._mouth = mouth
        self._on_bargein = on_bargein
        self._gate = Gate()
        self._endpointing = Endpointing(hearing.turns)
        self._bargein = BargeIn(hearing.language)
        self._silero = hearing.detector.stream(self._probability) if hearing.detector else None
        self._asked_silero = False
        self._silero_fed_ms = self._silero_lag_ms = 0
        self._kept: deque[bytes] = deque(maxlen=KEPT_FRAMES)
        self._talk: _Talk | None = None
        self._pauses: asyncio.Queue[tuple[int, _Talk]] = asyncio.Queue()
        self._unfinished: set[_Talk] = set()
        self._sounds: asyncio.Queue[Sound] = asyncio.Queue()
        self._bot_speaks = self._expects_answer = False
        self._paused_ms = self._quiet_ms = 0
        self._waiting = False
        self._idle_ms = 0
        self._lost_ms = 0
        self.now_ms = 0

    def frame(self, pcm: bytes, lost: bool) -> None:
        """Take the next 20 ms from the caller, silence when `lost`."""
        self.now_ms += FRAME_MS
        voiced = self._gate.frame(pcm)
        self._kept.append(pcm)
        self._ask_silero(pcm)
        if self._talk:
            self._listen(self._talk, pcm, voiced)
        for event in self._endpointing.frame(voiced, self._gate.stirring):
            self._turn(event)
        self._obey(self._bargein.frame(voiced))
        self._watch_silence(lost)

    def press(self, key: str) -> None:
        """A DTMF key; it stops the bot, even where speech would not."""
        self._mouth.flush()
        self._sounds.put_nowait(Digit(key, self.now_ms))

    def bot_starts(self, protected: bool, expects_answer: bool) -> None:
        """The bot begins to speak; a protected phrase yields to keys only. `expects_answer`: "yes" to it is an answer, not a murmur."""
        self._bot_speaks, self._expects_answer = True, expects_answer
        self._bargein.bot_started(protected, expects_answer)

    def bot_stops(self) -> None:
        """The bot has stopped speaking, by itself or not."""
        self._bot_speaks = False
        self._bargein.bot_stopped()

    async def next(self) -> Sound:
        """What is heard next. Time without speech counts only while this waits."""
        self._idle_ms = 0
        self._waiting = True
        try:
            return await self._sounds.get()
        finally:
            self._waiting = False

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
        if self._silero:
            self._silero.close()

    def _ask_silero(self, pcm: bytes) -> None:
        if self._silero is None:
            return
        wanted = self._gate.wants_silero
        if wanted and not self._asked_silero:
            before = list(self._kept)[-1 - Gate.PREROLL_MS // FRAME_MS :]
            self._silero.reset()
            self._silero_lag_ms = self.now_ms - len(before) * FRAME_MS - self._silero_fed_ms
            self._feed_silero(b"".join(before))
        elif wanted:
            self._feed_silero(pcm)
        self._asked_silero = wanted

    def _feed_silero(self, pcm: bytes) -> None:
        if self._silero:
            self._silero_fed_ms += duration_ms(pcm)
            self._silero.feed(pcm)

    def _probability(self, end_ms: int, probability: float) -> None:
        """Silero counts the audio it was given; the gate counts the call's."""
        self._gate.probability(end_ms + self._silero_lag_ms, probability)

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
        if self._hearing.recogniser is None:
            return
        self._talk = _Talk(self._hearing.recogniser.stream(), self._bot_speaks)
        self._unfinished.add(self._talk)
        self._talk.stream.feed(b"".join(list(self._kept)[-((self.now_ms - from_ms) // FRAME_MS) :]))

    def _listen(self, talk: _Talk, pcm: bytes, voiced: bool) -> None:
        """Silence after a settle is held back: the recogniser would begin again for it. Voice releases it."""
        talk.held += pcm
        self._quiet_ms = 0 if voiced else self._quiet_ms + FRAME_MS
        if voiced or not talk.settled:
            talk.settled = False
            talk.stream.feed(bytes(talk.held))
            talk.held.clear()
        if self._bargein.paused and self._quiet_ms == LULL_MS:
            self._settle(self.now_ms)

    def _settle(self, at_ms: int) -> None:
        if self._talk:
            self._talk.settled = True
            self._pauses.put_nowait((at_ms, self._talk))

    def _judge(self, talk: _Talk, at_ms: int, words: Transcript) -> None:
        if talk is self._talk:
            self._obey(self._bargein.transcript(words.text if self._matters(words) else ""))
            for event in self._endpointing.verdict(at_ms, self._verdict(words)):
                self._turn(event)
        self._finish(talk)

    def _verdict(self, words: Transcript) -> Completeness:
        verdict = self._hearing.judge(words.text)
        unsure = words.confidence < UNSURE and verdict is Completeness.COMPLETE
        return Completeness.OPEN if unsure else verdict

    def _matters(self, words: Transcript) -> bool:
        if self._expects_answer:
            return bool(words.text)
        guessed = words.confidence < UNSURE and len(words.text.split()) <= GUESSED_WORDS
        return not guessed and self._hearing.matters(words.text) and not is_backchannel(words.text, self._hearing.language)

    def _end(self, ended: UtteranceEnded) -> None:
        if self._talk:
            talk, self._talk = self._talk, None
            talk.ended = ended
            self._finish(talk)

    def _finish(self, talk: _Talk) -> None:
        """Hand the utterance on once its end and its words are both known."""
        ended, words = talk.ended, talk.words
        if talk.done or ended is None or words is None or talk.words_until_ms < ended.end_ms:
            return
        self._forget(talk)
        noise = not words.text and ended.end_ms - ended.start_ms < EMPTY_MS
        murmur = talk.over_bot and not self._matters(words)
        if not noise and not murmur:
            self._sounds.put_nowait(Utterance(ended.start_ms, ended.end_ms, words, self.now_ms, talk.took_ms))

    def _forget(self, talk: _Talk) -> None:
        talk.stream.close()
        talk.done = True
        self._unfinished.discard(talk)

    def _unrecognised(self, talk: _Talk, why: str) -> None:
        if talk.done:
            return
        if talk is self._talk:
            self._talk = None
        self._forget(talk)
        self._sounds.put_nowait(Unrecognised(why))

    def _obey(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Pause():
                    self._paused_ms = self.now_ms
                    self._mouth.pause()
                case Continue(onset_ms=onset_ms):
                    self._mouth.resume()
                    self._on_bargein("resumed", onset_ms, self._paused_ms - onset_ms)
                case Commit(onset_ms=onset_ms):
                    if self._talk:
                        self._talk.over_bot = False
                    self._mouth.flush()
                    self._on_bargein("taken", onset_ms, self._paused_ms - onset_ms)

    def _watch_silence(self, lost: bool) -> None:
        self._lost_ms = self._lost_ms + FRAME_MS if lost else 0
        if self._lost_ms == self._hearing.turns.no_rtp_ms // FRAME_MS * FRAME_MS and self._lost_ms:
            self._sounds.put_nowait(NoAudio(self._lost_ms))
        if lost:
            return  # a line without audio is not a caller who is silent
        idle = self._waiting and not self._endpointing.speaking and not self._unfinished
        self._idle_ms = self._idle_ms + FRAME_MS if idle else 0
        if self._idle_ms >= self._hearing.turns.no_speech_ms:
            self._idle_ms = 0
            self._sounds.put_nowait(Silence(self._hearing.turns.no_speech_ms))
