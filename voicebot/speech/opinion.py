"""Silero's opinion on what webrtcvad took for voice, for the gate of one call: asked only while it is wanted, answered in the call's own time.

It starts nothing and waits for nothing: the answers come when the worker has them.
"""

from __future__ import annotations

from collections import deque

from voicebot.speech.silero import SpeechDetector
from voicebot.speech.vad import Gate
from voicebot.values import FRAME_MS, duration_ms


class SecondOpinion:
    """Feeds one Silero stream beside `gate` and tells it the probabilities. Silero counts the audio it was given; the gate counts the call's."""

    def __init__(self, gate: Gate, detector: SpeechDetector) -> None:
        self._gate = gate
        self._stream = detector.stream(self._probability)
        self._asked = False
        self._fed_ms = self._lag_ms = 0

    def frame(self, kept: deque[bytes], lost: bool) -> None:
        """Call after each `Gate.frame`. `kept` are the newest frames of the call, the last one this one, empty where nothing was to be heard."""
        wanted = self._gate.wants_silero
        if wanted and not self._asked:
            before = b"".join(list(kept)[-1 - Gate.PREROLL_MS // FRAME_MS :])
            self._stream.reset()
            self._lag_ms = self._gate.now_ms - duration_ms(before) - self._fed_ms
            self._feed(before)
        elif wanted and lost:
            self._lag_ms += FRAME_MS
        elif wanted:
            self._feed(kept[-1])
        self._asked = wanted

    def close(self) -> None:
        """Free the worker's stream."""
        self._stream.close()

    def _feed(self, pcm: bytes) -> None:
        self._fed_ms += duration_ms(pcm)
        self._stream.feed(pcm)

    def _probability(self, end_ms: int, probability: float) -> None:
        self._gate.probability(end_ms + self._lag_ms, probability)
