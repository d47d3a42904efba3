"""Turns, echoes and interruptions are put to an ear of the real kind; here the ear is told what to hear, and what comes of it is counted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicebot.evaluate import turn_run as module
from voicebot.evaluate.telephone import Line
from voicebot.evaluate.turn_cases import Spoken
from voicebot.evaluate.turn_run import BEFORE_S, SPEECH_DB, Echo, Found, Room, draw, noise_behind
from voicebot.evaluate.turns import Point
from voicebot.testbed import audio
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.overlap import Step

CASES = [Spoken(f"{number}", (audio.tone(300, 1.0),), 0) for number in range(4)]
HEARING: Any = None


def over_bot(monkeypatch: pytest.MonkeyPatch, taken: Any, line: Line) -> dict[str, Any]:
    async def talk_over(_hearing: Any, samples: Samples, _codec: Codec, _bot: Samples, before: Samples) -> tuple[Step, ...]:
        assert len(before) == BEFORE_S * audio.RATE_HZ
        return (Step(500, "pause"), Step(900, "flush" if taken(samples) else "resume"))

    monkeypatch.setattr(module, "talk_over", talk_over)
    bot = [audio.tone(500, 30.0), audio.tone(600, 30.0)]
    return asyncio.run(module._over_bot(HEARING, bot, CASES, line, Echo()))


def test_turns_taken_by_mistake_are_told_by_the_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    found = over_bot(monkeypatch, lambda samples: len(samples) > 20 * audio.RATE_HZ, Line())
    assert found["bot_minutes"] == pytest.approx(1.0)
    assert found["false_barge_ins_a_minute_echo"] == pytest.approx(2.0)
    assert found["interruptions"] == 4
    assert not any("noise" in name for name in found)


def test_an_interruption_that_stops_nothing_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert over_bot(monkeypatch, lambda _: False, Line())["missed_barge_ins_echo"] == 4
    assert over_bot(monkeypatch, lambda _: True, Line())["missed_barge_ins_echo"] == 0


def test_noise_is_heard_behind_the_echo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    noise = tmp_path / "noise.wav"
    audio.write_wav(noise, audio.tone(200, 1.0))
    loud = lambda samples: float(np.sqrt(np.mean(np.square(samples[-800:].astype(float))))) > 2_000  # noqa: E731
    found = over_bot(monkeypatch, loud, Line(noise=noise, snr_db=-10))
    assert found["false_barge_ins_a_minute_echo_and_noise"] > found["false_barge_ins_a_minute_echo"]
    assert found["missed_barge_ins_echo_and_noise"] < found["missed_barge_ins_echo"], "here all that is loud takes the turn"


def test_a_room_is_another_stretch_of_its_noise_each_time_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    noise = tmp_path / "noise.wav"
    audio.write_wav(noise, np.random.default_rng(1).integers(-999, 999, 16_000).astype(np.int16))
    quiet = audio.silence(0.5)
    first, again, other = (Room(Line(noise=noise, seed=seed), noise).around(quiet, 1) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert (first != Room(Line(noise=noise, seed=1), noise).around(quiet, 2)).any()
    assert not Room(Line()).around(quiet, 1).any()


def test_an_echo_is_late_and_softer() -> None:
    bot = audio.tone(300, 1.0)
    echo = Echo(-20, 120).of(bot)
    assert not echo[: audio.RATE_HZ * 12 // 100].any()
    assert np.abs(echo).max() == pytest.approx(np.abs(bot).max() / 10, rel=0.01)


def test_noise_is_set_to_the_level_of_speech() -> None:
    heard = noise_behind(audio.silence(2), np.random.default_rng(1).integers(-99, 99, 4_000).astype(np.int16), 10)
    level_db = 20 * np.log10(np.sqrt(np.mean(np.square(heard.astype(float)))) / 32_768)
    assert level_db == pytest.approx(SPEECH_DB - 10, abs=0.2)


def test_what_was_found_is_told_a_figure_a_line() -> None:
    assert Found((), {"missed_barge_ins": 3, "bot_minutes": 1.25}).told().splitlines() == [f"{'missed barge ins':<44}3", f"{'bot minutes':<44}1.25"]


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    points = [Point(name, 10, 0.1, 400, 500, (0.0,) * 4, name == "a") for name in ("a", "b")]
    assert draw(tmp_path / "plots", points).read_bytes().startswith(b"\x89PNG")
