"""The audio link: frames in order, silence for what is lost, phrases played, paused, cut, and never more queued than Asterisk holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import MediaError
from voicebot.telephony.media import AHEAD_FRAMES, Frame, MediaLink
from voicebot.values import FRAME_BYTES, SILENCE_FRAME

VOICE = b"\x10\x20" * (FRAME_BYTES // 2)
Run = Callable[[object], object]


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


class Bench:
    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.link = MediaLink(self.frames.append)
        self.wire = Wire()
        self.link.connect(self.wire)

    def hear(self, frames: int = 1) -> None:
        for _ in range(frames):
            self.link.receive_audio(VOICE)

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
            bench.link.receive_audio(audio[at : at + cut])
            at += cut
        heard = b"".join(frame.caller for frame in bench.frames)
        assert heard == audio[: len(audio) // FRAME_BYTES * FRAME_BYTES]
        bench.close()

    asyncio.run(scenario())


def test_silence_marked_lost_stands_in_for_frames_that_do_not_come(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(1)
        await asyncio.sleep(0.3)
        lost = [frame for frame in bench.frames if frame.lost]
        assert 10 <= len(lost) <= 16
        assert all(frame.caller == SILENCE_FRAME for frame in lost)
        assert bench.link.lost_ms == len(lost) * 20
        bench.hear(1)
        assert bench.link.lost_ms == 0
        assert [frame.at_ms for frame in bench.frames] == [20 * (i + 1) for i in range(len(bench.frames))]
        bench.close()

    run(scenario())


def test_no_frame_is_called_lost_while_they_come_in_time(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        for _ in range(15):
            bench.hear()
            await asyncio.sleep(0.02)
        assert not any(frame.lost for frame in bench.frames)
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


def test_a_silent_bot_sends_silence_frame_for_frame_and_none_of_it_delays_a_phrase(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.hear(3)
        assert bench.wire.audio == SILENCE_FRAME * 3
        bench.link.play(VOICE * 2)
        assert bench.wire.commands == ["FLUSH_MEDIA", "MARK_MEDIA"]
        bench.link.play(VOICE)
        assert bench.wire.commands == ["FLUSH_MEDIA", "MARK_MEDIA", "MARK_MEDIA"]
        bench.hear(3)
        bench.link.pause()
        bench.hear(3)
        assert bytes(bench.wire.audio) == SILENCE_FRAME * 3 + VOICE * 3 + SILENCE_FRAME * 4
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

    asyncio.run(scenario())


@pytest.mark.parametrize("text", [b'{"event":"MEDIA_XOFF"}', b'{"event":"MEDIA_MARK_PROCESSED","correlation_id":"99"}', b"{}"])
def test_events_it_does_not_use_change_nothing(run: Run, text: bytes) -> None:
    async def scenario() -> None:
        bench = Bench()
        playing = bench.link.play(VOICE)
        bench.link.receive_text(text)
        assert not playing.done.done()
        bench.close()

    run(scenario())
