"""Stereo recordings: caller left, bot right, silence while protected, gone after a refusal; a disk in trouble ends them, never the call."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.settings import Recording
from voicebot.store.events import Event, Fault, Recorded
from voicebot.telephony import recording
from voicebot.telephony.media import Frame
from voicebot.telephony.recording import BEHIND_MS, Recorder, Recordings, Tape, header, interleaved
from voicebot.values import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ

SECOND_BYTES = SAMPLE_RATE_HZ * 4


def frame(caller: int, bot: int) -> Frame:
    return Frame(np.full(FRAME_SAMPLES, caller, "<i2").tobytes(), np.full(FRAME_SAMPLES, bot, "<i2").tobytes(), False, 20)


class Taped:
    """A call's recorder and what it journalled."""

    def __init__(self, folder: Path, name: str = "call/1.0", wanted: bool = True, **settings: Any) -> None:
        self.events: list[Event] = []
        values = {"enabled": True, "folder": folder, "min_free_mb": 0, **settings}
        self.shelf = Recordings(Recording(**values))
        self.path = folder / "call-1-0.wav"
        self.recorder: Recorder = self.shelf.recorder(name, self.events.append, wanted)

    def hear(self, frames: int, caller: int = 1, bot: int = 1) -> None:
        for _ in range(frames):
            self.recorder.frame(frame(caller, bot))

    def settled(self) -> None:
        """All that was given to the thread is done."""
        self.shelf.thread.submit(int).result(20)

    @property
    def told(self) -> list[str]:
        return [
            f"{'on' if event.on else 'off'} {event.why}".strip() if isinstance(event, Recorded) else type(event).__name__ for event in self.events
        ]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FLUSH_S", 0.01)


@pytest.fixture
def stuck_disk() -> Iterator[threading.Event]:
    freed = threading.Event()
    yield freed
    freed.set()


