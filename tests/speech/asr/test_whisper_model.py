"""A folder holds a Whisper that knows the language, or one line says what is wrong with it; a pass takes the window it is given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from voicebot.errors import EngineError
from voicebot.speech.asr import whisper_model
from voicebot.speech.asr.whisper_model import PROMPT_TOKENS, WhisperModel
from voicebot.testbed.random_whisper import TEXT_TOKENS, build

SHARED_TOKENIZER = Path(__file__).parents[4] / "shared/models/whisper-assets/hf-whisper-tiny/tokenizer.json"
NOISE = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * np.float32(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("whisper") / "model")


@pytest.fixture(scope="module")
def model(folder: Path) -> WhisperModel:
    return WhisperModel(folder, "en")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_pass_gives_text_a_probability_and_its_end(model: WhisperModel) -> None:
    heard = model.hear(NOISE, 4, 20)
    assert heard.log_probability < 0
    assert 0 <= heard.no_speech <= 1
    assert heard == model.hear(NOISE, 4, 20), "the same audio is heard the same"


@pytest.mark.parametrize("tokens", [1, 14, 224])
def test_a_forced_pass_makes_exactly_as_many_tokens(model: WhisperModel, tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model._tokens, "decode", lambda ids: f"{len(ids)} tokens")
    heard = model.hear(NOISE, 4, tokens, forced=True)
    assert (heard.text, heard.ended) == (f"{tokens} tokens", False)


def test_the_window_decides_how_much_is_encoded(model: WhisperModel) -> None:
    assert model._mel(NOISE, 4).shape == (1, 80, 400)
    assert model._mel(NOISE, 30).shape == (1, 80, 3_000)
    assert np.array_equal(model._mel(NOISE, 2), model._mel(NOISE[:32_000], 2)), "what does not fit is cut, not squeezed"


def test_expected_words_stand_before_the_start_and_are_bounded(folder: Path) -> None:
    plain, few, many = (WhisperModel(folder, "zh", terms)._prompt for terms in ((), ("携号转网", "puk"), tuple(f"term{n}" for n in range(500))))
    assert few[-4:] == many[-4:] == plain
    assert few[0] == many[0] == plain[0] + 103, "startofprev"
    assert len(plain) == 4 < len(few) < len(many) == PROMPT_TOKENS + 5


def test_special_tokens_never_come_back_as_text(model: WhisperModel) -> None:
    assert {model._tokens.sot, model._tokens.sot_prev, model._tokens.no_timestamps, model._tokens.transcribe} <= set(model._silence)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(EngineError, match=rf"{copy}: {name} is missing; `voicebot models verify`"):
        WhisperModel(copy, "en")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none is no folder; `voicebot models pull`"):
        WhisperModel(tmp_path / "none", "en")


def cut(size: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:size]


@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("model.bin", cut(100), "model.bin cannot be loaded"),
        ("model.bin", cut(-1), "model.bin cannot be loaded"),
        ("model.bin", lambda _: b"GGUF, not this" * 99, "model.bin cannot be loaded"),
        ("model.bin", cut(0), "model.bin cannot be loaded"),
        ("config.json", cut(20), "config.json is not JSON"),
        ("config.json", lambda _: b"\xff\xfe", "config.json is not JSON"),
        ("vocabulary.json", cut(20), "model.bin cannot be loaded"),
        ("tokenizer.json", cut(10_000), "tokenizer.json cannot be read"),
        ("tokenizer.json", lambda _: b"{}", "tokenizer.json cannot be read"),
    ],
)
def test_a_broken_file_is_named_in_one_line(copy: Path, name: str, spoil: Callable[[bytes], bytes], told: str) -> None:
    (copy / name).write_bytes(spoil((copy / name).read_bytes()))
    with pytest.raises(EngineError, match=told) as caught:
        WhisperModel(copy, "en")
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.25, 0.4, 0.5, 0.65, 0.8, 0.9, 0.99, 0.9999])
def test_a_download_that_was_cut_anywhere_is_told(copy: Path, share: float) -> None:
    weights = (copy / "model.bin").read_bytes()
    (copy / "model.bin").write_bytes(weights[: int(len(weights) * share)])
    with pytest.raises(EngineError, match=r"model\.bin cannot be loaded .*; `voicebot models verify`"):
        WhisperModel(copy, "en")


def test_a_tokenizer_of_another_model_is_told(copy: Path) -> None:
    tokenizers.Tokenizer(tokenizers.models.BPE()).save(str(copy / "tokenizer.json"))
    with pytest.raises(EngineError, match=r"tokenizer\.json is not one of Whisper's"):
        WhisperModel(copy, "en")


def test_a_language_the_model_does_not_know_is_told(folder: Path) -> None:
    with pytest.raises(EngineError, match="does not know the language 'fr'"):
        WhisperModel(folder, "fr")


def test_an_english_model_hears_only_english(copy: Path) -> None:
    """Its vocabulary is one token shorter, and its prompt names neither language nor task."""
    known = json.loads((copy / "tokenizer.json").read_text())
    vocabulary, merges = known["model"]["vocab"], known["model"]["merges"]
    last = next(token for token, number in vocabulary.items() if number == TEXT_TOKENS - 1)
    del vocabulary[last]
    known["model"]["merges"] = merges[:-1]
    for token in known["added_tokens"]:
        token["id"] -= 1
    (copy / "tokenizer.json").write_text(json.dumps(known))
    assert len(WhisperModel(copy, "en")._prompt) == 2
    with pytest.raises(EngineError, match=r"knows only English, not 'zh'; take one whose name has no \.en"):
        WhisperModel(copy, "zh")


@pytest.mark.skipif(not SHARED_TOKENIZER.exists(), reason="no Whisper tokenizer beside the repository (shared/models/whisper-assets)")
def test_the_real_tokenizer_fits(copy: Path) -> None:
    shutil.copy(SHARED_TOKENIZER, copy / "tokenizer.json")
    model = WhisperModel(copy, "zh", ("携号转网",))
    assert model._prompt[-4:] == [50_258, 50_260, 50_359, 50_363]
    assert model._tokens.decode(model._prompt[1:-4]).strip() == "携号转网"
    assert whisper_model._unspoken(model._tokens)
    assert isinstance(model.hear(NOISE, 4, 14).text, str)
