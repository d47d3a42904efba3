from __future__ import annotations

import dataclasses
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from voicebot.store import events
from voicebot.store.calls import CallRecord, CallSummary, turns
from voicebot.store.events import Event, Line
from voicebot.store.render import describe, printable, render_call, render_line, render_list, to_json

AT_UTC = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
NASTY = "\x1b[2J\x9b31m\u202e\u2028\x07\x7f[bold red]"
SUMMARY = CallSummary("c1", AT_UTC, "0201555777", "100", "en", "ch", None, None, None, None, None, None, None, 1)


def lines(*happened: Event) -> tuple[Line, ...]:
    return tuple(Line("c1", seq, seq * 1_500, AT_UTC, events.tag(event), events.encode(event)) for seq, event in enumerate(happened))


def record(*happened: Event, summary: CallSummary = SUMMARY) -> CallRecord:
    return CallRecord(summary, turns(lines(*happened)), lines(*happened))


def shown(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(renderable)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain text, 您好, é 🎧", "plain text, 您好, é 🎧"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\x7f\x9b\r\n", "\\u007f\\u009b\\r\\n"),
        ("\u202etxet", "\\u202etxet"),
        ("\u2028\u2066\u200b", "\\u2028\\u2066\\u200b"),
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_what_could_steer_a_terminal_is_written_as_an_escape(text: str, safe: str) -> None:
    assert printable(text) == safe


@given(st.text())
def test_printable_text_is_printable_and_stays_so(text: str) -> None:
    safe = printable(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in safe)
    assert printable(safe) == safe


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_callers_text_is_the_same_after_json_whatever_it_is(text: str) -> None:
    written = to_json(record(events.CallerSpoke(text, 0.5, 0, 1)))
    assert printable(written) == written
    read = json.loads(written)
    assert read["events"][0]["event"]["text"] == read["turns"][0]["caller"]["text"] == text


def test_a_call_as_json_has_call_turns_and_events() -> None:
    asked, chose = events.CallerSpoke("my bill", 0.8, 900, 1_900), events.Decided("reply", "match", "billing")
    read = json.loads(to_json(record(events.CallAnswered(), asked, chose)))
    assert read["call"]["call_id"] == "c1"
    assert read["call"]["started_utc"] == "2026-03-14T09:26:53Z"
    assert [turn["number"] for turn in read["turns"]] == [0, 1]
    assert read["turns"][1]["decided"][0]["entry_id"] == "billing"
    assert read["events"][1] == {
        "seq": 1,
        "t_ms": 1_500,
        "at_utc": "2026-03-14T09:26:53Z",
        "event": {"type": "caller_spoke", "text": "my bill", "confidence": 0.8, "start_ms": 900, "end_ms": 1_900},
    }


def test_a_list_as_json_is_an_array() -> None:
    assert [call["call_id"] for call in json.loads(to_json([SUMMARY, SUMMARY]))] == ["c1", "c1"]
    assert to_json([]) == "[]"


def test_the_list_shows_open_and_sealed_calls() -> None:
    sealed = CallSummary("c2", AT_UTC, "123", "100", "zh", "ch", "asked", "support", "6001", "handed_over", "floor", AT_UTC, 61_200, 3)
    text = shown(render_list([SUMMARY, sealed]))
    assert "c1    2026-03-14 09:26:53  0201555777  100" in text
    assert "open" in text.splitlines()[1]
    assert all(cell in text.splitlines()[2] for cell in ("61.2 s", "handed_over", "6001", "zh"))


def test_an_empty_list_says_so() -> None:
    assert shown(render_list([])) == "No calls yet.\n"


def test_nothing_of_a_caller_reaches_the_terminal_raw() -> None:
    nasty = CallSummary("c1", AT_UTC, NASTY, NASTY, NASTY, NASTY, NASTY, NASTY, NASTY, NASTY, NASTY, AT_UTC, 1, 1)
    happened = (
        events.CallStarted(NASTY, NASTY, "en", NASTY, AT_UTC),
        events.CallerSpoke(NASTY, 1.0, 0, 1),
        events.DigitPressed(NASTY),
        events.Fault(NASTY, NASTY),
    )
    live = [shown(render_line(line)) for line in lines(*happened)]
    for text in (shown(render_list([nasty])), shown(render_call(record(*happened, summary=nasty))), *live):
        assert not set("\x1b\x9b\u202e\u2028\x07\x7f") & set(text)
    assert "[bold red]" in shown(render_line(lines(events.CallerSpoke(NASTY, 1.0, 0, 1))[0]))


def test_a_call_shows_each_line_with_its_time_and_its_end() -> None:
    text = shown(render_call(record(events.CallAnswered(), events.CallerSpoke("my bill", 0.8, 900, 1_900), events.QueueLeft("support", "timeout"))))
    first, *middle, last = text.splitlines()
    assert first == "c1  2026-03-14 09:26:53 UTC  0201555777 → 100  en"
    assert [line.split() for line in middle] == [
        ["0.0", "s", "call", "call", "answered"],
        ["1.5", "s", "caller", "“my", "bill”", "(80%", "sure)"],
        ["3.0", "s", "call", "queue", "left", "support,", "timeout"],
    ]
    assert last == "open"


def test_a_sealed_call_shows_by_whom() -> None:
    sealed = dataclasses.replace(SUMMARY, outcome="contained", sealed_by="call", sealed_utc=AT_UTC, duration_ms=12_000)
    assert shown(render_call(record(summary=sealed))).splitlines()[-1] == "contained, sealed by call after 12.0 s"


def test_a_live_line_has_time_who_and_what_in_columns() -> None:
    assert render_line(lines(events.CallerSpoke("yes", 1.0, 0, 1))[0]).plain == "   0.0 s  caller   “yes” (100% sure)"


@pytest.mark.parametrize(
    ("event", "who", "what"),
    [
        (events.CallStarted("1", "100", "en", "ch", AT_UTC), "call", "1 called 100"),
        (events.DigitPressed("0"), "caller", "pressed 0"),
        (events.CallerHungUp(), "caller", "hung up"),
        (events.BotSpoke("Hello.", "greeting", 0, 5, 5, False, "Hello."), "bot", "“Hello.”"),
        (
            events.BotSpoke("In the app.", "answer", 0, 700, 2_000, True, "In the", "bill"),
            "bot",
            "“In the app.” [bill] — cut after 0.7 s, heard “In the”",
        ),
        (events.BargedIn("resumed", 100, 90), "caller", "spoke over the bot, resumed; bot silent after 90 ms"),
        (events.Decided("reply", "match", "bill", 0.91, ("a", "b")), "call", "reply [bill]: match (91% sure); weighed a, b"),
        (events.Decided("end_call", "goodbye"), "call", "end_call: goodbye"),
        (events.TurnMeasured(400, 90.4, 5, 40, 535.4), "call", "535 ms = hold 400 + recognise 90 + decide 5 + first audio 40"),
        (events.HandoverDecided("asked", "support", 0, "Bill."), "call", "to queue support: asked; briefing “Bill.”"),
        (events.AgentAnswered("6001"), "agent", "answered 6001"),
        (events.AgentLeft("6001", "no answer"), "agent", "6001 left: no answer"),
        (events.Fault("media", "reset"), "fault", "media: reset"),
        (events.CallSealed("lost", "floor", 1), "call", "sealed by floor: lost"),
        (events.Unknown("later", "why"), "call", "unknown later, why"),
    ],
)
def test_each_event_in_words(event: Event, who: str, what: str) -> None:
    assert describe(event) == (who, what)
