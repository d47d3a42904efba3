"""Stereo recordings: caller left, bot right, nothing while protected, nothing after an opt-out, never a failed call for a full disk."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voicebot.settings import Recording
from voicebot.telephony import recording
from voicebot.telephony.media import Frame
from voicebot.telephony.recording import Recorder, interleaved
from voicebot.values import FRAME_SAMPLES, SAMPLE_RATE_HZ


def frame(caller: int, bot: int) -> Frame:
    return Frame(np.full(FRAME_SAMPLES, caller, "<i2").tobytes(), np.full(FRAME_SAMPLES, bot, "<i2").tobytes(), False, 20)


def recorder(folder: Path, enabled: bool = True) -> Recorder:
    return Recorder(Recording(enabled=enabled, folder=folder), "call/1.0")


def read(path: Path) -> np.ndarray[Any, Any]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, SAMPLE_RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_both_sides_stand_side_by_side(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = recorder(tmp_path / "new")
        assert tape.started().on
        for number in range(3):
            tape.frame(frame(number, -number))
        await tape.close()

    asyncio.run(scenario())
    samples = read(tmp_path / "new" / "call-1-0.wav")
    assert len(samples) == 3 * FRAME_SAMPLES
    assert samples[FRAME_SAMPLES].tolist() == [1, -1]
    assert samples[-1].tolist() == [2, -2]


def test_it_is_written_while_the_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FLUSH_S", 0.01)

    async def scenario() -> None:
        tape = recorder(tmp_path)
        tape.frame(frame(1, 1))
        running = asyncio.create_task(tape.run())
        await asyncio.sleep(0.1)
        assert not tape._frames
        running.cancel()
        tape.frame(frame(2, 2))
        await tape.close()

    asyncio.run(scenario())
    assert len(read(tmp_path / "call-1-0.wav")) == 2 * FRAME_SAMPLES


def test_protected_input_is_recorded_as_silence_on_both_sides(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = recorder(tmp_path)
        tape.protected = True
        tape.frame(frame(7, 7))
        tape.protected = False
        tape.frame(frame(8, 8))
        await tape.close()

    asyncio.run(scenario())
    samples = read(tmp_path / "call-1-0.wav")
    assert not samples[:FRAME_SAMPLES].any()
    assert (samples[FRAME_SAMPLES:] == 8).all()


def test_an_opt_out_deletes_what_was_recorded(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = recorder(tmp_path)
        tape.frame(frame(1, 1))
        await tape._write()
        assert (tmp_path / "call-1-0.wav").exists()
        assert not tape.stop().on
        tape.frame(frame(1, 1))
        await tape.close()

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_switched_off_it_writes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = recorder(tmp_path, enabled=False)
        tape.frame(frame(1, 1))
        await tape.close()

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    async def scenario() -> None:
        tape = recorder(tmp_path / "file")
        tape.frame(frame(1, 1))
        await tape._write()
        assert not tape.on

    asyncio.run(scenario())


def test_interleaving_keeps_order() -> None:
    assert np.frombuffer(interleaved([frame(1, 2), frame(3, 4)]), "<i2")[[0, 1, -2, -1]].tolist() == [1, 2, 3, 4]
