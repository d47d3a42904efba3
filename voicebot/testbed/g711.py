"""G.711 A-law and µ-law as numpy look-up tables, built once from the arithmetic of the standard.

Never changes level or rate: one byte is one 8 kHz sample. Source: ITU-T G.711, with the rounding of negative samples of ITU-T G.191.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
"""Mono 8 kHz audio, the rate of every array in the test bed."""

Codec = Literal["PCMU", "PCMA"]

PAYLOAD_TYPES: dict[Codec, int] = {"PCMU": 0, "PCMA": 8}
"""RTP payload types of RFC 3551, table 4."""

CODECS: dict[int, Codec] = {number: codec for codec, number in PAYLOAD_TYPES.items()}


def _one_complement(samples: NDArray[np.int64]) -> NDArray[np.int64]:
    complement: NDArray[np.int64] = np.where(samples < 0, ~samples, samples)
    return complement


def _bytes(codes: NDArray[np.int64]) -> NDArray[np.uint8]:
    return (codes & 0xFF).astype(np.uint8)


def _mu_law_encoder() -> NDArray[np.uint8]:
    samples = np.arange(-32_768, 32_768, dtype=np.int64)
    magnitude = np.minimum((_one_complement(samples) >> 2) + 33, 0x1FFF)
    segment = np.floor(np.log2(magnitude)).astype(np.int64) - 5
    mantissa = (magnitude >> (segment + 1)) & 0x0F
    sign = np.where(samples >= 0, 0x00, 0x80)
    return _bytes(~(sign | (segment << 4) | mantissa))


def _mu_law_decoder() -> Samples:
    code = ~np.arange(256, dtype=np.int64) & 0xFF
    segment, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = ((((mantissa << 1) + 33) << segment) - 33) << 2
    levels: Samples = np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)
    return levels


def _a_law_encoder() -> NDArray[np.uint8]:
    samples = np.arange(-32_768, 32_768, dtype=np.int64)
    magnitude = _one_complement(samples) >> 4
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int64) - 3, 0)
    mantissa = (magnitude >> np.maximum(segment - 1, 0)) & 0x0F
    sign = np.where(samples >= 0, 0x80, 0x00)
    return _bytes((sign | (segment << 4) | mantissa) ^ 0x55)


def _a_law_decoder() -> Samples:
    code = np.arange(256, dtype=np.int64) ^ 0x55
    segment, mantissa = (code >> 4) & 7, code & 0x0F
    leading_one = np.where(segment > 0, 0x108, 0x08)
    magnitude = ((mantissa << 4) + leading_one) << np.maximum(segment - 1, 0)
    levels: Samples = np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
    return levels


_ENCODERS: dict[Codec, NDArray[np.uint8]] = {"PCMU": _mu_law_encoder(), "PCMA": _a_law_encoder()}
_DECODERS: dict[Codec, Samples] = {"PCMU": _mu_law_decoder(), "PCMA": _a_law_decoder()}


def encode(samples: Samples, codec: Codec) -> bytes:
    """One byte for each sample."""
    return _ENCODERS[codec][samples.astype(np.int32) + 32_768].tobytes()


def decode(data: bytes, codec: Codec) -> Samples:
    """One sample for each byte."""
    return _DECODERS[codec][np.frombuffer(data, np.uint8)]
