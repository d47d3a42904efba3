"""When people answer: the section [handover.hours], and one pure question, whether it is open at a moment. It reads no clock.

The dialplan asks the same question by itself, from the same spans, so that callers hear the truth when the bot is down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 24 * 60
_SPAN = re.compile(r"(?P<first>[a-z]{3})(-(?P<last>[a-z]{3}))? (?P<from>\d\d:\d\d)-(?P<to>\d\d:\d\d)")

Minutes = tuple[int, int]
"""From a minute of the day on, until before another: 0 to 1440."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("zone", "no such time zone; write one such as Europe/Berlin or Asia/Shanghai") from None
    return name


def _span(text: str) -> str:
    list(_days(text))
    return text


class Hours(BaseModel):
    """Opening hours. With `open` left out it is always open."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    open: tuple[Annotated[str, AfterValidator(_span)], ...] = ()
    """Such as `["mon-fri 08:00-18:00", "sat 09:00-13:00"]`. `22:00-06:00` goes on into the next day; `00:00-24:00` is all day."""
    closed: tuple[date, ...] = ()
    """Holidays, as dates: closed from midnight to midnight."""

    def on(self, day: int) -> tuple[Minutes, ...]:
        """The spans of one weekday, Monday 0, none beyond midnight, in no order."""
        return tuple(minutes for text in self.open for found, minutes in _days(text) if found == day)


def open_at(hours: Hours, moment: datetime) -> bool:
    """Whether somebody answers at `moment`, an aware time. Like a clock on the wall, it follows the zone's summer time."""
    if not hours.open:
        return True
    there = moment.astimezone(ZoneInfo(hours.zone))
    minute = there.hour * 60 + there.minute
    return there.date() not in hours.closed and any(first <= minute < last for first, last in hours.on(there.weekday()))


def _days(text: str) -> Iterator[tuple[int, Minutes]]:
    """Each weekday with its minutes; what goes beyond midnight is the next day's."""
    found = _SPAN.fullmatch(text)
    if not found or found["first"] not in DAYS or (found["last"] or found["first"]) not in DAYS:
        raise PydanticCustomError("hours", "write days and times such as 'mon-fri 08:00-18:00' or 'sat 09:00-13:00'")
    first, last = DAYS.index(found["first"]), DAYS.index(found["last"] or found["first"])
    begins, ends = _minute(found["from"]), _minute(found["to"])
    for step in range((last - first) % 7 + 1):
        day = (first + step) % 7
        if begins < ends:
            yield day, (begins, ends)
            continue
        yield day, (begins, MIDNIGHT)
        if ends:
            yield (day + 1) % 7, (0, ends)


def _minute(clock: str) -> int:
    minute = int(clock[:2]) * 60 + int(clock[3:])
    if int(clock[3:]) > 59 or minute > MIDNIGHT:
        raise PydanticCustomError("hours", "a time is 00:00 to 24:00")
    return minute
