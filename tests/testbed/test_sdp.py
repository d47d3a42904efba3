"""Offers and answers as text and as values; any bytes are read or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed import sdp
from voicebot.testbed.g711 import Codec
from voicebot.testbed.sdp import Direction, Media

DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
OURS = Media("127.0.0.1", 4_000, ("PCMU", "PCMA"))
ASTERISK = b"""v=0\r
o=- 1 2 IN IP4 10.0.0.1\r
s=Asterisk\r
c=IN IP4 10.0.0.9\r
t=0 0\r
m=audio 31002 RTP/AVP 8 0 96\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:96 telephone-event/8000\r
a=fmtp:96 0-16\r
a=ptime:20\r
a=maxptime:140\r
a=sendrecv\r
"""

medias = st.builds(
    Media,
    host=st.ip_addresses(v=4).map(str),
    port=st.integers(1, 65_535),
    codecs=st.sampled_from([("PCMU",), ("PCMA",), ("PCMU", "PCMA"), ("PCMA", "PCMU")]),
    event_type=st.none() | st.integers(96, 127),
    direction=st.sampled_from(DIRECTIONS),
)


def test_an_offer_of_asterisk_is_read() -> None:
    assert sdp.load(ASTERISK) == Media("10.0.0.9", 31_002, ("PCMA", "PCMU"), 96, "sendrecv")


@given(medias, st.integers(1, 1_000))
def test_what_is_written_is_read_again(media: Media, version: int) -> None:
    assert sdp.load(sdp.dump(media, version)) == media


def test_the_version_stands_in_the_origin() -> None:
    assert b"o=- 1 7 IN IP4 127.0.0.1\r\n" in sdp.dump(OURS, 7)


def test_a_connection_line_of_the_stream_overrides_the_one_above() -> None:
    assert sdp.load(ASTERISK + b"c=IN IP4 10.0.0.77\r\n").host == "10.0.0.77"


def test_a_direction_above_the_stream_holds_for_it() -> None:
    above = ASTERISK.replace(b"a=sendrecv\r\n", b"").replace(b"t=0 0\r\n", b"t=0 0\r\na=inactive\r\n")
    assert sdp.load(above).direction == "inactive"


def test_no_direction_means_both_ways() -> None:
    assert sdp.load(ASTERISK.replace(b"a=sendrecv\r\n", b"")).direction == "sendrecv"


def test_a_second_stream_does_not_disturb_the_first() -> None:
    video = b"m=video 5000 RTP/AVP 97\r\nc=IN IP4 10.9.9.9\r\na=inactive\r\na=rtpmap:97 telephone-event/8000\r\n"
    assert sdp.load(ASTERISK + video) == sdp.load(ASTERISK)


def test_port_zero_means_no_audio() -> None:
    assert sdp.load(ASTERISK.replace(b"31002", b"0")).direction == "inactive"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\r\n",
        b"\xff\xfe",
        ASTERISK.replace(b"m=audio", b"m=video"),
        ASTERISK.replace(b"31002", b"99999"),
        ASTERISK.replace(b"10.0.0.9", b"10.0.0.999"),
    ],
)
def test_what_is_no_audio_offer_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        sdp.load(body)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda junk: ASTERISK[:150] + junk + ASTERISK[150:]))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        media = sdp.load(body)
    except ValueError:
        return
    assert 0 <= media.port <= 65_535


@pytest.mark.parametrize(
    ("offered", "ours", "chosen"),
    [(("PCMU", "PCMA"), ("PCMA", "PCMU"), "PCMA"), (("PCMA",), ("PCMU", "PCMA"), "PCMA"), (("PCMU", "PCMA"), ("PCMU",), "PCMU")],
)
def test_the_answer_takes_our_best_codec_that_was_offered(offered: tuple[Codec, ...], ours: tuple[Codec, ...], chosen: Codec) -> None:
    assert sdp.answer(Media("127.0.0.1", 1, offered), Media("127.0.0.1", 2, ours)).codecs == (chosen,)


def test_no_common_codec_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="offered PCMA, ours PCMU"):
        sdp.answer(Media("127.0.0.1", 1, ("PCMA",)), Media("127.0.0.1", 2, ("PCMU",)))


@pytest.mark.parametrize(("offered", "ours", "answered"), [(101, 101, 101), (96, 101, 96), (None, 101, None), (101, None, None)])
def test_telephone_events_take_the_number_offered_or_none(offered: int | None, ours: int | None, answered: int | None) -> None:
    offer = Media("127.0.0.1", 1, ("PCMU",), offered)
    assert sdp.answer(offer, Media("127.0.0.1", 2, ("PCMU",), ours)).event_type == answered


@given(offered=st.sampled_from(DIRECTIONS), ours=st.sampled_from(DIRECTIONS))
def test_an_answer_never_flows_where_one_side_does_not_want_it(offered: Direction, ours: Direction) -> None:
    """RFC 3264 section 6.1."""
    answer = sdp.answer(Media("127.0.0.1", 1, ("PCMU",), direction=offered), Media("127.0.0.1", 2, ("PCMU",), direction=ours)).direction
    assert sdp.may_send(answer, "sendrecv") == (sdp.may_send(ours, offered))
    assert sdp.may_send("sendrecv", answer) == (sdp.may_send(offered, ours))
