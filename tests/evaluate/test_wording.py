"""Error rates count the fewest edits, in words or characters, and say how sure they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.evaluate.wording import Edits, characters, edits, interval, words

TEXTS = st.lists(st.sampled_from("abc"), max_size=8)


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [
        ("how do i pay", "how do i pay", Edits(0, 0, 0, 4)),
        ("how do i pay", "how i pay", Edits(0, 1, 0, 4)),
        ("how do i pay", "how do i pay it", Edits(0, 0, 1, 4)),
        ("how do i pay", "how to i pay", Edits(1, 0, 0, 4)),
        ("how do i pay", "", Edits(0, 4, 0, 4)),
        ("", "thank you", Edits(0, 0, 2, 0)),
        ("", "", Edits(0, 0, 0, 0)),
    ],
)
def test_the_kinds_of_error(said: str, heard: str, expected: Edits) -> None:
    assert edits(words(said), words(heard)) == expected


def test_capitals_and_punctuation_are_no_errors() -> None:
    assert edits(words("How do I reset my PIN?"), words("how do i reset my pin")).count == 0
    assert edits(characters("It's late."), characters("its late")).count == 1


def test_mandarin_is_counted_by_character() -> None:
    assert words("我想查话费。") == list("我想查话费")
    assert words("我的 5G 套餐") == ["我", "的", "5g", "套", "餐"]
    assert edits(words("我想查话费"), words("我想查画费")).rate == pytest.approx(0.2)


@given(TEXTS, TEXTS)
def test_edits_are_the_fewest_whichever_way_round(said: list[str], heard: list[str]) -> None:
    there, back = edits(said, heard), edits(heard, said)
    assert there.count == back.count == _levenshtein(said, heard)
    assert (there.deleted, there.inserted) == (back.inserted, back.deleted)
    assert there.deleted - there.inserted == len(said) - len(heard)


@given(TEXTS, TEXTS, TEXTS)
def test_a_way_round_is_never_shorter(one: list[str], two: list[str], three: list[str]) -> None:
    assert edits(one, three).count <= edits(one, two).count + edits(two, three).count


def _levenshtein(said: list[str], heard: list[str]) -> int:
    """The definition, slow and plain."""
    if not said or not heard:
        return len(said) + len(heard)
    if said[0] == heard[0]:
        return _levenshtein(said[1:], heard[1:])
    return 1 + min(_levenshtein(said[1:], heard), _levenshtein(said, heard[1:]), _levenshtein(said[1:], heard[1:]))


def test_sums_and_rates() -> None:
    total = sum([Edits(1, 0, 0, 4), Edits(0, 2, 3, 6)], Edits())
    assert total == Edits(1, 2, 3, 10)
    assert total.rate == pytest.approx(0.6)
    assert Edits().rate == 0


def test_an_interval_holds_the_rate_narrows_with_more_and_follows_its_seed() -> None:
    some = [Edits(n % 3, 0, 0, 5) for n in range(12)]
    low, high = interval(some, 1)
    assert low < sum(some, Edits()).rate < high
    assert interval(some, 1) == (low, high) != interval(some, 2)
    narrow = interval(some * 20, 1)
    assert narrow[1] - narrow[0] < (high - low) / 2
    assert interval([], 1) == interval([Edits()], 1) == (0.0, 0.0)
