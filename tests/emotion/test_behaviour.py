"""What a caller does: a table of deeds, and what counts as saying the same again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.emotion.behaviour import LOUD_DB, MOST, WORTH, Deeds, repeats, weighed


def names(deeds: Deeds) -> list[str]:
    return [str(deed) for deed in weighed(deeds)]


def strength(deeds: Deeds) -> float:
    return sum(deed.strength for deed in weighed(deeds))


def test_who_does_nothing_gives_no_reason() -> None:
    assert weighed(Deeds()) == ()
    assert weighed(Deeds(louder_db=20)) == ()


def test_an_interruption_at_full_voice_is_shouting_over() -> None:
    assert names(Deeds(interrupted=True)) == ["interrupts"]
    assert names(Deeds(interrupted=True, louder_db=LOUD_DB)) == ["shouts over the bot"]


def test_repeats_are_counted_in_words() -> None:
    assert [names(Deeds(repeats=count)) for count in (1, 2, 3, 9)] == [
        ["says the same again"],
        ["says the same for the third time"],
        ["says the same for the fourth time"],
        ["says the same once more"],
    ]


def test_rising_needs_two_turns() -> None:
    assert weighed(Deeds(rising=1)) == ()
    assert names(Deeds(rising=2)) == ["angrier for 2 turns"]


def test_failures_count_only_beside_something_the_caller_did() -> None:
    assert weighed(Deeds(failures=3)) == ()
    assert "3 turns without an answer" in names(Deeds(failures=3, repeats=1))


@given(st.builds(Deeds, st.booleans(), st.floats(-40, 40), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)))
def test_no_deeds_are_worth_more_than_the_table_allows(deeds: Deeds) -> None:
    most = WORTH["shouts over the bot"] + sum(WORTH[name] * count for name, count in MOST.items())
    assert 0 <= strength(deeds) <= most + 1e-9
    strengths = [deed.strength for deed in weighed(deeds)]
    assert strengths == sorted(strengths, reverse=True)


@pytest.mark.parametrize(
    ("text", "earlier", "count"),
    [
        ("my internet does not work", ["my internet does not work again", "my internet does not work at all"], 2),
        ("my internet does not work", ["when are you open"], 0),
        ("yes please", ["yes please"], 0),
        ("four five two one", ["four five two one"], 1),
        ("4 5 2 1", ["4 5 2 1"], 0),
        ("我的网不能用了", ["我的网不能用", "请问几点开门"], 1),
        ("", ["my internet does not work"], 0),
    ],
)
def test_a_repetition_says_nearly_the_same(text: str, earlier: list[str], count: int) -> None:
    assert repeats(text, earlier) == count
