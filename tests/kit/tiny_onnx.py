"""A sentence-embedding model of a few bytes: a table of word vectors, looked up by token. Written as protobuf by hand, for want of the onnx package.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

FLOAT, INT64 = 1, 7


def write_model(folder: Path, vectors: Mapping[str, Sequence[float]], inputs: Sequence[str] = ("input_ids", "attention_mask")) -> Path:
    """`model.onnx` and `tokenizer.json` in `folder`; a token's vector is its word's, and zeros for an unknown one."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[UNK]", *vectors]
    size = len(next(iter(vectors.values())))
    table = np.array([[0.0] * size, *vectors.values()], np.float32)
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "model.onnx").write_bytes(_model(table, inputs))
    return folder


def _model(table: np.ndarray, inputs: Sequence[str]) -> bytes:
    node = _text(1, "table") + _text(1, inputs[0]) + _text(2, "vectors") + _text(4, "Gather")
    stored = b"".join(_number(1, size) for size in table.shape) + _number(2, FLOAT) + _text(8, "table") + _bytes(9, table.tobytes())
    given = b"".join(_bytes(11, _value(name, INT64, ("batch", "tokens"))) for name in inputs)
    found = _bytes(12, _value("vectors", FLOAT, ("batch", "tokens", str(table.shape[1]))))
    graph = _bytes(1, node) + _text(2, "tiny") + _bytes(5, stored) + given + found
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))


def _value(name: str, kind: int, shape: Sequence[str]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, int(size)) if size.isdigit() else _text(2, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, raw: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
