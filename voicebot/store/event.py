"""What every event of the journal is: a frozen struct, tagged by its name. The events themselves stand in `events` and `handover_events`."""

from __future__ import annotations

import re

import msgspec


def _tag(class_name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


class Event(msgspec.Struct, frozen=True, tag_field="type", tag=_tag):
    """Base of all events. `*_ms` fields are milliseconds of audio since answer, or a length in milliseconds."""


def tag(kind: type[Event] | Event) -> str:
    """The name under which an event stands in the journal: `CallerSpoke` → `caller_spoke`."""
    return str(kind.__struct_config__.tag)
