"""The bot's own voice from the caller's phone is known as such, however late and soft; a caller's voice over it is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.kit.voices import noise, spoken
from voicebot.speech.echo import ALIKE, LATEST_MS, Echo, likeness
from voicebot.testbed import g711
from voicebot.values import FRAME_BYTES, SILENCE_FRAME

BOT = np.frombuffer(spoken(hz=190, level_db=-20, duration_s=2.0), "<i2") // 2 + np.frombuffer(noise(-32, 2.0), "<i2")
CALLER = np.frombuffer(spoken(hz=110, level_db=-22, duration_s=2.0, syllables_hz=3.1), "<i2")


def returned(late_ms: int, db: float) -> NDArray[np.int16]:
    late = np.concatenate((np.zeros(late_ms * 16), BOT * 10 ** (db / 20)))[: len(BOT)].astype(np.int16)
    return np.asarray(g711.decode(g711.encode(late, "PCMA"), "PCMA"), np.int16)


def share(heard: NDArray[np.int16], played: NDArray[np.int16], from_ms: int) -> float:
    """Of the frames after `from_ms`, how many are taken for an echo."""
    echo = Echo()
    found = []
    raw, said = heard.astype("<i2").tobytes(), played.astype("<i2").tobytes()
    for start in range(0, len(raw) - FRAME_BYTES + 1, FRAME_BYTES):
        echo.frame(raw[start : start + FRAME_BYTES], said[start : start + FRAME_BYTES])
        found.append(echo.back)
    return float(np.mean(found[from_ms // 20 :]))


@pytest.mark.parametrize("late_ms", [0, 60, 120, 400, LATEST_MS - 40])
@pytest.mark.parametrize("db", [-10, -15, -25])
def test_an_echo_is_known_however_late_and_soft(late_ms: int, db: float) -> None:
    assert share(returned(late_ms, db), BOT.astype(np.int16), late_ms + 200) >= 0.95


def test_a_caller_over_the_echo_is_none() -> None:
    both = np.clip(returned(120, -15).astype(int) + CALLER, -32_768, 32_767).astype(np.int16)
    assert share(both, BOT.astype(np.int16), 400) <= 0.3
    assert share(CALLER, BOT.astype(np.int16), 400) <= 0.05


def test_what_is_as_loud_as_what_was_played_is_no_echo_of_it() -> None:
    assert share(BOT.astype(np.int16), BOT.astype(np.int16), 200) == 0.0


def test_while_the_bot_is_silent_there_is_no_echo() -> None:
    assert share(CALLER, np.zeros_like(CALLER), 0) == 0.0
    echo = Echo()
    assert not echo.back
    echo.frame(SILENCE_FRAME, SILENCE_FRAME)
    assert not echo.back


def test_an_echo_outlasts_the_phrase_by_as_much_as_it_is_late() -> None:
    played = BOT.astype(np.int16).copy()
    played[-4_800:] = 0
    late = np.concatenate((np.zeros(4_800), played * 0.2))[: len(played)].astype(np.int16)
    assert share(late, played, 1_760) >= 0.95


def test_likeness_is_between_nothing_and_one() -> None:
    chance = np.random.default_rng(3)
    played = chance.normal(0, 1_000, 6_000).astype(np.float32)
    assert likeness(played[2_000:3_280] * np.float32(0.3), played) == pytest.approx(1.0, abs=0.01)
    assert likeness(-played[:1_280] * np.float32(0.3), played) == pytest.approx(1.0, abs=0.01), "an echo may come back the other way round"
    assert likeness(chance.normal(0, 300, 1_280).astype(np.float32), played) < ALIKE / 2
    assert likeness(np.zeros(1_280, np.float32), played) == 0.0
