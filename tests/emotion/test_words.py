"""Words: what is found in them, what is not the caller's anger, and how sure the score is."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.emotion import words as module
from voicebot.emotion.words import (
    ANGRY,
    EXCUSES,
    FEATURES,
    HEADS,
    LEXICONS,
    OTHERS,
    TELEPHONE,
    TEXT,
    Head,
    Lexicon,
    TextModel,
    Words,
    compiled,
    pieces,
    plain_words,
    probability,
    read_model,
    softened,
)
from voicebot.errors import EvaluationError

SMALL = {
    "spaced": True,
    "negation": r"not (?:\w+ ){0,1}$",
    "reported": r"he said ",
    "over": r"\bi was angry\b.*\bnow\b",
    "complaint": {"phrases": ["ridicul*", "ridiculous service", "worst ... ever"]},
    "joy": {"phrases": ["great"]},
}


def categories(language: str, text: str) -> set[str]:
    return {category for category, _ in Lexicon.load(language).found(text)}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("This is ridiculous!", "complaint"),
        ("I already told you that", "repetition"),
        ("this is the third time i'm calling", "repetition"),
        ("you lied to me", "blame"),
        ("I'm going to another company", "leaving"),
        ("you will hear from my lawyer", "legal"),
        ("what the hell", "profanity"),
        ("I would really appreciate it if someone finally looked into it", "politeness"),
        ("oh wonderful another week", "sarcasm"),
        ("I have had enough", "exasperation"),
        ("get me your manager now", "demand"),
        ("it's been nine days without internet for nine days", "waiting"),
        ("it is urgent", "urgency"),
        ("my husband passed away", "sadness"),
        ("great, thank you so much", "joy"),
        ("how do I reset my pin", "question"),
    ],
)
def test_english_phrases_are_known(text: str, category: str) -> None:
    assert category in categories("en", text)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("太离谱了", "complaint"),
        ("第三次了", "repetition"),
        ("我已经说过好几次了", "repetition"),
        ("你们骗人", "blame"),
        ("我要换别家", "leaving"),
        ("等着收律师函吧", "legal"),
        ("他妈的", "profanity"),
        ("恕我直言", "politeness"),
        ("你们可真大方", "sarcasm"),
        ("我受够了", "exasperation"),
        ("叫你们经理来", "demand"),
        ("很急的", "urgency"),
        ("我先生去世了", "sadness"),
        ("谢谢", "joy"),
        ("请问多少钱", "question"),
    ],
)
def test_mandarin_phrases_are_known(text: str, category: str) -> None:
    assert category in categories("zh", text)


@pytest.mark.parametrize(
    ("language", "text", "excuse"),
    [
        ("en", "it is not ridiculous at all", "denied"),
        ("en", "he said this is ridiculous", "reported"),
        ("en", "my boss shouted this is unacceptable", "reported"),
        ("en", "i was furious because it was ridiculous but now it works", "over"),
        ("zh", "不离谱", "denied"),
        ("zh", "我邻居说太差了", "reported"),
        ("zh", "以前那家我受够了现在好多了", "over"),
    ],
)
def test_what_is_denied_reported_or_over_is_not_the_callers_anger(language: str, text: str, excuse: str) -> None:
    found = categories(language, text)
    assert excuse in found
    assert not found & ANGRY


def test_the_company_cannot_hide_behind_they_said() -> None:
    assert "complaint" in categories("en", "they said it works and this is ridiculous")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_anger_scores_above_calm_and_says_why(language: str) -> None:
    judge = Words.load(language)
    angry, calm = {"en": ("this is ridiculous you lied to me", "how do i reset my pin"), "zh": ("太离谱了你们骗人", "请问怎么改密码")}[language]
    heard = judge.score(angry)
    assert heard.anger > 0.6
    assert judge.score(calm).anger < 0.1
    assert any(str(reason).startswith("said '") for reason in heard.evidence)
    assert [reason.strength for reason in heard.evidence] == sorted((reason.strength for reason in heard.evidence), reverse=True)
    assert judge.score(calm).evidence == ()


@pytest.mark.parametrize(
    ("language", "angry", "other"),
    [
        ("en", "i'm not angry i just want to understand", "you are useless"),
        ("en", "my neighbour said your service is ridiculous but i'm quite happy", "your service is ridiculous"),
        ("zh", "我没有生气只是问一下", "我很生气"),
        ("zh", "我邻居说你们服务太差", "你们服务太差"),
    ],
)
def test_quoted_and_denied_anger_scores_lower(language: str, angry: str, other: str) -> None:
    judge = Words.load(language)
    assert judge.score(angry).anger < judge.score(other).anger


def test_urgency_and_sadness_are_heard_beside_anger() -> None:
    judge = Words.load("en")
    urgent, sad = judge.score("please hurry it is urgent"), judge.score("my wife passed away and i feel so alone")
    assert urgent.urgency > 0.5 > urgent.anger
    assert sad.sadness > 0.5 > sad.anger


def test_what_the_recogniser_is_unsure_of_counts_less() -> None:
    judge = Words.load("en")
    scores = [judge.score("this is ridiculous and unacceptable", confidence) for confidence in (0.1, 0.4, 0.9)]
    assert scores[0].anger < scores[1].anger < scores[2].anger
    assert (scores[0].weight, scores[2].weight) == (0.0, 1.0)
    assert scores[0].evidence == ()


@given(st.text(max_size=200), st.floats(0, 1), st.sampled_from(["en", "zh"]))
def test_any_text_gets_probabilities(text: str, confidence: float, language: str) -> None:
    score = Words.load(language).score(text, confidence)
    assert all(0 <= part <= 1 for part in (score.anger, score.urgency, score.sadness, score.weight))


def test_the_longest_phrase_is_the_evidence() -> None:
    assert compiled(SMALL).found("ridiculous service") == [("complaint", "ridiculous service")]
    assert compiled(SMALL).found("the worst thing i saw ever, really") == [("complaint", "worst thing i saw ever")]
    assert compiled(SMALL).found("the worst thing that i saw ever") == []


def test_phrases_match_whole_words_only() -> None:
    assert compiled(SMALL).found("greatly") == []
    assert compiled(SMALL).found("ridiculing") == [("complaint", "ridiculing")]


@pytest.mark.parametrize("change", [{"nonsense": {"phrases": ["x"]}}, {"joy": {}}, {"negation": "("}])
def test_a_wrong_lexicon_is_named(change: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEXICONS", tmp_path)
    merged = {**SMALL, **change}
    sections = {name: value for name, value in merged.items() if isinstance(value, dict)}
    plain = [f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in merged.items() if name not in sections]
    tables = [f"[{name}]\nphrases = {value['phrases']}" if "phrases" in value else f"[{name}]" for name, value in sections.items()]
    (tmp_path / "xx.toml").write_text("\n".join(plain + tables).replace("\\\\", "\\"), "utf-8")
    with pytest.raises(EvaluationError, match=r"xx\.toml"):
        Lexicon.load("xx")


def test_a_language_without_a_lexicon_or_parameters_is_named() -> None:
    with pytest.raises(EvaluationError, match="choose one of: en, zh"):
        Lexicon.load("de")
    with pytest.raises(EvaluationError, match="train-anger"):
        Words.load("de")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_shipped_weights_know_every_figure_and_lean_the_right_way(language: str) -> None:
    judge = Words.load(language)
    assert set(judge.heads) == set(HEADS)
    weight = judge.heads["anger"].weight
    assert set(weight) <= set(FEATURES)
    assert all(weight.get(name, 0) > 0 for name in ANGRY - {"intensity"})
    assert weight.get("intensity", 0) >= 0
    assert all(weight.get(name, 0) <= 0 for name in (*OTHERS, *EXCUSES))
    assert set(judge.lexicon.phrases) == ANGRY | set(OTHERS)


def test_two_phrases_count_for_more_than_one_and_no_more_than_many() -> None:
    judge = Words(compiled(SMALL), {name: Head(0.0, {"complaint": 1.0}) for name in HEADS})
    assert judge.figures("ridiculous") == {"complaint": 1.0}
    assert judge.figures("ridiculous ridiculous") == judge.figures("ridiculous " * 5) == {"complaint": 1.5}
    assert judge.score("ridiculous").anger == pytest.approx(probability(1))


def test_a_text_model_weighs_words_and_letters_apart(tmp_path: Path) -> None:
    model = TextModel(-1.0, {"bad": 2.0, "very": 1.0, "very bad": 1.0, "~_b": 0.5})
    assert model.log_odds("nothing") == -1.0
    assert model.log_odds("very bad") == pytest.approx(-1 + 4 / math.sqrt(3) + 0.5)
    file = tmp_path / "model.gz"
    file.write_bytes(gzip.compress(b"\t-1\nbad\t2\n"))
    assert read_model(file) == TextModel(-1.0, {"bad": 2.0})
    judge = Words(compiled(SMALL), {name: Head(0.0, {TEXT: 1.0}) for name in HEADS}, {TEXT: model})
    assert judge.score("bad").anger == pytest.approx(probability(softened(model.log_odds("bad"))))
    both = Words(compiled(SMALL), {name: Head(0.0, {TEXT: 1.0, TELEPHONE: 0.5}) for name in HEADS}, {TEXT: model, TELEPHONE: model})
    assert both.score("bad").anger == pytest.approx(probability(1.5 * softened(model.log_odds("bad"))))


def test_pieces_are_words_pairs_and_runs_of_letters() -> None:
    words, letters = pieces("Go on")
    assert words == {"go", "on", "go on"}
    assert {"~_g", "~_go", "~_go_", "~on_"} <= letters
    assert plain_words("Don't,  stop", spaced=True) == " dont stop "
    assert plain_words("太 离谱，了", spaced=False) == "太离谱了"


def test_a_chinese_character_is_a_word() -> None:
    words, runs = pieces("退钱啊 ok")
    assert words == {"退", "钱", "啊", "ok", "退 钱", "钱 啊", "啊 ok"}
    assert "~退钱啊" in runs
    assert not any("退" in run and len(run) < 4 for run in runs)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_wordings_that_no_phrase_of_the_lexicon_knows_are_told_apart_too(language: str) -> None:
    judge = Words.load(language)
    pairs = {"en": ("what a bunch of clueless people", "could you mail me a new form"), "zh": ("你们也太不把人当人了", "麻烦给我寄一张新表格")}
    angry, calm = pairs[language]
    assert judge.score(angry).anger > 2 * judge.score(calm).anger


def test_the_text_model_is_never_too_sure() -> None:
    assert softened(0.2) == pytest.approx(0.2, abs=0.01)
    assert 2.9 < softened(50) <= 3
    assert LEXICONS.is_dir()
