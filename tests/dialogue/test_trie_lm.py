"""The general English model that comes with pocketsphinx is read as it was written; what is none is refused by name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.dialogue import trie_lm
from voicebot.dialogue.trie_lm import Pairs
from voicebot.errors import KnowledgeError


@pytest.fixture(scope="module")
def model() -> Path:
    found = importlib.util.find_spec("pocketsphinx")
    assert found
    assert found.origin
    return Path(found.origin).parent / "model" / "en-us" / "en-us.lm.bin"


@pytest.fixture(scope="module")
def pairs(model: Path) -> Pairs:
    return trie_lm.read(model)


def test_words_and_pairs_are_all_there(pairs: Pairs) -> None:
    assert len(pairs.words) == len(set(pairs.words)) == len(pairs.share)
    assert len(pairs.first) == len(pairs.second) == len(pairs.chance) > 2_000_000
    assert 0.7 < pairs.share[pairs.share < 1].sum() < 1.1
    assert ((pairs.chance > 0) & (pairs.chance <= 1.001)).all()


@pytest.mark.parametrize(("first", "second", "log10"), [("cell", "phone", -0.3748), ("all", "'bout", -5.5635), ("cell", "phones", -0.9325)])
def test_a_pair_has_the_probability_that_sphinx_gives_it(pairs: Pairs, first: str, second: str, log10: float) -> None:
    place = {word: at for at, word in enumerate(pairs.words)}
    (at,) = np.flatnonzero((pairs.first == place[first]) & (pairs.second == place[second]))
    assert np.log10(pairs.chance[at]) == pytest.approx(log10, abs=2e-3)


def test_a_word_has_the_probability_that_sphinx_gives_it(pairs: Pairs) -> None:
    assert np.log10(pairs.share[pairs.words.index("phone")]) == pytest.approx(-3.6283, abs=1e-3)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"none\.lm: cannot be read: No such file"):
        trie_lm.read(tmp_path / "none.lm")


@pytest.mark.parametrize("size", [0, 19, 20, 40, 1_000, 5_000_000])
def test_a_model_that_is_cut_off_is_refused(tmp_path: Path, model: Path, size: int) -> None:
    (tmp_path / "cut.lm").write_bytes(model.read_bytes()[:size])
    with pytest.raises(KnowledgeError, match=r"cut\.lm: is no trigram model"):
        trie_lm.read(tmp_path / "cut.lm")


@given(st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_behind_the_header_are_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "any.lm").write_bytes(b"Trie Language Model\x03" + raw)
    with pytest.raises(KnowledgeError, match=r"any\.lm: is no trigram model"):
        trie_lm.read(tmp_path / "any.lm")
