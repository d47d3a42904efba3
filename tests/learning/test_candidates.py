"""Questions nobody could answer, alike ones together; entries that fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.kit.deskkit import BEGUN
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.knowledge import Knowledge
from voicebot.dialogue.matching import Match
from voicebot.learning.asked import Asked
from voicebot.learning.candidates import Failing, failing, grouped, key_of, unanswered
from voicebot.learning.effect import Nothing
from voicebot.store.after import Proposal

WIFI = ("can i make calls over wifi", "calls over the wifi at home", "do you have wifi calling over wifi")
PETS = ("is there a discount for dogs", "do dogs get a discount")
KNOWN = ("how do i pay my bill", "when are you open", "can i get a copy of my bill", "is there a discount for students")
BILL = Entry("bill", "en", "a bill", (), None, ("how",), "So.", "So.")
PERSON = replace(BILL, id="person", handover=True)


class Knows:
    """Answers what holds a word."""

    def __init__(self, word: str) -> None:
        self.word = word

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        return (Match("bill", 0.9 if self.word in text else 0.1),)[:top]


def asked(text: str, minutes: int = 0, **other: object) -> Asked:
    return replace(Asked(f"c{minutes}", BEGUN + timedelta(minutes=minutes), "en", text, missed=True), **other)  # type: ignore[arg-type]


def test_alike_questions_stand_together_the_largest_group_first() -> None:
    groups = grouped([asked(text, at) for at, text in enumerate((PETS[0], *WIFI, PETS[1]))], "en", KNOWN)
    assert [{one.text for one in group.asked} for group in groups] == [set(WIFI), set(PETS)]
    assert [group.key for group in groups] == [key_of(group.asked[0]) for group in groups]


def test_nothing_asked_is_no_group() -> None:
    assert grouped([], "en", KNOWN) == []


def test_every_question_is_in_one_group() -> None:
    questions = [asked(text, at) for at, text in enumerate((*WIFI, *PETS, *WIFI, *KNOWN, "uh", "???"))]
    groups = grouped(questions, "en", KNOWN)
    assert sorted(one.call_id for group in groups for one in group.asked) == sorted(one.call_id for one in questions)


def test_mandarin_is_grouped_too() -> None:
    texts = ("家里可以用无线网络打电话吗", "无线网络能打电话吗", "带狗有优惠吗")
    groups = grouped([asked(text, at, language="zh") for at, text in enumerate(texts)], "zh", ("怎么交话费", "营业时间"))
    assert [len(group.asked) for group in groups] == [2, 1]


def test_only_what_would_still_be_missed_counts() -> None:
    questions = [asked(WIFI[0], 1), asked("my bill", 2), asked(PETS[0], 3), asked("x", 4, missed=False), asked("y", 5, language="zh")]
    assert [one.text for one in unanswered(questions, "en", Knows("bill"), {})] == [PETS[0], WIFI[0]]


def test_what_was_declined_does_not_come_back_in_other_order_or_case() -> None:
    said_again = asked("Over WIFI can I make CALLS", 9)
    assert unanswered([said_again], "en", Nothing(), {key_of(asked(WIFI[0])): BEGUN}) == []
    assert unanswered([said_again], "en", Nothing(), {key_of(asked(PETS[0])): BEGUN}) == [said_again]


def test_a_key_holds_no_words() -> None:
    assert "wifi" not in key_of(asked(WIFI[0]))


def followed(entry_id: str, led: int, kept: int) -> list[Asked]:
    """Calls answered with an entry: some go on to a person, some do not."""
    calls = []
    for at in range(led + kept):
        first = asked("q", at, entry_id=entry_id, missed=False)
        calls += [first, replace(first, text="no", entry_id="", handed=at < led)]
    return calls


@pytest.mark.parametrize(("led", "kept", "fails"), [(3, 7, True), (2, 0, False), (3, 8, False), (0, 9, False), (9, 0, True)])
def test_an_entry_fails_when_enough_callers_needed_a_person_after_it(led: int, kept: int, fails: bool) -> None:
    found = failing(followed("bill", led, kept), (), Knowledge((BILL,), "v1"), {})
    assert found == ([Failing("bill", "en", led + kept, led, 0)] if fails else [])


def test_what_always_ends_with_a_person_and_what_is_gone_fails_by_nobody() -> None:
    calls = followed("person", 9, 0) + followed("gone", 9, 0)
    assert failing(calls, (), Knowledge((BILL, PERSON), "v1"), {}) == []


def test_the_end_of_one_call_is_not_the_next_calls_person() -> None:
    calls = [asked("q", at, entry_id="bill", missed=False, handed=True) for at in range(9)]
    assert failing(calls, (), Knowledge((BILL,), "v1"), {}) == []


def test_what_an_agent_calls_wrong_fails_at_once() -> None:
    wrong = Proposal("p", "c1", "ann", BEGUN, "wrong", "en", "bill", "q", "a")
    assert failing((), (wrong,), Knowledge((BILL,), "v1"), {}) == [Failing("bill", "en", 0, 0, 1)]


@pytest.mark.parametrize(("since", "left"), [(BEGUN, 9), (BEGUN + timedelta(minutes=3), 6), (BEGUN + timedelta(hours=1), 0)])
def test_only_what_came_after_the_last_change_counts(since: datetime, left: int) -> None:
    found = failing(followed("bill", 9, 0), (), Knowledge((BILL,), "v1"), {"failing en/bill": since})
    assert sum(one.times for one in found) == left
