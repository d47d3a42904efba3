"""A Whisper of any size with random weights, in CTranslate2's format: it loads, runs and takes its time like a real one, and means nothing.

Tests and `scripts/bench whisper` use it; no accuracy can be claimed with it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from ctranslate2.specs import WhisperSpec
from numpy.typing import NDArray

TEXT_TOKENS = 50_257
LANGUAGES = 99
MEL_BANDS = 80
SOUND_POSITIONS, TEXT_POSITIONS = 1_500, 448


@dataclass(frozen=True, slots=True)
class Shape:
    """Width of the layers, attention heads, layers in the encoder and as many in the decoder."""

    width: int
    heads: int
    layers: int


TINIEST = Shape(64, 2, 1)
BASE = Shape(512, 8, 6)


def build(folder: Path, shape: Shape = TINIEST, seed: int = 0, languages: tuple[str, ...] = ("en", "zh")) -> Path:
    """Write model.bin (int8), config.json, vocabulary.json and tokenizer.json into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    text, special = _text_tokens(), _special_tokens(languages)
    _write_tokenizer(folder / "tokenizer.json", text, special)
    _write_model(folder, shape, [*text, *special], seed)
    return folder


def _text_tokens() -> list[str]:
    """The 256 bytes as byte-level tokenizers write them, and pairs of them up to the size of the real vocabulary."""
    single = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    pairs = map("".join, itertools.product(single, repeat=2))
    return [*single, *itertools.islice(pairs, TEXT_TOKENS - len(single))]


def _special_tokens(languages: tuple[str, ...]) -> list[str]:
    """In the order of the real vocabulary: its decoder counts on it."""
    tongues = [*languages, *(f"x{number}" for number in range(LANGUAGES - len(languages)))]
    tasks = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
    times = (f"{number * 0.02:.2f}" for number in range(1_501))
    return [f"<|{name}|>" for name in ("endoftext", "startoftranscript", *tongues, *tasks, *times)]


def _write_tokenizer(path: Path, text: list[str], special: list[str]) -> None:
    merges = [(token[0], token[1]) for token in text if len(token) == 2]
    made: Any = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={token: number for number, token in enumerate(text)}, merges=merges))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens([tokenizers.AddedToken(token, special=True, normalized=False) for token in special])
    made.save(str(path))


def _write_model(folder: Path, shape: Shape, vocabulary: list[str], seed: int) -> None:
    spec: Any = WhisperSpec(shape.layers, shape.heads, shape.layers, shape.heads)
    draw = _Draw(np.random.default_rng(seed), shape.width)
    encoder, decoder = spec.encoder, spec.decoder
    for layer, bands in ((encoder.conv1, MEL_BANDS), (encoder.conv2, shape.width)):
        layer.weight, layer.bias = draw.matrix(shape.width, bands, 3), draw.vector(shape.width)
    encoder.position_encodings.encodings = draw.matrix(SOUND_POSITIONS, shape.width)
    decoder.position_encodings.encodings = draw.matrix(TEXT_POSITIONS, shape.width)
    decoder.embeddings.weight = decoder.projection.weight = draw.matrix(len(vocabulary), shape.width)
    for half in (encoder, decoder):
        draw.norm(half.layer_norm)
        for layer in half.layer:
            draw.layer(layer)
    end = vocabulary.index("<|endoftext|>")
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [220, end]
    spec.config.lang_ids = list(range(end + 2, end + 2 + LANGUAGES))
    spec.config.alignment_heads = [[shape.layers - 1, 0]]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))


class _Draw:
    """Fills layers with weights of the size that keeps signals finite."""

    def __init__(self, chance: np.random.Generator, width: int) -> None:
        self._chance, self._width = chance, width

    def matrix(self, *shape: int) -> NDArray[np.float32]:
        return (self._chance.standard_normal(shape, np.float32) * (0.7 / float(np.sqrt(np.prod(shape[1:]))))).astype(np.float32)

    def vector(self, length: int) -> NDArray[np.float32]:
        return self._chance.standard_normal(length, np.float32) * np.float32(0.1)

    def norm(self, layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(self._width, np.float32), self.vector(self._width)

    def linear(self, layer: Any, out: int, width: int) -> None:
        layer.weight, layer.bias = self.matrix(out, width), self.vector(out)

    def layer(self, layer: Any) -> None:
        width = self._width
        self._attention(layer.self_attention, (3 * width, width))
        if hasattr(layer, "attention"):
            self._attention(layer.attention, (width, 2 * width, width))
        self.norm(layer.ffn.layer_norm)
        self.linear(layer.ffn.linear_0, 4 * width, width)
        self.linear(layer.ffn.linear_1, width, 4 * width)

    def _attention(self, attention: Any, outs: tuple[int, ...]) -> None:
        self.norm(attention.layer_norm)
        for linear, out in zip(attention.linear, outs, strict=True):
            self.linear(linear, out, self._width)
