"""A Whisper of random weights has the shape that was asked for, is the same for the same seed, and reads its own words back."""

from __future__ import annotations

import json
from pathlib import Path

import ctranslate2
import tokenizers

from voicebot.testbed.random_whisper import TEXT_TOKENS, TINIEST, Shape, build


def test_it_loads_with_the_real_vocabulary(tmp_path: Path) -> None:
    model = ctranslate2.models.Whisper(str(build(tmp_path)), compute_type="int8")
    assert model.n_mels == 80
    vocabulary = json.loads((tmp_path / "vocabulary.json").read_text())
    assert len(vocabulary) == len(set(vocabulary)) == 51_865
    assert vocabulary[TEXT_TOKENS : TEXT_TOKENS + 4] == ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>"]


def test_the_tokenizer_agrees_with_the_vocabulary_and_gives_text_back(tmp_path: Path) -> None:
    build(tmp_path)
    tokens = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    vocabulary = json.loads((tmp_path / "vocabulary.json").read_text())
    assert [tokens.token_to_id(token) for token in vocabulary[::1_000]] == list(range(len(vocabulary)))[::1_000]
    assert tokens.decode(tokens.encode("my PIN is 12.50 元", add_special_tokens=False).ids) == "my PIN is 12.50 元"


def test_the_seed_and_the_shape_decide(tmp_path: Path) -> None:
    made = [
        (build(tmp_path / str(n), shape, seed) / "model.bin").read_bytes()
        for n, (shape, seed) in enumerate([(TINIEST, 1), (TINIEST, 1), (TINIEST, 2)])
    ]
    assert made[0] == made[1] != made[2]
    wider = build(tmp_path / "wider", Shape(128, 2, 2)) / "model.bin"
    assert wider.stat().st_size > len(made[0])
