"""A text becomes a row of unit length: views, and meaning where there is an embedding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.vectors import DENSE_WEIGHT, LARGE, Vectors

TEXTS = ["my bill is too high", "when are you open", "i lost my sim card"]


class Meaning:
    """Two figures: how often a text speaks of money, how often of time."""

    dimensions = 2

    def of(self, text: str) -> np.ndarray:
        return np.array([text.count("bill") + text.count("invoice"), text.count("when") + text.count("hour")], np.float32)


@pytest.fixture(scope="module")
def plain() -> Vectors:
    return Vectors.fitted(TEXTS, "en")


@pytest.fixture(scope="module")
def meant() -> Vectors:
    return Vectors.fitted(TEXTS, "en", Meaning())


def dense(vectors: Vectors, text: str) -> np.ndarray:
    row = np.zeros(vectors.width, np.float32)
    places, values = vectors.row(text)
    row[places] = values
    return row


@given(st.text(max_size=40))
def test_any_row_is_of_unit_length_or_empty(plain: Vectors, meant: Vectors, text: str) -> None:
    for vectors in (plain, meant):
        places, values = vectors.row(text)
        assert len(places) == len(set(places.tolist())) == len(values)
        assert float(values @ values) == pytest.approx(1, abs=1e-4) or not values.any()
        assert all(0 <= place < vectors.width for place in places)


def test_a_text_lies_closest_to_what_it_repeats(plain: Vectors) -> None:
    near = [float(dense(plain, "the bill is high") @ dense(plain, text)) for text in TEXTS]
    assert int(np.argmax(near)) == 0
    assert near[0] > 0.5


def test_unknown_words_alone_have_no_row(plain: Vectors) -> None:
    assert len(plain.row("zxqv")[0]) == 0
    assert plain.known("zxqv") == 0.0
    assert plain.known("my bill zxqv") == 0.5
    assert plain.known("") == 0.0


def test_meaning_brings_together_what_no_word_does(plain: Vectors, meant: Vectors) -> None:
    asked = "invoice qqq"
    before, after = (float(dense(vectors, asked) @ dense(vectors, TEXTS[0])) for vectors in (plain, meant))
    assert after > before + 0.1
    assert meant.width == plain.width + 2


def test_meaning_has_its_weight_beside_the_words(meant: Vectors) -> None:
    row = dense(meant, TEXTS[0])
    assert np.linalg.norm(row[-2:]) / np.linalg.norm(row[:-2]) == pytest.approx(DENSE_WEIGHT, abs=1e-4)


def test_a_text_that_means_nothing_to_the_embedding_has_its_words_alone(meant: Vectors, plain: Vectors) -> None:
    assert dense(meant, TEXTS[2])[:-2] == pytest.approx(dense(plain, TEXTS[2]))


def test_synonyms_weigh_less_among_many_examples(plain: Vectors) -> None:
    many = Vectors.fitted(TEXTS, "en", many=True)
    asked = "the invoice is too high"
    assert dense(many, asked) @ dense(many, TEXTS[0]) < dense(plain, asked) @ dense(plain, TEXTS[0])


def test_rows_are_those_of_each_text(plain: Vectors) -> None:
    assert plain.rows(TEXTS).toarray() == pytest.approx(np.stack([dense(plain, text) for text in TEXTS]))


def test_rows_with_meaning_are_those_of_each_text(meant: Vectors) -> None:
    texts = [*TEXTS, "zxqv", "", "when bill zxqv"]
    assert meant.rows(texts).toarray() == pytest.approx(np.stack([dense(meant, text) for text in texts]), abs=1e-6)


def test_rows_come_with_what_is_learnt(meant: Vectors) -> None:
    learnt, rows = Vectors.learnt(TEXTS, "en", Meaning())
    assert rows.toarray() == pytest.approx(meant.rows(TEXTS).toarray(), abs=1e-6)
    assert learnt.width == meant.width


def test_kept_vectors_are_the_same(meant: Vectors) -> None:
    again = Vectors("en", meant.kept(), Meaning())
    for text in (*TEXTS, "my bill zxqv"):
        assert (dense(again, text) == dense(meant, text)).all()
        assert again.known(text) == meant.known(text)


def test_texts_without_words_have_rows_without_columns() -> None:
    vectors, rows = Vectors.learnt(["?!", "…"], "en")
    assert rows.shape[0] == 2
    assert len(vectors.row("my bill")[0]) == 0


def test_what_occurs_once_among_thousands_of_texts_is_left_out() -> None:
    texts = ["my bill"] * (LARGE - 1)
    small, large = Vectors.fitted([*texts[1:], "zxqv"], "en"), Vectors.fitted([*texts, "zxqv"], "en")
    assert len(small.row("zxqv")[0]) > 0 == len(large.row("zxqv")[0])
    assert len(large.row("bill")[0]) > 0
