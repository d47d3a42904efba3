"""The audio link: frames in order, silence for what is lost, phrases played, paused, cut, and never more queued than Asterisk holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.clock import VirtualLoop, run_virtual
from voicebot.errors import MediaError
from voicebot.telephony.media import AHEAD_FRAMES, BAND_FRAMES, HUSH, HUSH_FRAMES, LATE_FRAMES, Frame, MediaLink
from voicebot.values import FRAME_BYTES, FRAME_MS, SILENCE_FRAME

VOICE = b"\x10\x20" * (FRAME_BYTES // 2)
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def run() -> Run:
    return run_virtual


LATEST_MS = 120
"""The call's time is behind the clock's by at most this much: lost frames are put in 60 ms after the last one."""


class Wire:
    """Stands for the socket: keeps what was sent."""

    def __init__(self) -> None:
        self.texts: list[dict[str, str]] = []
        self.audio = bytearray()
        self.closed = False

    def send_text(self, text: bytes) -> None:
        self.texts.append(json.loads(text))

    def send_audio(self, pcm: bytes) -> None:
        self.audio += pcm

    def close(self) -> None:
        self.closed = True

    @property
    def commands(self) -> list[str]:
        return [text["command"] for text in self.texts]


def numbered(number: int) -> bytes:
    return number.to_bytes(2, "little") * (FRAME_BYTES // 2)


class Bench:
    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.link = MediaLink(self.frames.append)
        self.wire = Wire()
        self.link.connect(self.wire)

    @property
    def ahead_ms(self) -> float:
        """How far the call's time is ahead of the clock's."""
        return self.link.now_ms - asyncio.get_running_loop().time() * 1000

    def pass_time(self, ms: float) -> None:
        """The clock goes on and nothing comes."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.skip(ms / 1000)

    def hear(self, frames: int = 1) -> None:
        """So many frames, each in its time."""
        for _ in range(frames):
            self.pass_time(FRAME_MS)
            self.link.receive_audio(VOICE)

    def burst(self, first: int, last: int) -> None:
        """Frames `first` to `last` all at once, each of which can be told from the others."""
        for number in range(first, last):
            self.link.receive_audio(numbered(number))

    def mark(self, which: int = -1) -> None:
        marks = [text["correlation_id"] for text in self.wire.texts if text["command"] == "MARK_MEDIA"]
        self.link.receive_text(json.dumps({"event": "MEDIA_MARK_PROCESSED", "correlation_id": marks[which]}).encode())

    def close(self) -> None:
        self.link.disconnect()


