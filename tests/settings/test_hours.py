"""Opening hours: what may be written, and when it is open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicebot.settings.hours import DAYS, Hours, open_at

OFFICE = Hours(zone="Europe/Berlin", open=("mon-fri 08:00-18:00", "sat 09:00-13:00"), closed=(date(2026, 12, 25),))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.sampled_from([UTC, ZoneInfo("Asia/Shanghai")]))


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23 07:59", False),  # a Monday
        ("2026-11-23 08:00", True),
        ("2026-11-23 17:59", True),
        ("2026-11-23 18:00", False),
        ("2026-11-27 12:00", True),
        ("2026-11-28 08:30", False),
        ("2026-11-28 12:59", True),
        ("2026-11-29 12:00", False),
        ("2026-12-25 12:00", False),  # a Friday, and a holiday
        ("2026-12-24 12:00", True),
        ("2026-07-01 08:00", True),  # summer time
    ],
)
def test_an_office_is_open_from_a_minute_to_before_another_but_on_holidays(moment: str, is_open: bool) -> None:
    assert open_at(OFFICE, at(moment)) is is_open


def test_the_moment_may_come_in_any_zone_and_the_day_is_that_of_the_office() -> None:
    assert open_at(OFFICE, datetime(2026, 11, 23, 7, 0, tzinfo=UTC))
    assert not open_at(OFFICE, datetime(2026, 11, 23, 6, 59, tzinfo=UTC))
    assert not open_at(OFFICE, at("2026-12-25 15:59", "Asia/Shanghai")), "still the 25th in Berlin"
    assert not open_at(OFFICE, at("2026-12-25 06:30", "Asia/Shanghai")), "before the day there has begun"


def test_a_night_shift_goes_on_into_the_next_day_and_the_last_one_into_the_week() -> None:
    night = Hours(open=("fri-sun 22:00-06:00",))
    told = {"2026-11-27 21:59": False, "2026-11-27 22:00": True, "2026-11-28 05:59": True, "2026-11-28 06:00": False, "2026-11-30 05:59": True}
    assert {moment: open_at(night, at(moment, "UTC")) for moment in told} == told
    assert not open_at(night, at("2026-11-27 05:00", "UTC")), "Thursday had none"


def test_a_week_may_turn_over_and_a_day_may_be_whole() -> None:
    assert [bool(Hours(open=("sat-mon 10:00-12:00",)).on(day)) for day in range(7)] == [True, False, False, False, False, True, True]
    assert Hours(open=("sun 00:00-24:00",)).on(6) == ((0, 1440),)
    assert Hours(open=("sun 12:00-00:00",)).on(6) == ((720, 1440),)
    assert Hours(open=("sun 12:00-00:00",)).on(0) == ()


@given(MOMENTS)
def test_without_hours_it_is_always_open(moment: datetime) -> None:
    assert open_at(Hours(closed=(moment.date(),)), moment)


@given(MOMENTS, st.integers(0, 6), st.integers(0, 1439), st.integers(1, 1440))
def test_a_span_is_open_for_as_long_as_it_says(moment: datetime, day: int, first: int, length: int) -> None:
    last = (first + length) % 1440
    hours = Hours(open=(f"{DAYS[day]} {first // 60:02d}:{first % 60:02d}-{last // 60:02d}:{last % 60:02d}",))
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    minutes = sum(open_at(hours, monday + timedelta(minutes=minute)) for minute in range(0, 7 * 1440, 30))
    assert abs(minutes * 30 - length) < 60
    assert open_at(hours, moment) == open_at(hours, moment + timedelta(days=7))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "08:00-18:00",
        "monday 08:00-18:00",
        "mon 8:00-18:00",
        "mon 08:00",
        "mon 08:00-25:00",
        "mon 08:60-09:00",
        "mon-xyz 08:00-09:00",
        "mon  08:00-09:00",
    ],
)
def test_what_cannot_be_hours_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValidationError, match=r"mon-fri 08:00-18:00|00:00 to 24:00"):
        Hours(open=(wrong,))


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "../etc", "", "UTC+1 or so"])
def test_a_zone_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="no such time zone"):
        Hours(zone=wrong)


def test_a_holiday_is_a_date() -> None:
    with pytest.raises(ValidationError, match="date"):
        Hours.model_validate({"closed": ["25 December"]})