def play(scenario: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def read(path: Path) -> np.ndarray[Any, Any]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, SAMPLE_RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_both_sides_stand_side_by_side_for_the_owner_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = Taped(tmp_path / "new")
        tape.recorder.start()
        for number in range(3):
            tape.recorder.frame(frame(number, -number))
        await tape.recorder.close()
        assert tape.told == ["on"]

    play(scenario)
    path = tmp_path / "new" / "call-1-0.wav"
    samples = read(path)
    assert len(samples) == 3 * FRAME_SAMPLES
    assert samples[FRAME_SAMPLES].tolist() == [1, -1]
    assert samples[-1].tolist() == [2, -2]
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def test_it_is_written_while_the_call_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.hear(1)
        running = asyncio.ensure_future(tape.recorder.run())
        await until(lambda: tape.path.exists() and len(read(tape.path)) == FRAME_SAMPLES)
        running.cancel()
        tape.hear(1, 2, 2)
        await tape.recorder.close()
        assert len(read(tape.path)) == 2 * FRAME_SAMPLES

    play(scenario)


def test_a_call_that_is_cancelled_while_it_writes_loses_nothing(tmp_path: Path, stuck_disk: threading.Event) -> None:
    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.shelf.thread.submit(stuck_disk.wait)
        tape.hear(5)
        running = asyncio.ensure_future(tape.recorder.run())
        await until(lambda: not tape.recorder._frames)
        running.cancel()
        tape.hear(5)
        asyncio.get_running_loop().call_later(0.05, stuck_disk.set)
        await tape.recorder.close()
        assert len(read(tape.path)) == 10 * FRAME_SAMPLES

    play(scenario)


def test_protected_input_is_silence_of_the_same_length_on_both_sides(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.recorder.start()
        tape.hear(2, 6, 6)
        tape.recorder.pause()
        tape.recorder.pause()
        tape.hear(3, 7, 7)
        tape.recorder.resume()
        tape.recorder.resume()
        tape.hear(1, 8, 8)
        await tape.recorder.close()
        assert tape.told == ["on", "off protected input", "on protected input is over"]
        loud = read(tape.path).reshape(6, -1)
        assert [set(each.tolist()) for each in loud] == [{6}, {6}, {0}, {0}, {0}, {8}]

    play(scenario)


@pytest.mark.parametrize("written_first", [True, False])
def test_what_must_not_be_kept_is_silence_afterwards(tmp_path: Path, written_first: bool) -> None:
    taped = Taped(tmp_path)

    async def call() -> None:
        taped.recorder.start()
        taped.hear(10)
        if written_first:
            await taped.recorder._write()
        taped.recorder.blank(-500, 60)
        taped.recorder.blank(100, 140)
        taped.recorder.blank(180, 10_000)
        taped.hear(1)
        await taped.recorder.close()

    asyncio.run(call())
    with wave.open(str(taped.path)) as played:
        samples = np.frombuffer(played.readframes(played.getnframes()), "<i2").reshape(-1, FRAME_SAMPLES, 2)
    loud = [int(frame.any()) for frame in samples]
    assert loud == [0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1]


def test_a_refusal_deletes_what_was_recorded_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.hear(1)
        running = asyncio.ensure_future(tape.recorder.run())
        await until(tape.path.exists)
        tape.recorder.refuse(())
        tape.recorder.refuse(())
        tape.hear(1)
        tape.settled()
        assert list(tmp_path.iterdir()) == []
        running.cancel()
        tape.recorder.pause()
        tape.recorder.resume()
        await tape.recorder.close()
        assert tape.told == ["off the caller refused"]

    play(scenario)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_deletes_what_earlier_controllers_recorded_and_one_that_stays_stops_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        earlier, stays = tmp_path / "c-0.wav", tmp_path / "stays"
        earlier.write_text("")
        stays.mkdir()
        tape = Taped(tmp_path, wanted=False)
        tape.recorder.refuse([str(stays), str(earlier), str(tmp_path / "was never there.wav")])
        await tape.recorder.close()
        assert list(tmp_path.iterdir()) == [stays]
        assert tape.events == []

    play(scenario)


@pytest.mark.parametrize(("enabled", "wanted"), [(False, True), (True, False)])
def test_switched_off_or_refused_before_it_writes_nothing(tmp_path: Path, enabled: bool, wanted: bool) -> None:
    async def scenario() -> None:
        tape = Taped(tmp_path, wanted=wanted, enabled=enabled)
        tape.recorder.start()
        tape.hear(1)
        tape.recorder.refuse(())
        await tape.recorder.close()
        assert tape.events == []

    play(scenario)
    assert list(tmp_path.iterdir()) == []


def test_after_the_handover_nothing_is_recorded_and_what_was_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.hear(2)
        tape.recorder.end()
        tape.recorder.end()
        tape.hear(2)
        await tape.recorder.close()
        assert tape.told == ["off a person takes over"]
        assert len(read(tape.path)) == 2 * FRAME_SAMPLES

    play(scenario)


async def stopped(tape: Taped) -> str:
    """Let it run until its recording stops, and say why it did."""
    running = asyncio.ensure_future(tape.recorder.run())
    await until(lambda: not tape.recorder.on)
    running.cancel()
    before = len(tape.events)
    tape.hear(5)
    await tape.recorder.close()
    assert len(tape.events) == before
    assert tape.told[-2:] == ["Fault", tape.told[-1]]
    (fault,) = [event for event in tape.events if isinstance(event, Fault)]
    assert (fault.where, tape.told[-1]) == ("recording", f"off {fault.what}")
    return fault.what


def test_a_folder_that_cannot_be_written_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    async def scenario() -> None:
        tape = Taped(tmp_path / "file")
        tape.hear(1)
        assert await stopped(tape) == "File exists"

    play(scenario)


def test_an_earlier_recording_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "call-1-0.wav").write_bytes(b"earlier")

    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.hear(1)
        assert await stopped(tape) == "File exists"

    play(scenario)
    assert (tmp_path / "call-1-0.wav").read_bytes() == b"earlier"


def test_a_folder_that_is_full_takes_no_more_and_the_rest_stays_whole(tmp_path: Path) -> None:
    (tmp_path / "old.wav").write_bytes(bytes((1 << 20) - SECOND_BYTES - 100))

    async def scenario() -> None:
        tape = Taped(tmp_path, max_total_mb=1)
        tape.hear(50)
        await asyncio.wait({tape.recorder._write()})
        tape.hear(50)
        assert "remove old ones or raise max_total_mb" in await stopped(tape)
        assert len(read(tape.path)) == SAMPLE_RATE_HZ
        (tmp_path / "old.wav").unlink()
        later = Taped(tmp_path, "later", max_total_mb=1)
        later.hear(50)
        await later.recorder.close()
        assert len(read(tmp_path / "later.wav")) == SAMPLE_RATE_HZ

    play(scenario)


def test_all_calls_together_stay_below_the_limit_between_two_looks(tmp_path: Path) -> None:
    shelf = Recordings(Recording(enabled=True, folder=tmp_path, max_total_mb=1, min_free_mb=0))
    shelf.take(600 << 10)
    with pytest.raises(OSError, match="max_total_mb"):
        shelf.take(600 << 10)


def test_what_must_stay_free_on_the_disk_stays_free(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free >> 20

    async def scenario() -> None:
        tape = Taped(tmp_path, min_free_mb=2 * free_mb)
        tape.hear(1)
        assert f"less than {2 * free_mb} MB are free" in await stopped(tape)

    play(scenario)


def test_a_disk_that_gets_full_in_mid_write_leaves_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_write, writes = os.pwrite, 0

    def fails(fd: int, data: Any, at: int) -> int:
        nonlocal writes
        writes += 1
        if writes == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole_write(fd, bytes(data)[: SECOND_BYTES // 2] if writes == 4 else data, at)

    async def scenario() -> None:
        tape = Taped(tmp_path)
        monkeypatch.setattr(os, "pwrite", fails)
        tape.hear(20)
        await asyncio.wait({tape.recorder._write()})
        tape.hear(50)
        assert await stopped(tape) == "No space left on device"
        assert len(read(tape.path)) == 20 * FRAME_SAMPLES
        assert tape.path.stat().st_size == 44 + 20 * FRAME_SAMPLES * 4

    play(scenario)


def test_a_disk_that_stands_still_ends_the_recording_and_holds_up_nobody(
    tmp_path: Path, stuck_disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "CLOSE_S", 0.1)

    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.shelf.thread.submit(stuck_disk.wait)
        running = asyncio.ensure_future(tape.recorder.run())
        await asyncio.sleep(0)
        tape.hear(BEHIND_MS // FRAME_MS + 1)
        assert tape.told == ["Fault", f"off the disk is over {BEHIND_MS} ms behind"]
        assert tape.recorder._frames == []
        running.cancel()
        began_s = time.monotonic()
        await tape.recorder.close()
        assert time.monotonic() - began_s < 5
        stuck_disk.set()
        tape.settled()

    play(scenario)


def test_what_a_slow_disk_writes_after_the_call_is_written_all_the_same(
    tmp_path: Path, stuck_disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "CLOSE_S", 0.05)

    async def scenario() -> None:
        tape = Taped(tmp_path)
        tape.shelf.thread.submit(stuck_disk.wait)
        tape.hear(50)
        await tape.recorder.close()
        assert not tape.path.exists()
        stuck_disk.set()
        tape.settled()
        assert len(read(tape.path)) == SAMPLE_RATE_HZ

    play(scenario)


KILLED = """
import os, sys
from pathlib import Path
from voicebot.telephony.recording import Tape
tape = Tape(Path(sys.argv[1]))
for _ in range(3):
    tape.append(bytes(64_000))
print("written", flush=True)
sys.stdin.read()
"""


def test_a_controller_that_is_killed_leaves_a_file_that_plays(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert len(read(path)) == 3 * SAMPLE_RATE_HZ


@given(lengths=st.lists(st.integers(0, 50), max_size=8))
def test_after_any_pieces_the_file_is_what_the_wave_module_would_have_written(tmp_path_factory: pytest.TempPathFactory, lengths: list[int]) -> None:
    folder = tmp_path_factory.mktemp("tape")
    tape = Tape(folder / "ours.wav")
    pieces = [bytes([number]) * (4 * length) for number, length in enumerate(lengths)]
    for piece in pieces:
        tape.append(piece)
    tape.close()
    tape.close()
    with wave.open(str(folder / "theirs.wav"), "wb") as theirs:
        theirs.setparams((2, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
        theirs.writeframes(b"".join(pieces))
    assert (folder / "ours.wav").read_bytes() == (folder / "theirs.wav").read_bytes()


def test_the_header_is_44_bytes() -> None:
    assert len(header(0)) == 44


def test_interleaving_keeps_order() -> None:
    assert np.frombuffer(interleaved([frame(1, 2), frame(3, 4)]), "<i2")[[0, 1, -2, -1]].tolist() == [1, 2, 3, 4]
