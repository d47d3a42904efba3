from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.store import events
from voicebot.store.events import BotSpoke, CallerSpoke, CallSealed, CallStarted, Decided, Event, Line, Unknown

KINDS = [kind for kind in Event.__subclasses__() if kind is not Unknown]


def values(hint: Any) -> st.SearchStrategy[Any]:
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(),
        bool: st.booleans(),
        int: st.integers(-(2**62), 2**62),
        float: st.floats(allow_nan=False, allow_infinity=False),
        datetime: st.datetimes(timezones=st.just(UTC)),
        type(None): st.none(),
        tuple[str, ...]: st.lists(st.text(), max_size=3).map(tuple),
        dict[str, Any]: st.dictionaries(st.text(), st.integers(0, 9) | st.lists(st.text(), max_size=2), max_size=3),
    }
    if hint in known:
        return known[hint]
    if "Literal" in str(hint).split("[")[0]:
        return st.sampled_from(get_args(hint))
    return st.one_of(*(values(part) for part in get_args(hint)))


def any_event() -> st.SearchStrategy[Event]:
    return st.one_of(*(st.builds(kind, **{name: values(hint) for name, hint in get_type_hints(kind).items() if name[0] != "_"}) for kind in KINDS))


@given(any_event())
def test_every_event_comes_back_as_it_was_written(event: Event) -> None:
    assert events.decode(events.encode(event)) == event


@given(any_event())
def test_the_payload_is_one_json_object_that_names_its_type(event: Event) -> None:
    assert json.loads(events.encode(event))["type"] == events.tag(event) == events.tag(type(event))


@given(st.text())
def test_any_text_is_read_as_some_event(payload: str) -> None:
    assert isinstance(events.decode(payload), Event)


def test_tags_are_the_class_names_in_snake_case_and_differ() -> None:
    assert events.tag(CallerSpoke) == "caller_spoke"
    assert len({events.tag(kind) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=events.tag)
def test_events_are_frozen_and_described_in_one_line(kind: type[Event]) -> None:
    assert kind.__struct_config__.frozen
    assert kind.__doc__ is not None
    assert "\n" not in kind.__doc__


def test_fields_that_a_later_version_added_are_ignored() -> None:
    assert events.decode('{"type":"digit_pressed","key":"5","held_ms":80}') == events.DigitPressed("5")


def test_fields_with_defaults_may_be_missing_in_old_rows() -> None:
    assert events.decode('{"type":"decided","decision":"reply","reason":"match"}') == Decided("reply", "match")


@pytest.mark.parametrize(
    ("payload", "tag"),
    [
        ('{"type":"from_the_future","x":1}', "from_the_future"),
        ('{"type":"caller_spoke"}', "caller_spoke"),
        ('{"type":7}', ""),
        ("{}", ""),
        ("not JSON", ""),
        ("", ""),
    ],
)
def test_a_row_beyond_reading_becomes_unknown_and_keeps_its_tag(payload: str, tag: str) -> None:
    event = events.decode(payload)
    assert isinstance(event, Unknown)
    assert event.tag == tag
    assert event.why


def test_text_that_utf8_cannot_hold_is_refused_at_writing() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        events.encode(CallerSpoke("\ud800", 1.0, 0, 1))


def test_chinese_and_control_characters_survive() -> None:
    spoke = BotSpoke("您好\x1b[31m\u202e", "greeting", 0, 10, 10, False, "您好")
    assert events.decode(events.encode(spoke)) == spoke


def test_a_line_decodes_its_event() -> None:
    sealed = CallSealed("contained", "call", 12_000)
    at_utc = datetime(2026, 1, 1, tzinfo=UTC)
    line = Line("c1", 3, 12_000, at_utc, "call_sealed", events.encode(sealed))
    assert line.event == sealed
    assert msgspec.json.decode(msgspec.json.encode(line), type=Line) == line


def test_times_keep_their_zone() -> None:
    started = CallStarted("1", "100", "en", "c", datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert '"2026-01-01T12:00:00Z"' in events.encode(started)
