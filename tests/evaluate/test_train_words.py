"""Rebuilding the word parameters: the same data gives the same bytes, and what is shipped is what the code reads."""

from __future__ import annotations

import gzip
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from voicebot.emotion.words import FEATURES, HEADS, PARAMETERS, TEXT, Head, Lexicon, Words, read_model
from voicebot.errors import EvaluationError
from voicebot.evaluate import train_words
from voicebot.evaluate.sentences import sentences
from voicebot.evaluate.train_words import BOUNDS, PRIOR, calm_questions, fit_heads, fit_text, goemotions, main, packed, to_toml

ANGRY = ["you stupid liar", "i hate this garbage", "what a stupid idiot", "this garbage is awful", "you liar i hate you"] * 6
OTHER = ["what a lovely day", "thanks for the help", "i like this song", "see you on monday", "the cat sat down"] * 18
TEXTS, LABELS = [*ANGRY, *OTHER], np.array([True] * len(ANGRY) + [False] * len(OTHER))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "goemotions").mkdir()
    (tmp_path / "banking77").mkdir()
    rows = [f"{text}\t{0 if angry else 4}\tid" for text, angry in zip(TEXTS, LABELS, strict=True)]
    (tmp_path / "goemotions" / "train.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    (tmp_path / "banking77" / "train.csv").write_text("text,category\n" + "where is my card,card\n" * 30, "utf-8")
    return tmp_path


def test_a_text_model_learns_what_tells_anger() -> None:
    model = fit_text(TEXTS, LABELS)
    assert model.log_odds("you stupid garbage") > 0 > model.log_odds("thanks for the lovely song")
    assert model.weight["stupid"] > 0 > model.weight["lovely"]


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = packed(fit_text(TEXTS, LABELS)), packed(fit_text(TEXTS, LABELS))
    assert first == second
    (tmp_path / "model.gz").write_bytes(first)
    model = fit_text(TEXTS, LABELS)
    assert read_model(tmp_path / "model.gz").log_odds("you liar") == pytest.approx(model.log_odds("you liar"), abs=1e-3)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_heads_stay_within_their_bounds_and_assume_their_share(language: str) -> None:
    words = Words(Lexicon.load(language), {})
    own = [sentence for sentence in sentences(language) if not sentence.held_out]
    heads = fit_heads(words, own, None)
    assert set(heads) == set(HEADS)
    assert all(heads["anger"].weight[name] <= high + train_words.ALONE for name, (_, high) in BOUNDS.items())
    angry = [heads["anger"].log_odds(words.figures(sentence.text), 1.0) for sentence in own if sentence.angry]
    calm = [heads["anger"].log_odds(words.figures(sentence.text), 1.0) for sentence in own if not sentence.angry]
    shares = [np.mean(1 / (1 + np.exp(-np.array(part)))) for part in (angry, calm)]
    assert PRIOR["anger"] * shares[0] + (1 - PRIOR["anger"]) * shares[1] == pytest.approx(PRIOR["anger"], abs=0.01)


def test_what_is_held_out_trains_nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    seen: list[str] = []
    usual = train_words.figures_of

    def watched(words: Words, texts: Sequence[str]) -> train_words.Rows:
        seen.extend(texts)
        return usual(words, texts)

    monkeypatch.setattr(train_words, "figures_of", watched)
    train_words.trained(folder)
    held_out = {sentence.text for language in ("en", "zh") for sentence in sentences(language) if sentence.held_out}
    assert not held_out & set(seen)


def test_the_command_writes_what_is_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr("sys.argv", ["train-anger", str(folder), "--out", str(out)])
    main()
    assert sorted(path.name for path in out.iterdir()) == ["words-en.toml", "words-en.tsv.gz", "words-zh.toml"]
    heads = tomllib.loads((out / "words-en.toml").read_text("utf-8"))
    assert set(heads) == set(HEADS)
    assert set(heads["anger"]["weight"]) <= set(FEATURES)
    assert heads["anger"]["weight"][TEXT] > 0


def test_a_head_is_written_with_six_digits() -> None:
    text = to_toml({"anger": Head(-1.23456789, {"joy": 0.0, "blame": 2.0})})
    assert "intercept = -1.23457" in text
    assert "joy" not in text


def test_missing_or_wrong_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"nowhere\.tsv"):
        goemotions(tmp_path / "nowhere.tsv")
    (tmp_path / "wrong.csv").write_text("words\nhello\n", "utf-8")
    with pytest.raises(EvaluationError, match=r"wrong\.csv"):
        calm_questions(tmp_path / "wrong.csv")


def test_the_shipped_files_are_small() -> None:
    sizes = [path.stat().st_size for path in PARAMETERS.glob("words-*")]
    assert len(sizes) == 3
    assert sum(sizes) < 1_000_000
    assert gzip.decompress((PARAMETERS / "words-en.tsv.gz").read_bytes()).count(b"\n") <= train_words.PIECES + 1
