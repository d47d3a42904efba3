"""Rebuilding the word parameters: the same data gives the same figures, and what is shipped is what the code reads."""

from __future__ import annotations

import gzip
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from voicebot.emotion.words import FEATURES, HEADS, PARAMETERS, TELEPHONE, TEXT, Head, Lexicon, TextModel, Words, read_model
from voicebot.errors import EvaluationError
from voicebot.evaluate import train_words
from voicebot.evaluate.sentences import sentences, training
from voicebot.evaluate.train_words import BOUNDS, PRIOR, calm_questions, figures_of, fit_heads, fit_text, goemotions, main, packed, to_toml

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
    model = fit_text(TEXTS, LABELS, 3)
    assert model.log_odds("you stupid garbage") > 0 > model.log_odds("thanks for the lovely song")
    assert model.weight["stupid"] > 0 > model.weight["lovely"]


def test_what_too_few_texts_hold_is_not_known() -> None:
    texts, angry = [*TEXTS, "you scoundrel"], np.append(LABELS, True)
    assert "scoundrel" not in fit_text(texts, angry, 2).weight
    assert fit_text(texts, angry, 1).weight["scoundrel"] > 0


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = packed(fit_text(TEXTS, LABELS, 3)), packed(fit_text(TEXTS, LABELS, 3))
    assert first == second
    (tmp_path / "model.gz").write_bytes(first)
    model = fit_text(TEXTS, LABELS, 3)
    assert read_model(tmp_path / "model.gz").log_odds("you liar") == pytest.approx(model.log_odds("you liar"), abs=1e-3)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_heads_stay_within_their_bounds_and_assume_their_share(language: str) -> None:
    words, own = Words(Lexicon.load(language), {}), training(language)
    heads = fit_heads(figures_of(words, [sentence.text for sentence in own]), own, None)
    assert set(heads) == set(HEADS)
    assert all(heads["anger"].weight[name] <= high for name, (_, high) in BOUNDS.items())
    angry = [heads["anger"].log_odds(words.figures(sentence.text), 1.0) for sentence in own if sentence.angry]
    calm = [heads["anger"].log_odds(words.figures(sentence.text), 1.0) for sentence in own if not sentence.angry]
    shares = [np.mean(1 / (1 + np.exp(-np.array(part)))) for part in (angry, calm)]
    assert PRIOR["anger"] * shares[0] + (1 - PRIOR["anger"]) * shares[1] == pytest.approx(PRIOR["anger"], abs=0.01)


def test_what_is_held_out_trains_nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    seen: list[str] = []
    usual, learnt = train_words.figures_of, train_words.fit_text

    def watched(words: Words, texts: Sequence[str]) -> train_words.Rows:
        seen.extend(texts)
        return usual(words, texts)

    def fitted(texts: Sequence[str], angry: train_words.Flags, least_seen: int) -> TextModel:
        seen.extend(texts)
        return learnt(texts, angry, least_seen)

    monkeypatch.setattr(train_words, "figures_of", watched)
    monkeypatch.setattr(train_words, "fit_text", fitted)
    train_words.trained(folder)
    held_out = {sentence.text for language in ("en", "zh") for sentence in sentences(language) if sentence.held_out}
    assert not held_out & set(seen)


def test_the_command_writes_what_is_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr("sys.argv", ["train-anger", str(folder), "--out", str(out)])
    main()
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in PARAMETERS.glob("*-??.*"))
    heads = tomllib.loads((out / "words-en.toml").read_text("utf-8"))
    assert set(heads) == set(HEADS)
    assert set(heads["anger"]["weight"]) <= set(FEATURES)
    assert heads["anger"]["weight"][TEXT] > 0
    assert heads["anger"]["weight"][TELEPHONE] > 0


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
    models = [f"{TEXT}-en.tsv.gz", f"{TELEPHONE}-en.tsv.gz", f"{TELEPHONE}-zh.tsv.gz"]
    assert sorted(path.name for path in PARAMETERS.glob("*.tsv.gz")) == sorted(models)
    assert sum((PARAMETERS / name).stat().st_size for name in models) < 1_000_000
    for name in models:
        assert gzip.decompress((PARAMETERS / name).read_bytes()).count(b"\n") <= train_words.PIECES + 1


SHARED = Path(__file__).parents[3] / "shared" / "text"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="GoEmotions and banking77 do not lie beside the repository")
def test_the_shipped_parameters_are_rebuilt_from_their_data() -> None:
    for name, content in train_words.trained(SHARED).items():
        names, figures = told(name, content)
        assert names == told(name, (PARAMETERS / name).read_bytes())[0], name
        assert figures == pytest.approx(told(name, (PARAMETERS / name).read_bytes())[1], rel=1e-4, abs=1e-5), name


def told(name: str, content: bytes) -> tuple[list[str], list[float]]:
    """What a file of parameters names, and their figures: another processor adds them up in another order."""
    lines = (gzip.decompress(content) if name.endswith(".gz") else content).decode().splitlines()
    parts = [re.split(r"\t| = ", line) for line in lines]
    return [part[0] for part in parts], [float(part[1]) for part in parts if len(part) > 1]
