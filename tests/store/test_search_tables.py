"""Places: the order of calls in time, read off a number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from voicebot.store.search_tables import HOUR, SLOTS, moment, place

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_a_place_tells_its_millisecond(at: datetime) -> None:
    for slot in (0, SLOTS - 1):
        assert timedelta(0) <= at - moment(place(at) + slot) < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_places_are_in_the_order_of_time(one: datetime, other: datetime) -> None:
    assert one > other or place(one) <= place(other)


@given(MOMENTS)
def test_an_hour_later_is_an_hour_further(at: datetime) -> None:
    assert place(at + timedelta(hours=1)) - place(at) == HOUR
    assert place(at) < 2**63
