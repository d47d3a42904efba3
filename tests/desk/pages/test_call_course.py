"""The course of a call as markup: each moment a button at its place in the sound, and no words of a caller become markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.markup import Markup
from voicebot.desk.pages.call_course import course
from voicebot.desk.pages.call_view import Kind, Moment
from voicebot.desk.wording import LANGUAGES, saying

HEARD = Moment(61_500, "bot", "Open My Bill", "in the app.", "bill-higher")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_moment_is_a_button_with_its_time(language: str) -> None:
    say = saying(language)
    found = Markup(course([HEARD], say))
    assert found.attributes("button") == [{"class": "moment bot", "data-at": "61500"}]
    assert found.texts == ["1:01", say("call.bot"), "Open My Bill", "in the app.", "bill-higher"]
    assert {"class": "unheard", "title": say("call.unheard")} in found.attributes("span")


def test_moments_keep_their_order() -> None:
    found = Markup(course([Moment(0, "event", "a"), Moment(5_000, "caller", "b")], saying("en")))
    assert [each["data-at"] for each in found.attributes("button")] == ["0", "5000"]


@pytest.mark.parametrize("kind", ["caller", "bot", "decided", "event", "fault"])
def test_every_kind_has_words(kind: Kind) -> None:
    assert Markup(course([Moment(0, kind, "x")], saying("zh"))).texts[1]


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_no_word_becomes_markup(what: str, unheard: str, mark: str) -> None:
    found = Markup(course([Moment(0, "caller", what, unheard, mark)], saying("en")))
    assert found.tags == {"button", "span"}
    assert [each for each in (what, unheard, mark) if each] == found.texts[2:]
