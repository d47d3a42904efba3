"""Bars of outcomes: one for each day or hour without a gap, each piece as high as its share and a link to its calls."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

from voicebot.desk.pages.calls_query import query
from voicebot.desk.pages.insight_chart import OUTCOMES, Bar, bars, stacked
from voicebot.store.search_insight import Hour

SINCE = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
NAMES = {name: f"<{name}>" for name in OUTCOMES}


def hour(after: float, outcome: str, calls: int) -> Hour:
    return Hour(SINCE + timedelta(hours=after), outcome, calls)


def test_days_add_their_hours_up_and_leave_no_gap() -> None:
    found = bars([hour(1, "contained", 2), hour(5, "contained", 3), hour(49, "lost", 1)], SINCE, SINCE + timedelta(hours=60), by_day=True)
    assert [dict(each.calls) for each in found] == [{"contained": 5}, {}, {"lost": 1}]
    assert all(one.ended == other.begun for one, other in pairwise(found))


def test_hours_of_a_day() -> None:
    found = bars([hour(1, "contained", 2), hour(1, "failed", 1)], SINCE, SINCE + timedelta(hours=3), by_day=False)
    assert [dict(each.calls) for each in found] == [{}, {"contained": 2, "failed": 1}, {}]


def test_each_piece_links_to_its_calls_and_escapes_its_words() -> None:
    found = bars([hour(1, "contained", 3), hour(1, "failed", 1)], SINCE, SINCE + timedelta(hours=2), by_day=False)
    drawn = stacked(found, 'a "label"', NAMES)
    links = [dict(parse_qsl(urlsplit(unescape(link)).query)) for link in re.findall(r'href="([^"]*)"', drawn)]
    assert [link["outcome"] for link in links] == ["contained", "failed"]
    asked = query(links[0])
    assert (asked.since_utc, asked.until_utc) == (SINCE + timedelta(hours=1), SINCE + timedelta(hours=2))
    high = [float(each) for each in re.findall(r' height="([0-9.]+)"><title>', drawn)]
    assert high[0] == 3 * high[1]
    assert "<contained>" not in drawn
    assert "&quot;label&quot;" in drawn


def test_no_calls_are_an_empty_drawing() -> None:
    assert "<rect" not in stacked(bars([], SINCE, SINCE + timedelta(days=7), by_day=True), "", NAMES)
    assert stacked((), "", NAMES).startswith("<svg")


def test_of_many_bars_only_some_are_named() -> None:
    moment = SINCE.astimezone()
    many = [Bar(f"{at}", moment, moment, {}) for at in range(30)]
    assert stacked(many, "", NAMES).count("<text") == 10
