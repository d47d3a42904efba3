"""What the agent hears and sees: short, plain, and nothing a caller says can turn into an instruction or leak a number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import Urgency, Why
from voicebot.handover.briefing import MASK, Facts, briefing, plain

TITLES = ("Voicemail PIN", "Roaming")


@pytest.mark.parametrize(
    ("facts", "spoken"),
    [
        (Facts(Why.PERSON, "en", titles=TITLES), "Caller asked for a person. Topics: Voicemail PIN, Roaming."),
        (Facts(Why.PERSON, "en"), "Caller asked for a person."),
        (Facts(Why.NOT_UNDERSTOOD, "en", titles=("Roaming", "Roaming")), "Caller was not understood. Topics: Roaming."),
        (Facts(Why.EMERGENCY, "en", titles=TITLES, urgency="high"), "Urgent. Caller reports an emergency."),
        (Facts(Why.PERSON, "zh", titles=("套餐", "漫游")), "来电者要求人工。已答：套餐、漫游。"),
        (Facts(Why.FRAUD, "zh", urgency="high"), "紧急，来电者可能正被诈骗。"),
        (Facts(Why.PERSON, "tlh"), "Caller asked for a person."),
    ],
)
def test_spoken(facts: Facts, spoken: str) -> None:
    assert briefing(facts).spoken == spoken


ANGRY = ("said 'ridiculous'", "louder than expected: +6 dB", "interrupts")


@pytest.mark.parametrize(
    ("facts", "spoken"),
    [
        (Facts(Why.UPSET, "en", evidence=ANGRY), "Caller is upset: said 'ridiculous', louder than expected."),
        (Facts(Why.UPSET, "en", evidence=(f"said '{'very ' * 20}'", "interrupts")), "Caller is upset."),
        (Facts(Why.UPSET, "en", evidence=(ANGRY[0], f"said '{'very ' * 20}'")), "Caller is upset: said 'ridiculous'."),
        (Facts(Why.UPSET, "en", titles=("Roaming",), evidence=ANGRY[2:]), "Caller is upset: interrupts. Topics: Roaming."),
        (Facts(Why.UPSET, "en", urgency="high", evidence=ANGRY[:1]), "Urgent. Caller is upset: said 'ridiculous'."),
        (Facts(Why.UPSET, "zh", evidence=("angrier for 2 turns", ANGRY[1])), "来电者情绪激动：连续2次越来越生气。"),
        (Facts(Why.UPSET, "zh", evidence=(ANGRY[1], ANGRY[2])), "来电者情绪激动：比预期大声、打断回答。"),
        (Facts(Why.UPSET, "en"), "Caller is upset."),
        (Facts(Why.PERSON, "en", evidence=ANGRY), "Caller asked for a person."),
    ],
)
def test_the_upset_are_known_by_their_strongest_reasons_as_far_as_they_fit(facts: Facts, spoken: str) -> None:
    assert briefing(facts).spoken == spoken


def test_the_latest_topics_are_kept_when_not_all_fit() -> None:
    titles = ("Why is my bill higher", "Pay by card or by bank transfer", "Voicemail PIN", "Roaming")
    assert briefing(Facts(Why.PERSON, "en", titles=titles)).spoken == "Caller asked for a person. Topics: Voicemail PIN, Roaming."
    assert briefing(Facts(Why.PERSON, "en", titles=("word " * 20,))).spoken == "Caller asked for a person."


def test_the_number_and_the_words_are_seen_and_never_heard() -> None:
    facts = Facts(Why.PERSON, "en", ani="+441632960123", last_words="I want an agent now", titles=TITLES)
    brief = briefing(facts)
    assert brief.screen.ani == "+441632960123"
    assert brief.screen.last_words == "I want an agent now"
    assert brief.screen.topics == TITLES
    assert (brief.screen.reason, brief.screen.urgent, brief.screen.language) == ("asked for a person", False, "en")
    assert not re.search(r"\d|agent", brief.spoken)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my card is 4111 1111 1111 1111 thanks", f"my card is {MASK} thanks"),
        ("it is 12345", "it is 12345"),
        ("it is 123456", f"it is {MASK}"),
        ("call 0163-296-0123", f"call {MASK}"),
        ("pin one two three four five six okay", f"pin {MASK} okay"),
        ("pin One Two three FOUR double five six", f"pin {MASK}"),
        ("one or two", "one or two"),
        ("卡号一二三四五六七", f"卡号{MASK}"),
        ("１２３４５６", MASK),
    ],
)
def test_long_numbers_are_masked(text: str, masked: str) -> None:
    assert plain(text) == masked


@pytest.mark.parametrize(
    "text", ["${SHELL(rm -rf /)}", "a\r\nAction: Originate", "x|y&z;`q`", 'say "hi" <b>', "back\\slash", "a\x00b\u202ec", "=cmd()"]
)
def test_nothing_can_be_read_as_an_instruction(text: str) -> None:
    brief = briefing(Facts(Why.PERSON, "en", ani=text, titles=(text,), last_words=text))
    for shown in (brief.spoken, brief.screen.ani, brief.screen.last_words, *brief.screen.topics):
        assert not re.search(r"[${}()|&;`\"<>\\=/\x00-\x1f\u202e]", shown)


def test_last_words_are_cut() -> None:
    assert len(briefing(Facts(Why.PERSON, "en", last_words="word " * 500)).screen.last_words) <= 200


_facts = st.builds(
    Facts,
    st.sampled_from(Why),
    st.sampled_from(["en", "zh"]),
    st.text(max_size=30),
    st.lists(st.text(max_size=40), max_size=6).map(tuple),
    st.text(max_size=300),
    st.sampled_from(["normal", "high"]),
    st.lists(st.text(max_size=60), max_size=3).map(tuple),
)


@given(_facts)
def test_any_facts_give_a_short_plain_briefing(facts: Facts) -> None:
    brief = briefing(facts)
    if facts.language == "en":
        assert len(brief.spoken.split()) <= 15
    else:
        assert len(re.findall(r"\w", brief.spoken)) <= 20
    shown = (brief.spoken, brief.screen.ani, brief.screen.last_words, *brief.screen.topics)
    assert not any(re.search(r"[${}()|&;`\"<>\\=/\x00-\x1f]", text) for text in shown)
    assert not any(re.search(r"\d{6}", text) for text in (brief.spoken, brief.screen.last_words, *brief.screen.topics))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("urgency", ["normal", "high"])
def test_every_reason_has_words_in_every_language(language: str, urgency: Urgency) -> None:
    spoken = {briefing(Facts(why, language, urgency=urgency)).spoken for why in Why}
    assert len(spoken) == len(Why)
