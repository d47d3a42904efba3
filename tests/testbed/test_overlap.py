"""Talking over the bot in audio time: what the ear does is told with its times, however long the workers take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.kit.clock import run_virtual
from tests.kit.speech import ScriptedGate
from voicebot.errors import EngineError
from voicebot.settings import Turns
from voicebot.speech import ear as ear_module
from voicebot.speech.asr import SETTLE_S
from voicebot.speech.bargein import BargeIn
from voicebot.speech.completeness import Completeness
from voicebot.speech.ear import Hearing
from voicebot.speech.silero import WINDOW_BYTES
from voicebot.speech.vad import level_db
from voicebot.testbed import audio, overlap
from voicebot.testbed.g711 import Samples
from voicebot.testbed.overlap import RECOGNISER_LATE_MS, Step, hear_out, talk_over
from voicebot.values import FRAME_MS, Transcript

LEAD_MS = 1_000


class Gate(ScriptedGate):
    """Hears any sound at once; asks Silero while it does."""

    late_ms = 0
    now_ms = 0
    voiced = False

    def frame(self, pcm: bytes, lost: bool = False) -> bool:
        self.now_ms += FRAME_MS
        loud = int(np.abs(np.frombuffer(pcm, "<i2")).max()) > 500
        self.wants_silero = self.voiced = loud
        self.level_db = level_db(pcm)
        return loud


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ear_module, "Gate", Gate)


class Words:
    """A recogniser that understands `text` in everything, `takes_s` after it is asked."""

    def __init__(self, text: str, takes_s: float = 0.0) -> None:
        self.text, self.takes_s = text, takes_s

    def stream(self) -> Words:
        return self

    def feed(self, pcm: bytes) -> None: ...

    def close(self) -> None: ...

    async def settle(self, within_s: float) -> Transcript:
        assert within_s > SETTLE_S, "a busy machine has longer"
        await asyncio.sleep(self.takes_s)
        if not self.text:
            raise EngineError("worker lost")
        return Transcript(self.text, 0.9)


class Detector:
    """Answers each window, one after the other, `takes_s` late."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s = takes_s
        self.answered = 0

    def stream(self, on_probability: Callable[[int, float], None]) -> Detector:
        self._on_probability = on_probability
        self._end_ms = self._bytes = 0
        return self

    def feed(self, pcm: bytes) -> None:
        self._bytes += len(pcm)
        while self._bytes >= WINDOW_BYTES:
            self._bytes -= WINDOW_BYTES
            asyncio.get_running_loop().call_later(self.takes_s, self._answer)

    def _answer(self) -> None:
        self.answered += 1
        self._on_probability(self.answered * 32, 1.0)

    def reset(self) -> None: ...

    def close(self) -> None: ...


def voice(ms: int) -> Samples:
    return np.concatenate((audio.silence(LEAD_MS / 1000), audio.tone(300, ms / 1000), audio.silence(2.0)))


def steps(samples: Samples, recogniser: Any, detector: Any = None) -> tuple[Step, ...]:
    hearing = Hearing("en", Turns(), lambda _: Completeness.COMPLETE, recogniser, detector)
    return run_virtual(talk_over(hearing, samples))


def test_words_take_the_turn() -> None:
    pause, flush, turn = steps(voice(300), Words("stop"))
    assert (pause.deed, flush.deed, turn.deed, turn.words) == ("pause", "flush", "turn", "stop")
    assert pause.at_ms - LEAD_MS <= 40
    assert flush.at_ms >= LEAD_MS + 300 + RECOGNISER_LATE_MS


def test_a_murmur_is_let_go() -> None:
    pause, resume = steps(voice(300), Words("okay"))
    assert (pause.deed, resume.deed) == ("pause", "resume")
    assert resume.at_ms <= LEAD_MS + 300 + BargeIn.LET_GO_MS + 60


def test_without_a_recogniser_sound_alone_decides() -> None:
    assert [step.deed for step in steps(voice(300), None)] == ["pause", "resume"]
    assert [step.deed for step in steps(voice(BargeIn.COMMIT_MS + 100), None)] == ["pause", "flush"]


def test_what_was_on_the_line_before_the_bot_began_is_no_interruption_and_takes_no_time() -> None:
    recogniser: Any = Words("stop")
    hearing = Hearing("en", Turns(), lambda _: Completeness.COMPLETE, recogniser)
    plain, after = (run_virtual(talk_over(hearing, voice(300), before=before)) for before in (None, voice(300)))
    assert [step.deed for step in after] == [step.deed for step in plain] == ["pause", "flush", "turn"]
    assert [step.at_ms for step in after] == pytest.approx([step.at_ms for step in plain], abs=FRAME_MS)


def test_silence_is_nothing() -> None:
    assert steps(audio.silence(3), Words("stop")) == ()


def test_slow_workers_change_nothing() -> None:
    quick, slow = (steps(voice(300), Words("stop", takes_s), Detector(takes_s)) for takes_s in (0.001, 3.0))
    assert quick == slow


def test_every_window_is_waited_for() -> None:
    detector = Detector(0.5)
    steps(voice(320), Words("stop"), detector)
    assert detector.answered >= 320 // 32


@pytest.mark.parametrize("recogniser", [Words(""), Words("stop", overlap.ANSWER_S + 1)])
def test_a_lost_or_stuck_worker_ends_the_measurement(recogniser: Words) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        steps(voice(300), recogniser)
    assert raised.group_contains(EngineError, match="less busy")


def test_a_turn_is_heard_out_with_every_verdict_and_no_end() -> None:
    samples = np.concatenate([voice(600), voice(400)])
    wide = audio.resample(samples, audio.RATE_HZ, 16_000).astype("<i2").tobytes()
    recogniser: Any = Words("my number is")
    noted = run_virtual(hear_out(Hearing("en", Turns(), lambda _: Completeness.HANGING, recogniser), wide))
    assert len(noted.frames) == len(samples) * 1000 // audio.RATE_HZ // FRAME_MS
    voiced_ms = sum(voiced for voiced, _ in noted.frames) * FRAME_MS
    assert voiced_ms == pytest.approx(1_000, abs=80)
    assert [verdict for _, _, verdict in noted.verdicts] == [Completeness.HANGING] * 2
    for came_ms, paused_ms, _ in noted.verdicts:
        assert came_ms - paused_ms == pytest.approx(180 + RECOGNISER_LATE_MS, abs=2 * FRAME_MS)
