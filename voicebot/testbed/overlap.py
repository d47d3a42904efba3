"""A caller talks over the bot, without a telephone: a real ear with its real recogniser and voice detector, in audio time instead of clock time.

Frames wait until the workers have answered; their answers then come late by a fixed amount of audio. So a busy machine hears the same as a quiet one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal

from voicebot.errors import EngineError
from voicebot.speech.completeness import Completeness
from voicebot.speech.ear import Ear, Hearing
from voicebot.speech.silero import WINDOW_BYTES
from voicebot.speech.talk import Talk
from voicebot.testbed import audio, g711
from voicebot.testbed.g711 import Codec, Samples
from voicebot.values import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ, SILENCE_FRAME, Transcript, Unrecognised, Utterance

DETECTOR_LATE_MS, RECOGNISER_LATE_MS = 20, 80
"""How late the workers answer in calls: the upper end of what one call sees on two cores."""
ANSWER_S = 60.0
"""A worker that says nothing for so long is broken."""

Deed = Literal["pause", "resume", "flush", "turn"]


@dataclass(frozen=True, slots=True)
class Step:
    """What the ear did to the bot's voice, or "turn": it handed on `words` as a turn of the caller."""

    at_ms: int
    deed: Deed
    words: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """What an ear made of a caller it heard out. For each 20 ms: was it voiced, did something stir. For each pause that was judged: when the verdict
    came, when the pause began, what it was. Enough to go through the same turn again with other holds."""

    frames: tuple[tuple[bool, bool], ...]
    verdicts: tuple[tuple[int, int, Completeness], ...]


async def hear_out(hearing: Hearing, pcm: bytes) -> Noted:
    """What an ear makes of 16 kHz `pcm` that is one turn of a caller, while the bot is silent: no pause ends it."""
    unending = dict.fromkeys(("hold_complete_ms", "hold_ms", "hold_hanging_ms", "max_utterance_ms"), 10 * len(pcm) // FRAME_BYTES * FRAME_MS + 1)
    patient = replace(hearing, turns=hearing.turns.model_copy(update=unending))
    overlap = _Overlap(patient, _Noting)
    await overlap.run([pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)], over_bot=False)
    return overlap.noted()


async def talk_over(
    hearing: Hearing, samples: Samples, codec: Codec = "PCMU", bot: Samples | None = None, before: Samples | None = None
) -> tuple[Step, ...]:
    """What an ear does when it hears `samples` (8 kHz, one caller) over an answer of the bot that outlasts them; `bot` is that answer, where the
    caller's phone sends it back, `before` what was on the line until it began. Times are from there on."""
    overlap = _Overlap(hearing)
    steps = await overlap.run(_frames(samples, codec), [] if bot is None else _frames(bot, codec), before=_frames(before, codec))
    return tuple(replace(step, at_ms=step.at_ms - overlap.began_ms) for step in steps if step.at_ms > overlap.began_ms)


def _frames(samples: Samples | None, codec: Codec) -> list[bytes]:
    """20 ms frames at 16 kHz, as they come from Asterisk."""
    if samples is None or not len(samples):
        return []
    wide = audio.resample(g711.decode(g711.encode(samples, codec), codec), audio.RATE_HZ, SAMPLE_RATE_HZ).astype("<i2").tobytes()
    return [wide[start : start + FRAME_BYTES] for start in range(0, len(wide) - FRAME_BYTES + 1, FRAME_BYTES)]


