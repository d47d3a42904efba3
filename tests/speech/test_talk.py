"""What the recogniser is given of an utterance: all that came, in order, and no silence that it would have to begin again for."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.talk import Talk
from voicebot.values import FRAME_BYTES, SILENCE_FRAME

VOICE = b"\x10\x20" * (FRAME_BYTES // 2)
LATE = b"\x30\x40" * FRAME_BYTES


class Stream:
    """Stands for a recogniser's stream."""

    def __init__(self) -> None:
        self.pcm = b""
        self.feeds = 0

    def feed(self, pcm: bytes) -> None:
        assert pcm, "nothing was fed"
        self.pcm += pcm
        self.feeds += 1


def talk() -> tuple[Talk, Any]:
    stream: Any = Stream()
    return Talk(stream, over_bot=False), stream


def test_all_is_given_at_once_until_the_words_are_settled() -> None:
    made, stream = talk()
    made.hear(VOICE, True, b"")
    made.hear(SILENCE_FRAME, False, b"")
    assert stream.pcm == VOICE + SILENCE_FRAME
    assert stream.feeds == 2


def test_silence_after_that_waits_for_voice() -> None:
    made, stream = talk()
    made.settled = True
    made.hear(SILENCE_FRAME, False, b"")
    assert stream.pcm == b""
    made.hear(VOICE, True, b"")
    assert stream.pcm == SILENCE_FRAME + VOICE
    assert not made.settled


def test_late_audio_takes_the_place_of_the_silence_that_waits() -> None:
    made, stream = talk()
    made.settled = True
    made.hear(SILENCE_FRAME, False, b"")
    made.hear(VOICE, True, LATE)
    assert stream.pcm == LATE + VOICE


def test_a_frame_of_nothing_is_nothing() -> None:
    made, stream = talk()
    made.hear(b"", False, b"")
    made.hear(b"", False, LATE)
    assert (stream.pcm, stream.feeds) == (LATE, 1)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=60))
def test_no_voice_is_lost_whenever_it_is_settled(frames: list[tuple[bool, bool, bool]]) -> None:
    made, stream = talk()
    for voiced, settles, late in frames:
        made.settled = made.settled or settles
        made.hear(VOICE if voiced else SILENCE_FRAME, voiced, LATE if late and voiced else b"")
    assert stream.pcm.count(VOICE) == sum(voiced for voiced, _, _ in frames)
    assert stream.pcm.count(LATE) == sum(voiced and late for voiced, _, late in frames)


def test_two_talks_are_never_equal() -> None:
    assert talk()[0] != talk()[0]
    assert len({talk()[0], talk()[0]}) == 2


def test_voice_is_counted_and_silence_is_not() -> None:
    made, _ = talk()
    for voiced in (True, True, False, False, True):
        made.hear(VOICE, voiced, b"")
    assert made.spoken_ms == 60
