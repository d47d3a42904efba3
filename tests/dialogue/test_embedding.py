"""A sentence-embedding model joins when it is there; one that cannot be used is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.tiny_onnx import write_model
from voicebot.dialogue.embedding import SentenceModel, embedding
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.matching import Matcher
from voicebot.dialogue.word_vectors import WordVectors
from voicebot.errors import EngineError
from voicebot.settings import Kb, Settings
from voicebot.settings.engines import Models, Speech

WORDS = {"bill": (1.0, 0.0), "invoice": (0.9, 0.1), "open": (0.0, 1.0), "hours": (0.1, 0.9)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "models" / "tiny", WORDS)


def test_a_text_is_the_mean_of_its_tokens(folder: Path) -> None:
    model = SentenceModel.load(folder)
    assert model.dimensions == 2
    assert model.of("bill open") == pytest.approx((0.5, 0.5))
    assert model.of("bill zxqv") == pytest.approx((0.5, 0.0))
    assert not model.of("").any()


def test_a_long_text_is_cut(folder: Path) -> None:
    assert SentenceModel.load(folder).of("bill " * 64 + "open " * 1_000) == pytest.approx((1.0, 0.0))


def test_only_the_inputs_that_the_model_has_are_given(tmp_path: Path) -> None:
    for inputs in (("input_ids",), ("input_ids", "attention_mask", "token_type_ids")):
        assert SentenceModel.load(write_model(tmp_path / str(len(inputs)), WORDS, inputs)).of("bill") == pytest.approx((1.0, 0.0))


def test_the_matcher_finds_what_only_the_model_brings_together(folder: Path) -> None:
    entries = [
        Entry("bill", "en", "bill", (), None, ("my bill", "the bill please"), "It is in the app.", "In the app."),
        Entry("hours", "en", "open", (), None, ("are you open", "open today"), "Nine to five.", "Nine."),
    ]
    asked = "invoice"
    without, with_model = Matcher.build(entries), Matcher.build(entries, SentenceModel.load(folder))
    assert with_model.match(asked)[0].entry_id == "bill"
    assert with_model.match(asked)[0].confidence - with_model.match(asked)[1].confidence > 0.05
    assert without.match("my bill")[0].entry_id == with_model.match("my bill")[0].entry_id == "bill"


def named(tmp_path: Path, model: str | None) -> Settings:
    return Settings(
        kb=Kb(embedding=Path(model) if model else None), models=Models(folder=tmp_path / "models"), speech=Speech(cache=tmp_path / "cache")
    )


def test_a_model_is_found_by_name_or_path(tmp_path: Path, folder: Path) -> None:
    for where in ("tiny", str(folder)):
        found = embedding("zh", named(tmp_path, where))
        assert isinstance(found, SentenceModel)


def test_without_a_model_english_has_word_vectors_and_others_nothing(tmp_path: Path) -> None:
    assert isinstance(embedding("en", named(tmp_path, None)), WordVectors)
    assert embedding("zh", named(tmp_path, None)) is None


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EngineError, match=rf"tiny: no {name}; put an exported sentence-embedding model there, or take \[kb\] embedding out"):
        SentenceModel.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.parametrize("raw", [b"", b"\x00\x01 nonsense", b"{}"])
def test_a_damaged_file_is_refused_by_name(folder: Path, name: str, raw: bytes) -> None:
    (folder / name).write_bytes(raw)
    with pytest.raises(EngineError, match="tiny: cannot be loaded"):
        SentenceModel.load(folder)


def test_a_model_for_another_purpose_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"asks for pixel_values; export it for feature extraction"):
        SentenceModel.load(write_model(tmp_path, WORDS, ("input_ids", "pixel_values")))
    with pytest.raises(EngineError, match="gives no vector for each token"):
        SentenceModel.load(write_model(tmp_path / "flat", {"bill": (1.0,)}))