class _Overlap:
    """One ear over one answer. It is the bot's mouth, too."""

    def __init__(self, hearing: Hearing, ear: type[Ear] = Ear) -> None:
        self._steps: list[Step] = []
        self._late: list[tuple[int, Callable[[], None]]] = []
        self._asked: list[asyncio.Future[None]] = []
        self._now_ms = self.began_ms = 0
        recogniser: Any = hearing.recogniser and _Recogniser(hearing.recogniser, self)
        detector: Any = hearing.detector and _Detector(hearing.detector, self)
        self._ear = ear(replace(hearing, recogniser=recogniser, detector=detector), self, lambda *_: None)

    async def run(
        self, frames: Sequence[bytes], played: Sequence[bytes] = (), over_bot: bool = True, before: Sequence[bytes] = ()
    ) -> tuple[Step, ...]:
        async with asyncio.TaskGroup() as scope:
            tasks = [scope.create_task(self._ear.run()), scope.create_task(self._listen())]
            for pcm in before:
                await self._frame(pcm, SILENCE_FRAME)
            self.began_ms = self._now_ms
            if over_bot:
                self._ear.bot_starts(protected=False, expects_answer=False)
            for pcm, bot in zip_longest(frames, played[: len(frames)], fillvalue=SILENCE_FRAME):
                await self._frame(pcm, bot)
            for task in tasks:
                task.cancel()
        self._ear.close()
        return tuple(self._steps)

    def noted(self) -> Noted:
        """What a noting ear has heard."""
        return Noted(tuple(self._ear.frames), tuple(self._ear.verdicts)) if isinstance(self._ear, _Noting) else Noted((), ())

    def pause(self) -> None:
        self._do("pause")

    def resume(self) -> None:
        self._do("resume")

    def flush(self) -> None:
        self._do("flush")
        self.later(FRAME_MS, self._ear.bot_stops)

    def later(self, ms: int, what: Callable[[], None]) -> None:
        """Have `what` happen when `ms` more of audio have passed."""
        self._late.append((self._now_ms + ms, what))

    def ask(self, answer: asyncio.Future[None]) -> None:
        """The next frame waits for `answer`."""
        self._asked.append(answer)

    def _do(self, deed: Deed, words: str = "") -> None:
        self._steps.append(Step(self._now_ms, deed, words))

    async def _frame(self, pcm: bytes, bot: bytes) -> None:
        self._now_ms += FRAME_MS
        due = [what for at_ms, what in self._late if at_ms <= self._now_ms]
        self._late = [(at_ms, what) for at_ms, what in self._late if at_ms > self._now_ms]
        for what in due:
            what()
        await _settled()
        self._ear.frame(pcm, False, played=bot)
        await _settled()
        asked, self._asked = self._asked, []
        if asked and (await asyncio.wait(asked, timeout=ANSWER_S))[1]:
            raise EngineError(f"a worker gave no answer within {ANSWER_S:g} s; measure on a machine that is less busy")

    async def _listen(self) -> None:
        while True:
            sound = await self._ear.next()
            if isinstance(sound, Unrecognised):
                raise EngineError(f"{sound.why}; measure on a machine that is less busy")
            if isinstance(sound, Utterance):
                self._do("turn", sound.transcript.text)


class _Noting(Ear):
    """An ear that notes what its endpointing is told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.frames: list[tuple[bool, bool]] = []
        self.verdicts: list[tuple[int, int, Completeness]] = []

    def frame(self, pcm: bytes, lost: bool, late: bytes = b"", played: bytes = SILENCE_FRAME) -> None:
        super().frame(pcm, lost, late, played)
        self.frames.append((self._gate.voiced, self._gate.stirring))

    def _judge(self, talk: Talk, at_ms: int, words: Transcript) -> None:
        self.verdicts.append((self.now_ms, at_ms, self._verdict(talk, words)))
        super()._judge(talk, at_ms, words)


async def _settled() -> None:
    """Let the tasks of the ear do what they can."""
    for _ in range(6):
        await asyncio.sleep(0)


class _Recogniser:
    """Streams of the real recogniser that answer in audio time."""

    def __init__(self, real: Any, overlap: _Overlap) -> None:
        self._real, self._overlap = real, overlap

    def stream(self) -> _Stream:
        return _Stream(self._real.stream(), self._overlap)


class _Stream:
    def __init__(self, real: Any, overlap: _Overlap) -> None:
        self._real, self._overlap = real, overlap
        self.feed, self.close = real.feed, real.close

    async def settle(self) -> Transcript:
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._overlap.ask(answered)
        try:
            words: Transcript = await self._real.settle(ANSWER_S)
            self._overlap.later(RECOGNISER_LATE_MS, lambda: heard.set_result(None))
        finally:
            answered.cancel()
        await heard
        return words


class _Detector:
    """Streams of the real detector, the same."""

    def __init__(self, real: Any, overlap: _Overlap) -> None:
        self._real, self._overlap = real, overlap

    def stream(self, on_probability: Callable[[int, float], None]) -> _Probabilities:
        return _Probabilities(self._real, self._overlap, on_probability)


class _Probabilities:
    def __init__(self, detector: Any, overlap: _Overlap, on_probability: Callable[[int, float], None]) -> None:
        self._overlap, self._on_probability = overlap, on_probability
        self._real = detector.stream(self._answered)
        self._owed: list[asyncio.Future[None]] = []
        self._left_bytes = 0
        self.reset, self.close = self._real.reset, self._real.close

    def feed(self, pcm: bytes) -> None:
        windows, self._left_bytes = divmod(self._left_bytes + len(pcm), WINDOW_BYTES)
        for _ in range(windows):
            self._owed.append(asyncio.get_running_loop().create_future())
            self._overlap.ask(self._owed[-1])
        self._real.feed(pcm)

    def _answered(self, end_ms: int, probability: float) -> None:
        self._overlap.later(DETECTOR_LATE_MS, lambda: self._on_probability(end_ms, probability))
        self._owed.pop(0).set_result(None)
