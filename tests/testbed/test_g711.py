"""G.711 against the figures of the standard, and the laws any companding must keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed import g711
from voicebot.testbed.g711 import Codec

CODECS: tuple[Codec, ...] = ("PCMU", "PCMA")
ALL_CODES = bytes(range(256))
ALL_SAMPLES = np.arange(-32_768, 32_768).astype(np.int16)


@pytest.mark.parametrize(
    ("codec", "code", "sample"),
    [
        ("PCMU", 0xFF, 0),
        ("PCMU", 0x7F, 0),
        ("PCMU", 0x80, 32_124),
        ("PCMU", 0x00, -32_124),
        ("PCMU", 0xFE, 8),
        ("PCMU", 0xF0, 120),
        ("PCMU", 0xEF, 132),
        ("PCMU", 0x8F, 16_764),
        ("PCMA", 0xD5, 8),
        ("PCMA", 0x55, -8),
        ("PCMA", 0xAA, 32_256),
        ("PCMA", 0x2A, -32_256),
        ("PCMA", 0xC5, 264),
        ("PCMA", 0xD4, 24),
    ],
)
def test_codes_decode_to_the_values_of_the_standard(codec: Codec, code: int, sample: int) -> None:
    assert g711.decode(bytes([code]), codec).tolist() == [sample]


@pytest.mark.parametrize(("codec", "code"), [("PCMU", 0xFF), ("PCMA", 0xD5)])
def test_silence_is_the_known_byte(codec: Codec, code: int) -> None:
    assert g711.encode(np.zeros(160, np.int16), codec) == bytes([code]) * 160


@pytest.mark.parametrize("codec", CODECS)
def test_every_code_survives_decoding_and_encoding(codec: Codec) -> None:
    again = g711.encode(g711.decode(ALL_CODES, codec), codec)
    differing = [code for code in range(256) if again[code] != code]
    assert differing == ([0x7F] if codec == "PCMU" else [])  # µ-law has two zeros


@pytest.mark.parametrize("codec", CODECS)
def test_larger_samples_never_decode_to_smaller_ones(codec: Codec) -> None:
    decoded = g711.decode(g711.encode(ALL_SAMPLES, codec), codec).astype(int)
    assert np.all(np.diff(decoded) >= 0)


@pytest.mark.parametrize(("codec", "top"), [("PCMU", 32_635), ("PCMA", 32_767)])
def test_error_is_at_most_half_a_step(codec: Codec, top: int) -> None:
    samples = ALL_SAMPLES.astype(int)
    decoded = g711.decode(g711.encode(ALL_SAMPLES, codec), codec).astype(int)
    inside = np.abs(samples) <= top
    step = np.maximum(np.abs(samples) / 16, 16)
    assert np.all(np.abs(decoded - samples)[inside] <= step[inside] / 2 + 8)


@pytest.mark.parametrize("codec", CODECS)
def test_positive_and_negative_are_symmetric(codec: Codec) -> None:
    positive = g711.decode(g711.encode(np.arange(0, 32_768).astype(np.int16), codec), codec).astype(int)
    negative = g711.decode(g711.encode((-1 - np.arange(0, 32_768)).astype(np.int16), codec), codec).astype(int)
    assert np.array_equal(positive, -negative)


@given(st.lists(st.integers(-32_768, 32_767), max_size=400), st.sampled_from(CODECS))
def test_any_audio_keeps_its_length_and_is_stable(values: list[int], codec: Codec) -> None:
    data = g711.encode(np.array(values, np.int16), codec)
    decoded = g711.decode(data, codec)
    assert len(data) == len(values)
    assert np.array_equal(g711.decode(g711.encode(decoded, codec), codec), decoded)


def test_payload_types_name_each_codec_once() -> None:
    assert {g711.CODECS[number] for number in g711.PAYLOAD_TYPES.values()} == set(CODECS)