def test_each_whole_frame_is_handed_on_with_its_time(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(3)
        assert [(frame.at_ms, frame.lost, frame.caller) for frame in bench.frames] == [(20, False, VOICE), (40, False, VOICE), (60, False, VOICE)]
        assert bench.link.now_ms == 60
        bench.close()

    run(scenario())


@given(st.binary(min_size=0, max_size=4 * FRAME_BYTES), st.lists(st.integers(1, 3 * FRAME_BYTES), min_size=1, max_size=12))
def test_any_split_of_the_audio_gives_the_same_frames(tail: bytes, cuts: list[int]) -> None:
    async def scenario() -> None:
        audio = VOICE * 5 + tail
        bench = Bench()
        at = 0
        for cut in cuts * (len(audio) // sum(cuts) + 1):
            bench.pass_time(len(audio[at : at + cut]) / FRAME_BYTES * FRAME_MS)
            bench.link.receive_audio(audio[at : at + cut])
            at += cut
        heard = b"".join(frame.caller for frame in bench.frames)
        assert heard == audio[: len(audio) // FRAME_BYTES * FRAME_BYTES]
        bench.close()

    run_virtual(scenario())


def test_silence_marked_lost_stands_in_for_frames_that_do_not_come(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(1)
        await asyncio.sleep(0.3)
        lost = [frame for frame in bench.frames if frame.lost]
        assert 10 <= len(lost) <= 16
        assert all(frame.caller == SILENCE_FRAME for frame in lost)
        bench.hear(1)
        assert not bench.frames[-1].lost
        assert [frame.at_ms for frame in bench.frames] == [20 * (i + 1) for i in range(len(bench.frames))]
        bench.close()

    run(scenario())


@pytest.mark.parametrize(("most_ms", "lost"), [(0, 0), (30, 0), (40, 2)])
def test_jitter_costs_a_frame_or_two_once_and_then_nothing(run: Run, most_ms: int, lost: int) -> None:
    async def scenario() -> None:
        bench = Bench()
        loop = asyncio.get_running_loop()
        for number, share in enumerate([0, 1, 0.2, 1, 0, 0.5] * 20):
            await asyncio.sleep(max((number * FRAME_MS + share * most_ms) / 1000 - loop.time(), 0))
            bench.link.receive_audio(VOICE)
        assert sum(frame.lost for frame in bench.frames) == lost
        assert not any(frame.late for frame in bench.frames)
        bench.close()

    run(scenario())


def test_lost_frames_begin_sixty_milliseconds_after_the_last_one(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(5)
        await asyncio.sleep(0.055)
        assert not any(frame.lost for frame in bench.frames)
        await asyncio.sleep(0.010)
        assert [frame.lost for frame in bench.frames[5:]] == [True] * 3
        bench.close()

    run(scenario())


def test_a_process_that_was_too_busy_to_look_calls_nothing_lost(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(5)
        bench.pass_time(500)
        await asyncio.sleep(0.001)
        bench.burst(0, 25)
        await asyncio.sleep(0.05)
        assert [frame.caller for frame in bench.frames[5:]] == [numbered(number) for number in range(25)]
        assert not any(frame.lost for frame in bench.frames)
        bench.close()

    run(scenario())


def test_what_comes_after_a_stall_of_the_line_is_handed_on_late_and_takes_no_time(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(5)
        await asyncio.sleep(0.5)
        bench.burst(0, 25)
        await asyncio.sleep(FRAME_MS / 1000)
        bench.burst(25, 26)
        assert abs(bench.ahead_ms) <= BAND_FRAMES * FRAME_MS
        came = [frame for frame in bench.frames[5:] if not frame.lost]
        assert b"".join(frame.late + frame.caller for frame in came) == b"".join(map(numbered, range(26))), "all of it, in order"
        assert len(came) == BAND_FRAMES + 1
        bench.close()

    run(scenario())


def test_only_so_much_late_audio_is_kept(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        await asyncio.sleep(10)
        bench.burst(0, 500)
        await asyncio.sleep(0.1)
        late = b"".join(frame.late for frame in bench.frames)
        assert late == b"".join(map(numbered, range(500 - LATE_FRAMES, 500)))
        assert abs(bench.ahead_ms) <= BAND_FRAMES * FRAME_MS
        bench.close()

    run(scenario())


@pytest.mark.parametrize("drift_ppm", [500, -500, 50_000, -50_000])
def test_an_hour_with_a_drifting_phone_shifts_no_time_and_loses_no_audio(run: Run, drift_ppm: int) -> None:
    hour_s = 3_600.0 if abs(drift_ppm) < 1_000 else 60.0

    async def scenario() -> None:
        bench = Bench()
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        sent, worst_ms = 0, 0.0

        def speak() -> None:
            nonlocal sent, worst_ms
            bench.link.receive_audio(VOICE)
            sent += 1
            worst_ms = max(worst_ms, abs(bench.ahead_ms))
            at_s = sent * FRAME_MS / 1000 / (1 + drift_ppm / 1e6)
            over.set() if at_s > hour_s else loop.call_at(at_s, speak)

        speak()
        await over.wait()
        given = sum(not frame.lost for frame in bench.frames)
        late = sum(len(frame.late) for frame in bench.frames) // FRAME_BYTES
        lost = len(bench.frames) - given
        drifted = round(hour_s * 50 * abs(drift_ppm) / 1e6)
        assert worst_ms <= (BAND_FRAMES + 1) * FRAME_MS
        assert sent - given - late <= 1, "what has come last may still be kept"
        assert abs((late if drift_ppm > 0 else lost) - drifted) <= BAND_FRAMES + 1
        assert (lost if drift_ppm > 0 else late) == 0
        bench.close()

    run(scenario())


def test_what_was_heard_of_a_phrase_does_not_depend_on_the_packets_that_get_through(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        playing = bench.link.play(VOICE * 500)
        for number in range(400):
            await asyncio.sleep(FRAME_MS / 1000)
            if number % 20:
                bench.link.receive_audio(VOICE)
        assert abs(bench.link.heard_ms(playing) - 8_000) <= (BAND_FRAMES + 1) * FRAME_MS
        bench.close()

    run(scenario())


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30)), max_size=40))
def test_however_audio_comes_the_call_keeps_time_and_order(arrivals: list[tuple[int, int]]) -> None:
    async def scenario() -> None:
        bench = Bench()
        sent = 0
        for wait_ms, frames in arrivals:
            await asyncio.sleep(wait_ms / 1000)
            bench.burst(sent, sent + frames)
            sent += frames
            assert -LATEST_MS <= bench.ahead_ms <= BAND_FRAMES * FRAME_MS
        assert [frame.at_ms for frame in bench.frames] == [FRAME_MS * number for number in range(1, len(bench.frames) + 1)]
        heard = b"".join(frame.late + (b"" if frame.lost else frame.caller) for frame in bench.frames)
        numbers = [int.from_bytes(heard[at : at + 2], "little") for at in range(0, len(heard), FRAME_BYTES)]
        assert numbers == sorted(set(numbers)), "nothing twice, nothing out of turn"
        bench.close()

    run_virtual(scenario())


def test_what_was_heard_is_known_when_who_waits_for_it_is_cancelled(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        playing = bench.link.play(VOICE * 10)
        waiting = asyncio.ensure_future(playing.done)
        bench.hear(4)
        waiting.cancel()
        assert bench.link.heard_ms(playing) == 80
        bench.close()

    run(scenario())


def test_a_phrase_is_sent_in_whole_frames_then_marked(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        playing = bench.link.play(VOICE * 3 + b"\x01\x02")
        assert len(bench.wire.audio) == 4 * FRAME_BYTES
        assert bench.wire.audio.endswith(b"\x01\x02" + bytes(FRAME_BYTES - 2))
        assert bench.wire.commands == ["MARK_MEDIA"]
        assert not playing.done.done()
        bench.mark()
        assert await playing.done is True
        assert bench.link.heard_ms(playing) == 80
        bench.close()

    run(scenario())


def test_heard_grows_with_the_frames_that_pass_and_stops_while_paused(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        playing = bench.link.play(VOICE * 10)
        bench.hear(4)
        assert bench.link.heard_ms(playing) == 80
        bench.link.pause()
        bench.hear(3)
        assert bench.link.heard_ms(playing) == 80
        bench.link.resume()
        bench.hear(1)
        assert bench.link.heard_ms(playing) == 100
        assert bench.wire.commands == ["MARK_MEDIA", "FLUSH_MEDIA", "FLUSH_MEDIA", "MARK_MEDIA"]
        bench.close()

    run(scenario())


def test_frames_tell_what_the_bot_played_meanwhile(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.link.play(VOICE * 2)
        bench.hear(3)
        assert [frame.bot for frame in bench.frames] == [VOICE, VOICE, SILENCE_FRAME]
        bench.close()

    run(scenario())


def test_a_silent_bot_sends_silence_as_it_is_due_and_none_of_it_delays_a_phrase(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(3)
        assert bench.wire.audio == HUSH
        bench.link.play(VOICE * 2)
        assert bench.wire.commands == ["FLUSH_MEDIA", "MARK_MEDIA"]
        bench.link.play(VOICE)
        assert bench.wire.commands == ["FLUSH_MEDIA", "MARK_MEDIA", "MARK_MEDIA"]
        bench.hear(3)
        bench.link.pause()
        bench.hear(3)
        assert bytes(bench.wire.audio) == HUSH + VOICE * 3 + HUSH + HUSH  # the first of both went with the pause
        bench.close()

    run(scenario())


def test_the_silence_of_a_silent_bot_never_ends_and_never_piles_up(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        for heard in range(1, 200):
            bench.hear(1)
            assert heard <= len(bench.wire.audio) // len(SILENCE_FRAME) < heard + HUSH_FRAMES
        bench.close()

    run(scenario())


def test_flush_cuts_what_plays_and_what_waits_and_keeps_what_was_heard(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        first, second = bench.link.play(VOICE * 5), bench.link.play(VOICE * 5)
        bench.hear(3)
        bench.link.flush()
        assert (await first.done, await second.done) == (False, False)
        assert (bench.link.heard_ms(first), bench.link.heard_ms(second)) == (60, 0)
        assert bench.wire.commands[-1] == "FLUSH_MEDIA"
        third = bench.link.play(VOICE * 2)
        bench.hear(1)
        assert bench.link.heard_ms(third) == 20
        bench.close()

    run(scenario())


def test_after_a_flush_while_paused_the_next_phrase_plays(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.link.play(VOICE)
        bench.link.pause()
        bench.link.flush()
        assert not bench.link.paused
        sent = len(bench.wire.audio)
        bench.link.play(VOICE * 2)
        assert bytes(bench.wire.audio[sent:]) == VOICE * 2
        bench.close()

    run(scenario())


@pytest.mark.parametrize("heard", [0, 1, 2, 4, 7])
def test_a_pause_takes_back_what_is_not_played_and_resume_sends_exactly_that(run: Run, heard: int) -> None:
    async def scenario() -> None:
        bench = Bench()
        audio = [bytes([n, n]) * (FRAME_BYTES // 2) for n in range(1, 10)]
        first, second = bench.link.play(b"".join(audio[:3])), bench.link.play(b"".join(audio[3:]))
        bench.hear(heard)
        bench.link.pause()
        bench.hear(5)
        sent, marks = len(bench.wire.audio), bench.wire.commands.count("MARK_MEDIA")
        bench.link.resume()
        assert bytes(bench.wire.audio[sent:]) == b"".join(audio[heard:])
        assert bench.wire.commands.count("MARK_MEDIA") - marks == 2
        assert [frame.bot for frame in bench.frames[:heard]] == audio[:heard]
        bench.hear(9 - heard)
        bench.mark(-2)
        bench.mark(-1)
        assert (await first.done, await second.done) == (True, True)
        assert (bench.link.heard_ms(first), bench.link.heard_ms(second)) == (60, 120)
        bench.close()

    run(scenario())


def test_what_is_said_while_paused_waits_behind_the_rest(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.link.play(VOICE)
        bench.link.pause()
        sent = len(bench.wire.audio)
        bench.link.play(VOICE * 2)
        assert len(bench.wire.audio) == sent
        bench.link.resume()
        assert bytes(bench.wire.audio[sent:]) == VOICE * 3
        bench.close()

    run(scenario())


def test_a_long_phrase_never_overfills_the_queue_of_asterisk(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        frames = AHEAD_FRAMES * 3
        playing = bench.link.play(VOICE * frames)
        most = 0
        while bench.wire.audio.count(VOICE) < frames and len(bench.wire.audio) < frames * FRAME_BYTES:
            most = max(most, len(bench.wire.audio) // FRAME_BYTES - len(bench.frames))
            bench.hear()
        assert most < 900
        bench.hear(AHEAD_FRAMES)
        assert bench.wire.commands == ["MARK_MEDIA"]
        bench.mark()
        assert await playing.done is True
        bench.close()

    run(scenario())


def test_a_lost_socket_cuts_what_plays_and_ends_the_wait(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        playing = bench.link.play(VOICE)
        bench.close()
        await bench.link.closed()
        assert await playing.done is False
        assert await bench.link.play(VOICE).done is False

    run(scenario())


def test_no_media_socket_in_time_is_an_error_that_names_the_setting(run: Run) -> None:
    async def scenario() -> None:
        link = MediaLink(lambda _: None)
        with pytest.raises(MediaError, match=r"\[serve\] host and port"):
            await link.opened(0.01)

    run(scenario())


def test_opened_returns_once_connected_and_close_closes_the_wire(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.link.opened(0.01)
        bench.link.close()
        assert bench.wire.closed
        bench.close()
        bench.link.close()

    run(scenario())


@given(st.binary(max_size=200))
def test_any_control_text_is_taken_or_refused_by_name(text: bytes) -> None:
    async def scenario() -> None:
        bench = Bench()
        try:
            bench.link.receive_text(text)
        except MediaError as error:
            assert "not JSON" in str(error)
        bench.close()

    run_virtual(scenario())


@pytest.mark.parametrize("text", [b'{"event":"MEDIA_XOFF"}', b'{"event":"MEDIA_MARK_PROCESSED","correlation_id":"99"}', b"{}"])
def test_events_it_does_not_use_change_nothing(run: Run, text: bytes) -> None:
    async def scenario() -> None:
        bench = Bench()
        playing = bench.link.play(VOICE)
        bench.link.receive_text(text)
        assert not playing.done.done()
        bench.close()

    run(scenario())
