"""Where a caller's utterance starts, pauses and ends: voice decisions frame by frame in, typed events out.

Pure: its time is the frames it was given (20 ms each). It never sees audio and never waits for a verdict: one that comes late is
weighed when it comes, one that never comes leaves the middle hold.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voicebot.settings import Turns
from voicebot.speech.completeness import Completeness
from voicebot.values import FRAME_MS


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began with the voiced frame at `at_ms`; recognise from `audio_from_ms`, so that no soft first syllable is lost."""

    at_ms: int
    audio_from_ms: int


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing voiced since `at_ms` for SETTLE_MS: have the words so far settled and judged. `at_ms` names this pause in `verdict`."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The caller went on within the same utterance, from `at_ms`."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class TooLong:
    """The utterance reached the longest allowed; its UtteranceEnded follows at once."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """The caller's turn is over. `end_ms` is the end of the last voiced frame."""

    start_ms: int
    end_ms: int


Event = SpeechStarted | Paused | Resumed | TooLong | UtteranceEnded


def hold_ms(turns: Turns, verdict: Completeness | None, longest_pause_ms: int) -> int:
    """How long silence must last to end the turn. A caller who went on after a pause of `longest_pause_ms` is given a quarter more,
    unless the words are complete; never more than the hold for hanging words."""
    if verdict is Completeness.COMPLETE:
        return turns.hold_complete_ms
    if verdict is Completeness.HANGING:
        return turns.hold_hanging_ms
    return max(turns.hold_ms, min(longest_pause_ms * 5 // 4, turns.hold_hanging_ms))


class Endpointing:
    """The utterances of one call. Events come as: SpeechStarted (Paused Resumed)* [Paused] [TooLong] UtteranceEnded, again and again."""

    ONSET_FRAMES = 3
    WINDOW_FRAMES = 5
    """Speech starts, and goes on after a pause, when 3 of the last 5 frames are voiced: a click is not a turn."""
    PREROLL_MS = 400
    """Voice is confirmed at most 300 ms after its true onset in 95 of 100 words (see vad)."""
    SETTLE_MS = 180
    """Longer than the closure of a stop consonant, shorter than any hold."""
    STIR_MS = 300
    """An end is put off at most this long while something stirs that is not confirmed as voice."""
    SAME_BREATH_MS = 500
    """Speech this soon after an ended turn was the same turn: the hold was too short for this caller."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._recent: deque[bool] = deque(maxlen=self.WINDOW_FRAMES)
        self._start_ms: int | None = None
        self._end_ms = 0
        self._paused = False
        self._stirring = False
        self._verdict: Completeness | None = None
        self._longest_pause_ms = 0
        self.now_ms = 0

    @property
    def speaking(self) -> bool:
        """True from SpeechStarted until UtteranceEnded."""
        return self._start_ms is not None

    def frame(self, voiced: bool, stirring: bool = False) -> tuple[Event, ...]:
        """Take the next 20 ms. `stirring`: something may be starting that is not confirmed as voice yet (`Gate.stirring`); it puts off an end."""
        self.now_ms += FRAME_MS
        self._recent.append(voiced)
        self._stirring = stirring or any(self._recent)
        if self._start_ms is None:
            return self._begin() if self._confirmed() else ()
        if voiced and not self._paused:
            self._end_ms = self.now_ms
        return (*self._pause_or_resume(), *self._end(self._start_ms))

    def verdict(self, paused_at_ms: int, completeness: Completeness) -> tuple[Event, ...]:
        """Take the verdict on the pause that `Paused(paused_at_ms)` announced; ignored when the caller has gone on since."""
        if self._start_ms is None or not self._paused or paused_at_ms != self._end_ms:
            return ()
        self._verdict = completeness
        return self._end(self._start_ms)

    def abandon(self) -> None:
        """Forget the utterance that has begun, without UtteranceEnded; voice from here on is another."""
        self._start_ms, self._paused, self._verdict = None, False, None
        self._recent.clear()

    def _confirmed(self) -> bool:
        return sum(self._recent) >= self.ONSET_FRAMES

    def _first_voiced_ms(self) -> int:
        return self.now_ms - (len(self._recent) - self._recent.index(True)) * FRAME_MS

    def _begin(self) -> tuple[Event, ...]:
        at_ms = self._first_voiced_ms()
        audio_from_ms = max(at_ms - self.PREROLL_MS, self._end_ms)
        if self._end_ms and at_ms - self._end_ms <= self._turns.hold_ms + self.SAME_BREATH_MS:
            self._remember(at_ms)
        self._start_ms, self._end_ms = at_ms, self.now_ms
        return (SpeechStarted(at_ms, audio_from_ms),)

    def _pause_or_resume(self) -> tuple[Event, ...]:
        if self._paused and self._confirmed():
            at_ms = self._first_voiced_ms()
            self._remember(at_ms)
            self._paused, self._verdict, self._end_ms = False, None, self.now_ms
            return (Resumed(at_ms),)
        if not self._paused and self.now_ms - self._end_ms >= self.SETTLE_MS:
            self._paused = True
            return (Paused(self._end_ms),)
        return ()

    def _remember(self, resumed_ms: int) -> None:
        self._longest_pause_ms = max(self._longest_pause_ms, resumed_ms - self._end_ms)

    def _end(self, start_ms: int) -> tuple[Event, ...]:
        too_long = self.now_ms - start_ms >= self._turns.max_utterance_ms
        if not (too_long or self._held()):
            return ()
        self.abandon()
        self._longest_pause_ms = self._longest_pause_ms * 3 // 4
        ended = UtteranceEnded(start_ms, self._end_ms)
        return (TooLong(start_ms), ended) if too_long else (ended,)

    def _held(self) -> bool:
        over_ms = self.now_ms - self._end_ms - hold_ms(self._turns, self._verdict, self._longest_pause_ms)
        return self._paused and over_ms >= (self.STIR_MS if self._stirring else 0)
