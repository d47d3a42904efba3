"""A call of twenty minutes in a real browser: wherever one jumps, sound, waveform, course and anger curve stand at the same moment within 100 ms, and
the sound comes in pieces."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from tests.kit.deskfloor import Floor, Run, needs_chromium
from voicebot.desk.pages.call_audio import COLUMNS, RATE_HZ, WIDTH, peaks, wave
from voicebot.handover.story import Felt
from voicebot.store.events import AngerScored, CallAnswered, CallerSpoke, Recorded
from voicebot.telephony.recording import Tape

LENGTH_MS = 20 * 60_000
BEFORE_MS = 40
"""The recording begins so long after the call was answered."""
WITHIN_MS = 100
BEEP_MS = 300
MOMENTS = tuple(sorted(random.Random(4).sample(range(2_000, LENGTH_MS - 2_000, 997), 24)))
"""At which moments of the call somebody speaks, in ms."""
JUMPS = (0, 23, 7, 15, 1, 20)
JUMP = """async (row) => {
  const sound = document.querySelector("audio");
  const there = new Promise((done) => sound.addEventListener("seeked", done, { once: true }));
  row.click();
  await there;
  sound.pause();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const sound_ms = 1000 * sound.currentTime;
  const first = 44 + 64 * (Number(row.dataset.at) - Number(sound.dataset.start));
  const loudest = async (from) => {
    const piece = await fetch(sound.src, { headers: { Range: `bytes=${from}-${from + 6399}` } });
    if (piece.status !== 206) throw new Error(`a piece of the sound: ${piece.status}`);
    return Math.max(...new Int16Array(await piece.arrayBuffer()));
  };
  return {
    sound_ms,
    line_ms: 1000 * sound.duration * document.querySelector(".wave .head-line").x1.baseVal.value / 1000,
    now: document.querySelector(".moment.now")?.dataset.at,
    before: await loudest(first - 6400),
    after: await loudest(first),
  };
}"""
"""Press a moment of the course; then where the sound, the line over the waveform and the course are, and what the file holds before and after."""
MIDDLE = """async (wave) => {
  const sound = document.querySelector("audio");
  const there = new Promise((done) => sound.addEventListener("seeked", done, { once: true }));
  const place = wave.getBoundingClientRect();
  wave.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: place.left + place.width / 2, clientY: place.top + 9 }));
  await there;
  sound.pause();
  return 1000 * sound.currentTime;
}"""
"""Press the middle of the waveform; where the sound is then."""


def record(path: Path) -> None:
    """Silence, with a beep of the caller at each of MOMENTS."""
    samples = RATE_HZ // 1_000
    pcm = np.zeros((LENGTH_MS * samples, 2), "<i2")
    beep = (12_000 * np.sin(2 * np.pi * 440 * np.arange(BEEP_MS * samples) / RATE_HZ)).astype("<i2")
    for at_ms in MOMENTS:
        first = (at_ms - BEFORE_MS) * samples
        pcm[first : first + len(beep), 0] = beep
    tape = Tape(path)
    tape.append(pcm.tobytes())
    tape.close()


def test_bars_and_curve_of_a_long_call_stand_where_they_were_heard(tmp_path: Path) -> None:
    record(tmp_path / "long.wav")
    found = peaks(tmp_path / "long.wav")
    assert found.length_ms == LENGTH_MS
    column_ms = LENGTH_MS / COLUMNS
    spoken = {int((at_ms - BEFORE_MS + offset) // column_ms) for at_ms in MOMENTS for offset in (0, BEEP_MS - 1)}
    assert {at for at, share in enumerate(found.caller) if share > 0.01} == spoken
    drawn = wave(found, [Felt(at_ms, 0.5) for at_ms in MOMENTS], BEFORE_MS, "sound")
    points = [float(point.split(",")[0]) for point in drawn.split('points="')[1].split('"')[0].split()]
    for x, at_ms in zip(points, MOMENTS, strict=True):
        assert abs(x / WIDTH * LENGTH_MS - (at_ms - BEFORE_MS)) <= WITHIN_MS


@needs_chromium
@pytest.mark.slow
def test_wherever_one_jumps_all_of_the_page_is_there(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        path = floor.desk.folder / "var" / "recordings" / "sync-1.wav"
        record(path)
        call = floor.calls.begin("sync-1", (0, CallAnswered()), (BEFORE_MS, Recorded(str(path), True)))
        for number, at_ms in enumerate(MOMENTS):
            call.append(at_ms + BEEP_MS, CallerSpoke(f"words {number}", 0.9, at_ms, at_ms + BEEP_MS))
            call.append(at_ms + BEEP_MS, AngerScored(number / 24))
        call.seal(LENGTH_MS, "contained", "bot")
        async with floor.at("sue") as sue:
            pieces: list[str] = []
            sue.on("response", lambda answer: pieces.append(answer.headers.get("content-range", "")) if "/audio/" in answer.url else None)
            await sue.goto(f"{floor.desk.base}/calls/sync-1")
            await expect(sue.locator(".wave")).to_be_visible()
            await expect(sue.locator(".moment.caller")).to_have_count(len(MOMENTS))
            for number in JUMPS:
                await jumped(sue, number)
            await on_the_wave(sue)
        assert any(not piece.startswith("bytes 0-") for piece in pieces if piece), "a jump asks for what is there, not for all before it"

    async def jumped(sue: Page, number: int) -> None:
        """By the course, to where the words begin."""
        at_ms = MOMENTS[number]
        found = await sue.locator(".moment.caller").nth(number).evaluate(JUMP)
        assert abs(found["sound_ms"] + BEFORE_MS - at_ms) <= WITHIN_MS
        assert abs(found["line_ms"] + BEFORE_MS - at_ms) <= WITHIN_MS
        assert found["now"] == str(at_ms)
        assert found["before"] == 0, "no sound before the words begin"
        assert found["after"] > 1_000

    async def on_the_wave(sue: Page) -> None:
        """By the waveform, to its middle."""
        sound_ms = await sue.locator(".wave").evaluate(MIDDLE)
        width = await sue.locator(".wave").evaluate("(wave) => wave.getBoundingClientRect().width")
        assert abs(sound_ms - LENGTH_MS / 2) <= max(WITHIN_MS, LENGTH_MS / width), "a pixel is a second of so long a call"

    on_the_floor(scenario)
