"""What a change of the knowledge base does to promised questions and to callers' questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.kit.deskkit import BEGUN
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.knowledge import Knowledge
from voicebot.dialogue.matching import ACCEPT, Match, Matcher
from voicebot.learning.asked import Asked
from voicebot.learning.effect import Change, Effect, Nothing, Share, answered_by, effect, finder, shares

HOURS = Entry("hours", "en", "opening hours", (), None, ("when are you open",), "Nine to five.", "Nine.", tests=("closing time",))
BILL = Entry("bill", "en", "a bill", (), None, ("how do i pay",), "In the app.", "App.")
ZH = replace(HOURS, language="zh", tests=())


class Owners:
    """Answers each question with the last entry that names it among its tags, or else by its own questions."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.owners = {text: entry.id for entry in entries for text in (*entry.questions, *entry.tests)}
        self.owners |= {text: entry.id for entry in entries for text in entry.tags}

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        return (Match(self.owners[text], 0.9),)[:top] if text in self.owners else (Match("hours", ACCEPT - 0.01),)


def of(*entries: Entry) -> Knowledge:
    return Knowledge(entries, "v")


def changed(entry: Entry, *asked: str) -> Effect:
    return effect(of(HOURS, BILL), of(HOURS, entry), "en", Owners, asked)


def test_no_change_has_no_effect() -> None:
    assert changed(BILL, "how do i pay", "x") == Effect()


def test_a_promise_of_another_entry_that_breaks_is_named_with_what_is_found_now() -> None:
    assert changed(replace(BILL, tags=("closing time",))).broken == (Change("closing time", "hours", "bill", "hours"),)


def test_a_question_that_was_learnt_is_a_promise_too() -> None:
    assert changed(replace(BILL, tags=("when are you open",))).broken == (Change("when are you open", "hours", "bill", "hours"),)


def test_a_new_promise_must_be_kept() -> None:
    greedy = replace(HOURS, tags=("by card",))
    broken = effect(of(HOURS, BILL), of(replace(BILL, tests=("by card",)), greedy), "en", Owners, ()).broken
    assert broken == (Change("by card", "", "hours", "bill"),)


def test_a_promise_that_was_broken_before_stops_nothing_and_may_be_mended() -> None:
    greedy = replace(BILL, tags=("closing time",))
    assert effect(of(HOURS, greedy), of(HOURS, replace(greedy, title="b")), "en", Owners, ()) == Effect()
    assert effect(of(HOURS, greedy), of(HOURS, BILL), "en", Owners, ()).mended == (Change("closing time", "bill", "hours", "hours"),)


def test_a_promise_that_was_taken_back_is_none() -> None:
    assert effect(of(HOURS, BILL), of(BILL), "en", Owners, ()) == Effect()


def test_callers_questions_are_gained_changed_and_lost_each_once() -> None:
    before, after = of(HOURS, replace(BILL, tags=("pay", "lost"))), of(replace(HOURS, tags=("pay",)), replace(BILL, tags=("new",)))
    assert effect(before, after, "en", Owners, ("new", "pay", "lost", "new", "x")) == Effect(
        gained=(Change("new", "", "bill"),), changed=(Change("pay", "bill", "hours"),), lost=(Change("lost", "bill", ""),)
    )


def test_another_language_is_left_alone() -> None:
    assert effect(of(HOURS, ZH), of(HOURS), "zh", Owners, ("when are you open",)).lost == (Change("when are you open", "hours", ""),)
    assert effect(of(HOURS, ZH), of(HOURS), "en", Owners, ("when are you open",)) == Effect()


def test_a_language_without_entries_finds_nothing() -> None:
    assert answered_by(finder(of(HOURS), "zh", Owners), "when are you open") == ""
    assert Nothing().match("x") == ()


@pytest.mark.parametrize(("before", "after"), [((), ()), ((True, False), (True, True, True)), ((False,), ())])
def test_the_share_answered_is_counted_before_and_after(before: tuple[bool, ...], after: tuple[bool, ...]) -> None:
    asked = [
        Asked("c", BEGUN + timedelta(minutes=minutes), "en", "how do i pay", "bill" if answered else "")
        for minutes, side in ((-1, before), (0, after))
        for answered in side
    ]
    other = [Asked("c", BEGUN, "en", "when are you open", "hours"), Asked("c", BEGUN, "zh", "how do i pay", "bill")]
    found = shares([*other, *asked], "bill", "en", Owners([HOURS, BILL]), BEGUN)
    assert found == (Share(sum(before), len(before)), Share(sum(after), len(after)))


def test_the_real_matcher_gains_a_question_in_other_words() -> None:
    wifi = Entry("wifi", "en", "calls over wifi", (), None, ("can i make calls over wifi", "wifi calling", "call on wifi"), "Yes, on wifi.", "Yes.")
    found = effect(of(HOURS, BILL), of(HOURS, BILL, wifi), "en", Matcher.build, ("is it possible to call over my wifi",))
    assert found.gained == (Change("is it possible to call over my wifi", "", "wifi"),)
    assert found.broken == ()
