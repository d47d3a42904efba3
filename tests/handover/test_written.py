"""The written briefing: one sentence of need, what was tried, what to say first; every reason and both languages, without inventing anything."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.deskkit import ANI, BEGUN, COMPLAINT, QUEUED, WITH_BOT, lines
from voicebot.dialogue.decisions import Why
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.handover import written as module
from voicebot.handover.story import Felt, Said, Story, told
from voicebot.handover.written import ANGRY, TENSE, Written, level, table, written

BILL = Entry(
    "bill-higher", "en", "a higher bill", (), None, ("q",), "Look it up.", "Compare it.", calm="I understand. Compare it.", ask=("since when",)
)
KNOWN = Knowledge((BILL,), "v1")
BARE = Story("c1", BEGUN, BEGUN)


def of() -> Written:
    story = told(lines(*WITH_BOT, *QUEUED))
    assert story
    return written(story, KNOWN, "en")


def test_the_need_is_the_topic_and_what_says_most_not_what_was_said_last() -> None:
    assert of().need == f"About “a higher bill”. Said: “{COMPLAINT}”"


def test_what_was_tried_stands_with_its_counts() -> None:
    assert of().tried == ("Answered: a higher bill", "Asked back or not understood: 1×", "Caller spoke over the answer: 1×")


def test_offers_stand_with_their_answer_and_a_better_need_says_who_worded_it() -> None:
    story = Story("c1", BEGUN, BEGUN, offers=(("bill-higher", True), ("bill-higher", False), ("gone", True)), better_need="Wants a refund.")
    brief = written(story, KNOWN, "en")
    assert brief.tried == ("Offer accepted: a higher bill", "Offer declined: a higher bill")
    assert (brief.need, brief.machine) == ("Wants a refund.", True)
    assert not of().machine


def test_who_called_for_a_person_by_anger_is_angry_whatever_the_score() -> None:
    assert level(Felt(1, 0.1, escalate=True)) == "angry"


def test_the_entry_says_what_to_ask_before_the_question_that_is_always_asked() -> None:
    assert of().ask == ("since when", "Who is calling, and what is the customer number?")


def test_the_opening_names_the_topic_and_a_suggestion_is_an_approved_answer() -> None:
    brief = of()
    assert "a higher bill" in brief.opening
    assert brief.suggest == (brief.opening, "I understand. Compare it.")


def test_number_hotline_language_and_queue_are_facts() -> None:
    assert of().facts == (("Number", ANI), ("Hotline", "100"), ("Language", "English"), ("Queue", "support"))
    assert "Queue" not in dict(written(BARE, KNOWN, "en").facts)


def test_of_a_call_of_which_nothing_is_known_nothing_is_claimed() -> None:
    brief = written(BARE, KNOWN, "en")
    assert brief.headline == "Was passed on by the bot"
    assert brief.need == "Nothing was understood of what the caller wants."
    assert (brief.level, brief.tried) == ("unknown", ("Nothing yet",))
    assert ("Number", "withheld") in brief.facts


def test_an_entry_that_is_gone_is_left_out() -> None:
    story = told(lines(*WITH_BOT))
    assert story
    assert written(story, Knowledge((), "v2"), "en").need == f"Said: “{COMPLAINT}”"


def test_the_caller_is_met_in_his_language_and_the_agent_in_theirs() -> None:
    story = Story("c1", BEGUN, BEGUN, language="zh", reason=Why.PERSON.value)
    assert written(story, KNOWN, "en").opening == table("zh")["opening"]["calm_no_topic"]
    assert written(story, KNOWN, "en").headline == "Asked for a person"
    assert written(BARE, KNOWN, "zh").opening == table("en")["opening"]["calm_no_topic"]
    assert written(story, KNOWN, "zh").headline == "要求人工"


@pytest.mark.parametrize(
    ("score", "named"),
    [(None, "unknown"), (0, "calm"), (TENSE - 0.01, "calm"), (TENSE, "tense"), (ANGRY - 0.01, "tense"), (ANGRY, "angry"), (1, "angry")],
)
def test_anger_has_a_word(score: float | None, named: str) -> None:
    assert level(None if score is None else Felt(1, score)) == named


def test_an_angry_caller_is_met_with_an_apology_and_one_in_danger_with_a_question() -> None:
    angry = Story("c1", BEGUN, BEGUN, felt=(Felt(1, 0.9),))
    assert written(angry, KNOWN, "en").opening == table("en")["opening"]["angry_no_topic"]
    assert written(Story("c1", BEGUN, BEGUN, reason=Why.UPSET.value), KNOWN, "en").opening == table("en")["opening"]["angry_no_topic"]
    for why in (Why.EMERGENCY, Why.SELF_HARM):
        assert written(Story("c1", BEGUN, BEGUN, reason=why.value), KNOWN, "en").opening == table("en")["opening"]["danger"]


FELT = (Felt(1, 0.7, ("interrupts",)), Felt(2, 0.9, ("said 'ridiculous'", "louder than expected: +6 dB", "interrupts"), escalate=True), Felt(3, 0.8))


@pytest.mark.parametrize(
    ("language", "kind", "headline"),
    [
        ("en", "", "Is upset: said 'ridiculous', louder than expected"),
        ("en", "complaint", "Is upset and has a complaint: said 'ridiculous', louder than expected"),
        ("zh", "", "情绪激动：说“ridiculous”，比预期大声"),
    ],
)
def test_the_reason_of_the_upset_names_what_showed_it_last(language: str, kind: str, headline: str) -> None:
    story = Story("c1", BEGUN, BEGUN, felt=FELT, kind=kind, reason=Why.UPSET.value)
    assert written(story, KNOWN, language).headline == headline


def test_of_other_reasons_and_of_scores_that_were_blanked_no_evidence_is_named() -> None:
    assert written(Story("c1", BEGUN, BEGUN, felt=FELT, reason=Why.PERSON.value), KNOWN, "en").headline == "Asked for a person"
    assert written(Story("c1", BEGUN, BEGUN, felt=(Felt(1, 0.9),), reason=Why.UPSET.value), KNOWN, "en").headline == "Is upset"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("why", Why)
def test_every_reason_has_a_headline_and_a_next_step(why: Why, language: str) -> None:
    brief = written(Story("c1", BEGUN, BEGUN, reason=why.value), KNOWN, language)
    other = written(BARE, KNOWN, language)
    assert brief.headline != other.headline
    assert brief.next_step


def test_both_tables_have_the_same_keys_and_gaps() -> None:
    folder = Path(module.__file__).parent / "words"
    tables = [_flat(tomllib.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.toml"))]
    assert len(tables) == 2
    assert tables[0].keys() == tables[1].keys()
    for key, text in tables[0].items():
        assert [gap for gap in ("{topic}", "{words}", "{count}") if gap in text] == [
            gap for gap in ("{topic}", "{words}", "{count}") if gap in tables[1][key]
        ]


def _flat(found: dict[str, object], before: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in found.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": str(value)}
    return flat


@pytest.mark.parametrize("language", ["../en", "xx", "", "en/../zh"])
def test_a_language_without_a_table_is_briefed_in_english(language: str) -> None:
    assert table(language) == table("en")


@given(st.lists(st.text(min_size=1, max_size=400), max_size=6), st.text(max_size=20))
def test_any_words_fit_into_the_need_and_fill_no_gap(texts: list[str], reason: str) -> None:
    story = Story("c1", BEGUN, BEGUN, reason=reason, said=tuple(Said("caller", text, at) for at, text in enumerate(texts)))
    brief = written(story, KNOWN, "en")
    assert len(brief.need) <= 200
    assert "asked for" not in brief.need or any("asked for" in text for text in texts)
