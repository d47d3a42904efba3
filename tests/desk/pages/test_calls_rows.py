"""A page of the call log as markup: what stands in it, in both languages, and that no text of a record becomes markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.markup import Markup
from voicebot.desk.pages.calls_rows import COLUMNS, rows
from voicebot.desk.wording import LANGUAGES, saying
from voicebot.store.search import Found
from voicebot.store.search_tables import place

FOUND = Found(
    place(datetime(2026, 3, 14, 9, 0, tzinfo=UTC)), "c1", "+441632960123", "en", "handed_over", "is upset", "support", "6001", 0.71, 187_000, 9_000
)
NONE = replace(FOUND, ani="", reason="", agent="", anger=None, wait_ms=None, outcome="contained")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_call_is_told_in_the_words_of_the_language(language: str) -> None:
    say = saying(language)
    found = Markup(rows([FOUND], language))
    assert found.texts[: len(COLUMNS)] == [say(f"calls.{name}") for name in COLUMNS]
    reason = {"en": "Is upset", "zh": "情绪激动"}[language]
    assert found.texts[len(COLUMNS) + 1 :] == ["+441632960123", say("outcome.handed_over"), reason, "6001", "71", "0:09", "3:07", "EN"]
    assert found.attributes("a") == [{"href": "/calls/c1"}]


def test_what_is_not_known_is_a_dash_and_no_number_is_said_so() -> None:
    assert Markup(rows([NONE], "en")).texts[len(COLUMNS) + 1 :] == [
        saying("en")("pop.withheld"),
        "Served by the bot",
        "–",
        "–",
        "–",
        "–",
        "3:07",
        "EN",
    ]


@pytest.mark.parametrize(("anger", "level"), [(0.1, "calm"), (0.4, "tense"), (0.9, "angry"), (None, "unknown")])
def test_anger_has_its_colour(anger: float | None, level: str) -> None:
    classes = [each.get("class") for each in Markup(rows([replace(FOUND, anger=anger)], "en")).attributes("div")]
    assert f"anger-badge {level}" in classes


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_of_a_record_becomes_markup(ani: str, reason: str) -> None:
    found = Markup(rows([replace(FOUND, ani=ani, reason=reason, call_id=reason)], "en"))
    assert found.tags == {"div", "a"}
    assert found.attributes("a") == [{"href": f"/calls/{reason}"}]
    if ani:
        assert ani in found.texts
