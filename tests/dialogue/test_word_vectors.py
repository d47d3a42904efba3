"""Words that stand beside the same words lie close; the vectors are made once and kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voicebot.dialogue import trie_lm, word_vectors
from voicebot.dialogue.trie_lm import Pairs
from voicebot.dialogue.word_vectors import WordVectors


def toy() -> Pairs:
    """Cats and dogs run and eat; cars and buses drive and stop."""
    words = ("the", "cat", "dog", "car", "bus", "runs", "eats", "drives", "stops")
    place = {word: at for at, word in enumerate(words)}
    follows = {**dict.fromkeys(("cat", "dog"), ("runs", "eats")), **dict.fromkeys(("car", "bus"), ("drives", "stops"))}
    pairs = [("the", noun, 0.25) for noun in follows] + [(noun, verb, 0.5) for noun, verbs in follows.items() for verb in verbs]
    first, second, chance = zip(*pairs, strict=True)
    share = np.full(len(words), 0.1, np.float32)
    return Pairs(words, share, np.array([place[w] for w in first]), np.array([place[w] for w in second]), np.array(chance, np.float32))


@pytest.fixture
def vectors() -> WordVectors:
    return WordVectors.made(toy(), dimensions=3)


def closeness(vectors: WordVectors, one: str, other: str) -> float:
    a, b = vectors.of(one), vectors.of(other)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_words_in_one_place_lie_close(vectors: WordVectors) -> None:
    assert closeness(vectors, "cat", "dog") > 0.9
    assert closeness(vectors, "cat", "dog") > closeness(vectors, "cat", "bus") + 0.3
    assert closeness(vectors, "runs", "eats") > closeness(vectors, "runs", "drives") + 0.3


def test_a_text_is_the_sum_of_its_known_words(vectors: WordVectors) -> None:
    assert vectors.of("The CAT, zxqv!") == pytest.approx(vectors.of("the") + vectors.of("cat"))
    assert not vectors.of("zxqv").any()
    assert vectors.of("").shape == (vectors.dimensions,)


def test_a_frequent_word_weighs_less() -> None:
    pairs = toy()
    pairs.share[0] = 0.9
    pairs.share[1] = 0.0001
    made = WordVectors.made(pairs, dimensions=3)
    assert np.linalg.norm(made.of("cat")) > 50 * np.linalg.norm(made.of("the"))


def test_only_the_most_frequent_words_are_kept() -> None:
    pairs = toy()
    pairs.share[1] = 0.01
    assert not WordVectors.made(pairs, vocabulary=8, dimensions=3).of("cat").any()


def test_vectors_are_the_same_after_they_were_kept(vectors: WordVectors, tmp_path: Path) -> None:
    vectors.save(tmp_path / "new" / "toy.npz")
    kept = WordVectors.load(tmp_path / "new" / "toy.npz")
    assert kept.of("cat") == pytest.approx(vectors.of("cat"), abs=1e-4)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["toy.npz"]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Every model that was read; each is the toy."""
    read: list[Path] = []

    def reads(path: Path) -> Pairs:
        read.append(path)
        return toy()

    monkeypatch.setattr(word_vectors, "_general_model", lambda: Path(__file__))
    monkeypatch.setattr(trie_lm, "read", reads)
    word_vectors.english.cache_clear()
    yield read
    word_vectors.english.cache_clear()


def test_english_is_made_once(tmp_path: Path, made: list[Path]) -> None:
    for _ in range(2):
        found = word_vectors.english(tmp_path)
        word_vectors.english.cache_clear()
        assert found
        assert found.of("cat").any()
    assert len(made) == 1


def test_a_damaged_file_is_made_again(tmp_path: Path, made: list[Path]) -> None:
    word_vectors.english(tmp_path)
    word_vectors.english.cache_clear()
    next(tmp_path.iterdir()).write_bytes(b"damaged")
    found = word_vectors.english(tmp_path)
    assert found
    assert found.of("cat").any()
    assert len(made) == 2


def test_without_the_general_model_there_are_no_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_vectors, "_general_model", lambda: None)
    word_vectors.english.cache_clear()
    assert word_vectors.english(tmp_path) is None
    word_vectors.english.cache_clear()
