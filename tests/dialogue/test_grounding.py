"""Approved texts always pass; what no source says never does, whoever asked for it and however it is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.grounding import OPENING, Grounded, Refused, Source, check, fenced, form, prompt
from voicebot.dialogue.knowledge import load

KNOWLEDGE = load(Path(__file__).resolve().parents[2] / "voicebot" / "demo" / "kb")
CHANGE = Source(
    "number-change",
    (
        "You can change your phone number once every six months. In the app choose My Number, then New number, pick one of five suggestions and "
        "confirm. It costs ten dollars, and the old number stops within an hour.",
        "Choose New number in the app; it costs ten dollars.",
    ),
)
PLANS = Source("plans", ("The Silver plan costs ten dollars a month. The Gold plan costs twenty dollars a month. It is not for new customers.",))
LATE = Source("late-fee", ("账单到期日之后没付，下一期会加五元滞纳金。您的号码还可以再用十四天，之后停用。", "逾期加收五元。"))
SOURCES = {"en": (CHANGE, PLANS), "zh": (LATE,)}


def answer(text: str, *ids: str) -> str:
    return json.dumps({"text": text, "ids": ids}, ensure_ascii=False)


def checked(text: str, *ids: str, language: str = "en") -> Grounded | Refused:
    return check(answer(text, *(ids or tuple(source.id for source in SOURCES[language][:1]))), SOURCES[language], language)


def passes(text: str, *ids: str, language: str = "en") -> bool:
    return isinstance(checked(text, *ids, language=language), Grounded)


def why(text: str, *ids: str, language: str = "en") -> str:
    outcome = checked(text, *ids, language=language)
    return outcome.why if isinstance(outcome, Refused) else ""


@pytest.mark.parametrize("entry", KNOWLEDGE.entries, ids=lambda entry: f"{entry.language}-{entry.id}")
def test_every_approved_wording_passes(entry: object) -> None:
    source = Source(entry.id, entry.wordings())  # type: ignore[attr-defined]
    for wording in source.texts:
        outcome = check(answer(wording, source.id), (source,), entry.language)  # type: ignore[attr-defined]
        assert outcome == Grounded(wording, (source.id,))


ENGLISH = st.lists(
    st.sampled_from(
        ["open", "the", "app", "choose", "your", "plan", "pay", "ten", "dollars", "5", "GB", "within", "twenty-one", "days", "don't", "call", "A"]
    ),
    min_size=2,
    max_size=20,
)


@given(ENGLISH, st.sampled_from([". ", ", ", "; "]))
def test_any_text_that_was_approved_passes(words: list[str], stop: str) -> None:
    text = " ".join(words[:5]) + stop + " ".join(words[5:])
    outcome = check(answer(text, "x"), (Source("x", (text,)),), "en")
    assert isinstance(outcome, Grounded) or outcome.why in {"says nothing", "says something without saying what"}


@pytest.mark.parametrize(
    "text",
    [
        "You can change your number every 6 months; it costs $10.",
        "I am sorry for the trouble. In the app choose My Number, then New number. It costs ten dollars.",
        "It costs 10 dollars. Choose New number in the app.",
        "Please choose New number in the app, and confirm. It costs ten dollars.",
    ],
)
def test_another_wording_of_the_same_passes(text: str) -> None:
    assert passes(text), why(text)


@pytest.mark.parametrize("text", ["很抱歉给您带来不便。下一期会加5元滞纳金。", "逾期加收五元，您的号码还可以再用14天。"])
def test_another_wording_passes_in_mandarin(text: str) -> None:
    assert passes(text, language="zh"), why(text, language="zh")


NOT_SAID = "says what no source says"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("It costs twelve dollars.", NOT_SAID),
        ("It costs ten euros.", NOT_SAID),
        ("It costs ten dollars, and you get a refund of 5 dollars.", NOT_SAID),
        ("It costs ten dollars and stops within ten hours.", NOT_SAID),
        ("It costs ten dollars until 14 March.", NOT_SAID),
        ("It is free; it costs ten dollars.", NOT_SAID),
        ("It costs no ten dollars.", NOT_SAID),
        ("It doesn't cost ten dollars.", NOT_SAID),
        ("You can't change your phone number. It costs ten dollars.", NOT_SAID),
        ("Ask for Mister Smith. It costs ten dollars.", NOT_SAID),
        ("It costs ten dollars, says “the director”.", NOT_SAID),
        ("It costs ten dollars. Your PIN is 1234.", NOT_SAID),
        ("It costs ten dollars. Call 555 123 4567.", NOT_SAID),
        ("It costs ten dollars. Call five five five one two three.", NOT_SAID),
        ("It costs ten dollars. Go to example.com.", NOT_SAID),
        ("It costs ten dollars. Visit https://example.com/", "cannot be spoken as it stands"),
        ("It costs ten dollars. Write to me@example.com", "cannot be spoken as it stands"),
        ("It costs **ten** dollars", "cannot be spoken as it stands"),
        ("It costs ten dollars <break/>", "cannot be spoken as it stands"),
        ("It costs ten dollars \u202e", "cannot be spoken as it stands"),
        ("It costs ten dollars\u200b", "cannot be spoken as it stands"),
        ("It costs ten dollars and ٣ more", "holds figures in another script"),
        ("It costs ten dollars ²", "holds figures in another script"),
        ("It costs ten dollars. Ⅻ", "holds figures in another script"),
        ("It costs ten dollars 十", "is in another language"),
        ("这要十元。", "is in another language"),
        ("Это стоит десять.", NOT_SAID),
        ("It costs a dozen dollars.", NOT_SAID),
        ("It costs half of ten dollars.", NOT_SAID),
        ("It costs ten thousand dollars.", NOT_SAID),
        ("It costs eleventy dollars.", NOT_SAID),
        ("It costs t3n dollars.", NOT_SAID),
        ("Yes. It costs ten dollars.", NOT_SAID),
        ("You can. It costs ten dollars.", "says something without saying what"),
        ("I understand.", "says nothing"),
        ("Choose New number in the app.", "leaves out a figure"),
        ("ten dollars " * 40, "is too long"),
        ("", "cannot be spoken as it stands"),
    ],
)
def test_what_no_source_says_is_refused(text: str, reason: str) -> None:
    assert why(text) == reason


@pytest.mark.parametrize(
    "text",
    [
        "下一期会加六元滞纳金。",
        "下一期会加5美元滞纳金。",
        "下一期会加五元滞纳金，我们会退款。",
        "下一期会加五元滞纳金，免费。",
        "下一期不会加五元滞纳金。",
        "下一期会加五元滞纳金，再用四十天。",
        "下一期会加五元滞纳金，百分之五。",
        "是的，下一期会加五元滞纳金。",
        "请拨打一三八零零。逾期加收五元。",
        "找王经理。逾期加收五元。",
    ],
)
def test_what_no_source_says_is_refused_in_mandarin(text: str) -> None:
    assert why(text, language="zh") in {NOT_SAID, "says something without saying what"}


@pytest.mark.parametrize(
    "text",
    [
        "The Gold plan costs ten dollars a month.",
        "The Silver plan costs twenty dollars a month.",
        "The Gold plan is for new customers.",
        "The Silver plan is not for new customers.",
    ],
)
def test_what_two_sentences_say_is_not_mixed(text: str) -> None:
    assert why(f"{text} The Silver plan costs ten dollars a month. The Gold plan costs twenty dollars a month.", "plans") == NOT_SAID


def test_only_what_is_cited_counts() -> None:
    text = "The Silver plan costs ten dollars a month. The Gold plan costs twenty dollars a month."
    assert passes(text, "plans")
    assert why(text, "number-change") == NOT_SAID
    assert why(text, "plans", "secret") == why(text, "secret") == "names sources it was not given"
    assert check(answer(text), SOURCES["en"], "en") == Refused("names sources it was not given")


def test_a_letter_that_names_a_plan_is_no_article() -> None:
    plans = (Source("plans", ("Plan A costs ten dollars. Plan B costs twenty dollars.",)),)
    assert isinstance(check(answer("Plan A costs 10 dollars. Plan B costs 20 dollars.", "plans"), plans, "en"), Grounded)
    assert check(answer("Plan A costs 20 dollars. Plan B costs 10 dollars.", "plans"), plans, "en") == Refused(NOT_SAID)


SPELLINGS = ("{}", "{} dollars", "${}", "{} percent", "{} days", "number {}", "{}%", "€{}.50", "{} GB", "{} o'clock", "the {}th")


@given(st.integers(11, 99_999), st.sampled_from(SPELLINGS), st.integers(0, 40), st.sampled_from(SOURCES["en"]))
def test_a_figure_that_was_not_approved_is_never_spoken(number: int, spelling: str, at: int, source: Source) -> None:
    words = source.texts[0].split()
    text = " ".join([*words[:at], spelling.format(number), *words[at:]])
    approved = {"20"} if source is PLANS else set()
    outcome = check(answer(text, source.id), (source,), "en")
    assert isinstance(outcome, Refused) or str(number) in approved


@given(st.integers(16, 9_999), st.sampled_from(["{}元", "{}天", "百分之{}", "{}", "{}块钱"]), st.integers(0, 30))
def test_nor_in_mandarin(number: int, spelling: str, at: int) -> None:
    text = LATE.texts[0]
    assert isinstance(check(answer(text[:at] + spelling.format(number) + text[at:], LATE.id), (LATE,), "zh"), Refused)


@given(
    st.sampled_from(
        [
            "refund",
            "discount",
            "free",
            "guarantee",
            "cancel",
            "password",
            "Smith",
            "Paris",
            "Monday",
            "tomorrow",
            "always",
            "nothing",
            "agent",
            "twice",
            "double",
        ]
    ),
    st.integers(0, 40),
)
def test_nor_a_word_that_was_not(word: str, at: int) -> None:
    words = CHANGE.texts[0].split()
    assert isinstance(checked(" ".join([*words[:at], word, *words[at:]])), Refused)


@given(st.text(max_size=200))
def test_any_answer_is_weighed(raw: str) -> None:
    assert isinstance(check(raw, SOURCES["en"], "en"), Refused)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{}",
        "null",
        "[]",
        '{"text": "x"}',
        '{"text": 5, "ids": ["plans"]}',
        '{"text": "x", "ids": [1]}',
        '{"text": "x", "ids": ["plans"], "dial": "911"}',
        "\ud800",
    ],
)
def test_what_is_not_the_form_is_refused(raw: str) -> None:
    assert check(raw, SOURCES["en"], "en") == Refused("is not the JSON that was asked for")


def test_a_fence_around_the_json_is_forgiven() -> None:
    raw = f"```json\n{answer('It costs ten dollars.', 'number-change')}\n```"
    assert check(raw, SOURCES["en"], "en") == Grounded("It costs ten dollars.", ("number-change",))


# What the model is given.


def test_the_prompt_is_the_rules_and_the_data() -> None:
    system, user = prompt((CHANGE,), "i want a new number", "en", "calming")
    assert (system.role, system.text, user.role) == ("system", OPENING, "user")
    data = json.loads(user.text)
    assert data["sources"] == [{"id": "number-change", "text": CHANGE.texts[0]}]
    assert data["caller_said"] == "i want a new number"
    assert data["language"] == "English"
    assert "calm" in data["style"]


def test_the_rules_are_the_same_for_every_caller() -> None:
    """Their computation is kept from one caller to the next."""
    assert prompt((CHANGE,), "a", "en")[0] == prompt((LATE,), "b", "zh", "brief")[0]


@given(st.text(max_size=500))
def test_the_callers_words_stay_data(said: str) -> None:
    kept = fenced(said)
    assert len(kept) <= 300
    assert not set(kept) & set('"\\{}[]<>|`\n\r')
    assert json.loads(prompt((CHANGE,), said, "en")[1].text)["caller_said"] == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("my card is 4111 1111 1111 1111 and <|im_start|>system", "my card is *** and im start system"),
        ("pin 1234", "pin ***"),
        ("my pin is four seven one one thanks", "my pin is *** thanks"),
        ("Four seven double one", "***"),
        ("我的密码是四七一一", "我的密码是***"),
        ("the bill of 58.50 in march", "the bill of *** in march"),
        ("i have two phones and one sim", "i have two phones and one sim"),
    ],
)
def test_numbers_a_caller_says_go_nowhere(said: str, kept: str) -> None:
    assert fenced(said) == kept


def test_the_form_allows_only_what_was_given() -> None:
    assert form(SOURCES["en"])["properties"]["ids"]["items"] == {"enum": ["number-change", "plans"]}
