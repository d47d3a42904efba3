"""Word pairs out of a language model in Sphinx's binary format, such as the one of general English that comes with pocketsphinx.

Only what follows what, and how often, is read. The layout is that of cmusphinx/pocketsphinx `src/lm/ngram_model_trie.c`, `lm_trie.c` and
`lm_trie_quant.c`: little-endian, bit-packed, the pairs stored under their second word. Nothing is recognised or scored here.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import KnowledgeError

_MAGIC = b"Trie Language Model"
_ORDER = 3
_BINS = 1 << 16
_QUANT_BITS = 32
_NATURAL = math.log(1.0001)
"""The file's logarithms are to the base 1.0001."""
_UNIGRAM = np.dtype([("log", "<f4"), ("backoff", "<f4"), ("next", "<u4")])


@dataclass(frozen=True)
class Pairs:
    """Words with their probabilities, and pairs of them with the probability of `second` after `first`."""

    words: tuple[str, ...]
    share: NDArray[np.float32]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    chance: NDArray[np.float32]


def read(path: Path) -> Pairs:
    """The words and word pairs of a trigram model. Raises KnowledgeError when it is none."""
    try:
        raw = path.read_bytes()
        return _pairs(raw)
    except OSError as error:
        raise KnowledgeError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, struct.error) as error:
        raise KnowledgeError(f"{path}: is no trigram model in Sphinx's binary format ({error})") from None


def _pairs(raw: bytes) -> Pairs:
    if not raw.startswith(_MAGIC) or raw[len(_MAGIC)] != _ORDER:
        raise ValueError("unknown header")
    at = len(_MAGIC) + 1
    counts = struct.unpack_from(f"<{_ORDER}I", raw, at)
    at += 4 * _ORDER + 4
    tables = np.frombuffer(raw, "<f4", 3 * _BINS, at)
    at += tables.nbytes
    unigrams = np.frombuffer(raw, _UNIGRAM, counts[0] + 1, at)
    at += unigrams.nbytes
    word_bits, next_bits = (int(counts[place]).bit_length() for place in (0, 2))
    step = word_bits + _QUANT_BITS + next_bits
    packed = np.frombuffer(raw, np.uint8, _bytes(counts[1], step), at)
    at += packed.nbytes + _bytes(counts[2], word_bits + _QUANT_BITS // 2)
    words = tuple(text.decode() for text in raw[at + 4 :].split(b"\0")[: counts[0]])
    begins = unigrams["next"].astype(np.int64)
    second = np.repeat(np.arange(counts[0]), begins[1:] - begins[:-1])
    first = _field(packed, len(second), step, 0, word_bits)
    logs = tables[:_BINS][_field(packed, len(second), step, word_bits + _QUANT_BITS // 2, _QUANT_BITS // 2)]
    share = np.exp(unigrams["log"][: counts[0]] * np.float32(_NATURAL))
    if len(words) != counts[0] or first.max(initial=0) >= counts[0]:
        raise ValueError("words and pairs do not fit")
    return Pairs(words, share, first, second, np.exp(logs * np.float32(_NATURAL)))


def _bytes(count: int, step: int) -> int:
    return ((1 + count) * step + 7) // 8 + 8


def _field(packed: NDArray[np.uint8], count: int, step: int, offset: int, width: int) -> NDArray[np.int64]:
    """`width` bits at `offset` of each of `count` records of `step` bits."""
    place = np.arange(count, dtype=np.int64) * step + offset
    value = np.zeros(count, np.uint64)
    for byte in range((width + 14) // 8):
        value |= packed[(place >> 3) + byte].astype(np.uint64) << np.uint64(8 * byte)
    return ((value >> (place & 7).astype(np.uint64)) & np.uint64((1 << width) - 1)).astype(np.int64)
