"""The n-gram model is a proper distribution, knows what it was told, and is built once however many ask for it at once."""

from __future__ import annotations

import math
import multiprocessing
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pocketsphinx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech.asr import language_model
from voicebot.speech.asr.language_model import LanguageFiles, arpa, build, on_the_telephone, pronunciations, spoken

WORDS = st.lists(st.sampled_from(["my", "bill", "is", "too", "high"]), min_size=1, max_size=5)
CORPUS = st.lists(st.tuples(WORDS, st.floats(0.05, 3)), min_size=1, max_size=8)
COMMON = {"weather": 0.01, "bill": 0.02, "river": 0.001}


class Model:
    """An ARPA file read back."""

    def __init__(self, text: str) -> None:
        self.logs: dict[tuple[str, ...], float] = {}
        self.backoff: dict[tuple[str, ...], float] = defaultdict(float)
        self.counts: dict[int, int] = {}
        order = 0
        for line in text.splitlines():
            if line.startswith("ngram "):
                number, count = line[6:].split("=")
                self.counts[int(number)] = int(count)
            elif line.endswith("-grams:"):
                order = int(line[1])
            elif line and not line.startswith("\\"):
                parts = line.split()
                gram = tuple(parts[1 : order + 1])
                self.logs[gram] = float(parts[0])
                if len(parts) > order + 1:
                    self.backoff[gram] = float(parts[order + 1])

    def chance(self, *gram: str) -> float:
        return 10 ** self._log(gram)

    def _log(self, gram: tuple[str, ...]) -> float:
        return self.logs[gram] if gram in self.logs else self.backoff[gram[:-1]] + self._log(gram[1:])

    @property
    def vocabulary(self) -> list[str]:
        return [gram[0] for gram in self.logs if len(gram) == 1 and gram[0] != "<s>"]


@given(CORPUS)
def test_after_any_history_the_chances_of_all_words_add_up_to_one(corpus: list[tuple[list[str], float]]) -> None:
    model = Model(arpa(corpus, COMMON))
    histories = [(), ("<s>",), ("weather",), *[tuple(words[:2]) for words, _ in corpus], *[("<s>", words[0]) for words, _ in corpus]]
    for history in histories:
        assert math.isclose(sum(model.chance(*history, word) for word in model.vocabulary), 1, abs_tol=0.01), history


@given(CORPUS)
def test_the_header_counts_what_follows(corpus: list[tuple[list[str], float]]) -> None:
    model = Model(arpa(corpus, COMMON))
    assert model.counts == {order: sum(len(gram) == order for gram in model.logs) for order in (1, 2, 3)}


def test_what_was_said_is_likelier_than_what_was_not_and_weight_counts() -> None:
    often, seldom = (["my", "bill"], 50.0), (["my", "river"], 5.0)
    model = Model(arpa([often, seldom], COMMON))
    assert model.chance("<s>", "my", "bill") > 3 * model.chance("<s>", "my", "river") > 0
    assert model.chance("my", "river") > model.chance("my", "weather") > 0


def test_a_common_word_can_be_heard_although_no_sentence_has_it() -> None:
    model = Model(arpa([(["my", "bill"], 1.0)], COMMON))
    assert "weather" in model.vocabulary
    assert model.chance("weather") > model.chance("river")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("My bill, please!", "my bill please"),
        ("Is 5G available?", "is five g available"),
        ("e-SIM or eSIM", "e sim or e sim"),
        ("Wi-Fi & roaming", "wifi and roaming"),
        ("it’s 'fine'", "it's fine"),
        ("25 dollars, 120 minutes, 700 texts", "twenty five dollars one hundred twenty minutes seven hundred texts"),
        ("call 0800 1234", "call zero eight zero zero one two three four"),
        ("20 GB", "twenty gb"),
        ("---", ""),
    ],
)
def test_text_becomes_the_words_that_are_said(text: str, words: str) -> None:
    assert " ".join(spoken(text)) == words


@given(st.text(max_size=60))
def test_any_text_becomes_words_of_letters(text: str) -> None:
    assert all(word.replace("'", "").isalpha() and word.isascii() and word == word.lower() for word in spoken(text))


def test_a_known_word_sounds_as_the_dictionary_says() -> None:
    assert pronunciations("bill") == ["B IH L"]
    assert len(pronunciations("data")) > 1


def test_an_unknown_short_word_may_be_read_or_spelled() -> None:
    assert pronunciations("puk")[-1] == "P IY Y UW K EY"


def test_without_flite_an_unknown_word_is_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert pronunciations("esimx") == ["IY EH S AY EH M EH K S"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "sentences", lambda: ["hello there", "my bill is wrong"])
    monkeypatch.setattr(language_model, "COMMON_WORDS", 50)


def loads(files: LanguageFiles) -> bool:
    options = {"hmm": pocketsphinx.get_model_path("en-us/en-us"), "dict": str(files.dictionary), "lm": str(files.language_model), "loglevel": "FATAL"}
    return pocketsphinx.Decoder(pocketsphinx.Config(**options)).lookup_word("zorbulate") is not None


@pytest.mark.usefixtures("small")
def test_pocketsphinx_reads_what_was_built(tmp_path: Path) -> None:
    assert loads(build(["where is my zorbulate"], tmp_path / "cache"))


@pytest.mark.usefixtures("small")
def test_the_same_wordings_are_built_once_others_again(tmp_path: Path) -> None:
    files = build(["my bill"], tmp_path)
    stamp = files.language_model.stat().st_mtime_ns
    assert build(["my bill"], tmp_path) == files
    assert files.language_model.stat().st_mtime_ns == stamp
    assert build(["my phone"], tmp_path) != files
    assert len(list(tmp_path.iterdir())) == 2


def build_in_process(folder: Path) -> LanguageFiles:
    language_model.COMMON_WORDS = 50
    return build(["where is my router"], folder)


def test_builders_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        built = pool.map(build_in_process, [tmp_path] * 3)
    assert len(set(built)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [built[0].dictionary.parent.name]
    assert built[0].language_model.read_text(encoding="utf-8").rstrip().endswith("\\end\\")


@pytest.mark.usefixtures("small")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(EngineError, match="cache"):
        build(["my bill"], tmp_path / "cache")


@settings(deadline=None)
@given(CORPUS)
def test_the_same_corpus_gives_the_same_bytes(corpus: Sequence[tuple[Sequence[str], float]]) -> None:
    assert arpa(corpus, COMMON) == arpa(corpus, COMMON)


@pytest.mark.parametrize(
    ("ways", "heard"),
    [
        (
            ["TH AE NG K"],
            [
                "TH AE NG K",
                "T AE NG K",
                "F AE NG K",
                "AE NG K",
                *(f"{first}{vowel} NG K" for first in ("TH ", "T ", "F ", "") for vowel in ("EH", "EY")),
            ],
        ),
        (["HH AW"], ["HH AW", "AW"]),
        (["B IH L"], ["B IH L"]),
        (["TH"], ["TH"]),
        (["HH IH R", "IH R"], ["HH IH R", "IH R"]),
    ],
)
def test_a_narrow_line_swallows_sounds(ways: list[str], heard: list[str]) -> None:
    found = on_the_telephone(ways)
    assert set(found) == set(heard)
    assert found[: len(ways)] == ways
