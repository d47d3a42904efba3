"""Silero is fed from before the gate opened, frame by frame while it is wanted and no longer, and answers in the call's time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from voicebot.speech.opinion import SecondOpinion
from voicebot.values import FRAME_MS, SILENCE_FRAME, duration_ms


class Detector:
    """Stands for SpeechDetector: keeps what its stream was told, and can answer in the stream's own time."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.answer: Callable[[int, float], None] = lambda _end_ms, _p: None

    def stream(self, on_probability: Callable[[int, float], None]) -> Detector:
        self.answer = on_probability
        return self

    def reset(self) -> None:
        self.told.append("reset")

    def feed(self, pcm: bytes) -> None:
        self.told.append(f"{duration_ms(pcm)} ms")

    def close(self) -> None:
        self.told.append("close")


class Gate:
    """Stands for vad.Gate: wants Silero when told to, and keeps what it is told."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.wants_silero = False
        self.said: list[tuple[int, float]] = []

    def probability(self, end_ms: int, p: float) -> None:
        self.said.append((end_ms, p))


class Bench:
    def __init__(self) -> None:
        self.gate = Gate()
        self.detector = Detector()
        self.opinion = SecondOpinion(cast("Any", self.gate), cast("Any", self.detector))
        self.kept: deque[bytes] = deque(maxlen=40)

    def hear(self, frames: int, wanted: bool, lost: bool = False) -> None:
        for _ in range(frames):
            self.gate.now_ms += FRAME_MS
            self.gate.wants_silero = wanted
            self.kept.append(b"" if lost else SILENCE_FRAME)
            self.opinion.frame(self.kept, lost)


def test_it_is_fed_from_before_then_frame_by_frame_and_only_while_wanted() -> None:
    bench = Bench()
    bench.hear(50, wanted=False)
    bench.hear(3, wanted=True)
    bench.hear(2, wanted=False)
    bench.hear(1, wanted=True)
    bench.opinion.close()
    assert bench.detector.told == ["reset", "320 ms", "20 ms", "20 ms", "reset", "320 ms", "close"]


def test_the_gate_is_told_in_the_calls_time() -> None:
    bench = Bench()
    bench.hear(50, wanted=False)
    bench.hear(1, wanted=True)
    bench.detector.answer(320, 0.1)
    bench.hear(2, wanted=True)
    bench.hear(2, wanted=False)
    bench.hear(1, wanted=True)
    bench.detector.answer(320 + 40 + 320, 0.2)
    assert bench.gate.said == [(51 * FRAME_MS, 0.1), (56 * FRAME_MS, 0.2)]


def test_frames_that_are_lost_are_left_out_and_the_time_stays_right() -> None:
    bench = Bench()
    bench.hear(40, wanted=False)
    bench.hear(3, wanted=False, lost=True)
    bench.hear(5, wanted=False)
    bench.hear(1, wanted=True)
    assert bench.detector.told == ["reset", "260 ms"], "the preroll of 320 ms has three holes"
    bench.detector.answer(260, 0.1)
    bench.hear(2, wanted=True, lost=True)
    bench.hear(1, wanted=True)
    assert bench.detector.told[2:] == ["20 ms"]
    bench.detector.answer(280, 0.2)
    assert bench.gate.said == [(49 * FRAME_MS, 0.1), (52 * FRAME_MS, 0.2)]
