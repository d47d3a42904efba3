"""A search as it stands in an address: read back whole, refused by name, and never more than a search."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.desk.pages.calls_query import LONGEST, TEXTS, QueryError, query, written
from voicebot.desk.pages.figures import calls_link
from voicebot.handover.written import ANGRY, TENSE
from voicebot.store.search import Query

MOMENT = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def test_nothing_asked_is_everything() -> None:
    assert query({}) == Query() == query(dict.fromkeys(TEXTS, "  ") | {"since": "", "other": "x"})


def test_a_link_is_read_back_as_it_was_meant() -> None:
    link = calls_link(since=written(MOMENT), until="", words="my bill & 话费", outcome="contained", anger="angry", before=77)
    asked = dict(parse_qsl(urlsplit(link).query))
    assert query(asked) == Query(since_utc=MOMENT, words="my bill & 话费", outcome="contained", anger=ANGRY, before=77)


@pytest.mark.parametrize(("level", "score"), [("tense", TENSE), ("angry", ANGRY), ("", None), ("furious", None)])
def test_anger_is_asked_for_by_its_level(level: str, score: float | None) -> None:
    assert query({"anger": level}).anger == score


@pytest.mark.parametrize(
    ("name", "text"), [("since", "yesterday"), ("until", "2026-13-01T00:00"), ("before", "-1"), ("before", "9" * 19), ("before", "²")]
)
def test_what_cannot_be_read_is_named(name: str, text: str) -> None:
    with pytest.raises(QueryError, match=f"{name}="):
        query({name: text})


@given(st.dictionaries(st.sampled_from((*TEXTS, "since", "until", "before", "anger")), st.text(max_size=300)))
def test_any_address_is_a_search_or_refused(asked: dict[str, str]) -> None:
    try:
        found = query(asked)
    except QueryError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert all(len(getattr(found, name)) <= LONGEST for name in TEXTS)


def test_an_empty_search_is_the_plain_address() -> None:
    assert calls_link(words="", topic=None) == "/calls"
