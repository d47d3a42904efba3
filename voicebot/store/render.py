"""Calls as text for a terminal and as JSON. Pure: from records to strings and Rich renderables.

Nothing a caller said reaches the terminal raw: control and invisible characters are written as escapes, and no text is markup.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from voicebot.store import events
from voicebot.store.calls import CallRecord, CallSummary
from voicebot.store.events import Event, Line, tag

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    """`text` with every character that could steer a terminal or hide (ESC, C1, bidi overrides…) as `\\u001b`."""
    return "".join(_escaped(char) if unicodedata.category(char) in _UNPRINTABLE else char for char in text)


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"


def to_json(value: CallRecord | Sequence[CallSummary]) -> str:
    """One line of JSON, readable text kept as it is. A call has `call`, `turns`, and `events` in order."""
    return printable(msgspec.json.encode(_record(value) if isinstance(value, CallRecord) else list(value)).decode())


def _record(record: CallRecord) -> dict[str, Any]:
    lines = [{"seq": line.seq, "t_ms": line.t_ms, "at_utc": line.at_utc, "event": msgspec.Raw(line.payload.encode())} for line in record.lines]
    return {"call": record.summary, "turns": record.turns, "events": lines}


def render_list(calls: Sequence[CallSummary]) -> RenderableType:
    """A table, one row a call."""
    if not calls:
        return Text("No calls yet.")
    table = Table(box=None, pad_edge=False)
    for heading in ("call", "started (UTC)", "caller", "dialled", "language", "said", "length", "outcome", "agent"):
        table.add_column(heading, no_wrap=heading in {"call", "started (UTC)"})
    for call in calls:
        cells = (call.call_id, f"{call.started_utc:%Y-%m-%d %H:%M:%S}", call.ani, call.dnis, call.language, str(call.utterances))
        ending = (_seconds(call.duration_ms), call.outcome or "open", call.agent or "")
        table.add_row(*(Text(printable(cell)) for cell in cells + ending))
    return table


def render_call(record: CallRecord) -> RenderableType:
    """The record of one call: what it was, then all that happened, each line with its time in the call."""
    call = record.summary
    head = f"{call.call_id}  {call.started_utc:%Y-%m-%d %H:%M:%S} UTC  {call.ani} → {call.dnis}  {call.language}"
    end = f"{call.outcome}, sealed by {call.sealed_by} after {_seconds(call.duration_ms)}" if call.outcome else "open"
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for line in record.lines:
        table.add_row(_seconds(line.t_ms), *_cells(line.event))
    return Group(Text(printable(head), style="bold"), table, Text(printable(end), style="bold"))


def render_line(line: Line) -> Text:
    """One line of a live transcript."""
    who, what = _cells(line.event)
    return Text.assemble(f"{_seconds(line.t_ms):>8}  ", who, " " * (9 - len(who)), what)


def _cells(event: Event) -> tuple[Text, Text]:
    who, what = describe(event)
    return Text(who, style=_STYLES.get(who, "dim")), Text(printable(what), style="" if who in _STYLES else "dim")


_STYLES = {"caller": "cyan", "bot": "green", "agent": "magenta", "fault": "red"}


def describe(event: Event) -> tuple[str, str]:  # noqa: PLR0911
    """Who acted (caller, bot, agent, fault, or call) and what happened, in words; not yet safe for a terminal."""
    match event:
        case events.CallStarted(ani, dnis):
            return "call", f"{ani} called {dnis}"
        case events.CallerSpoke(text, confidence):
            return "caller", f"“{text}” ({confidence:.0%} sure)"
        case events.DigitPressed(key):
            return "caller", f"pressed {key}"
        case events.BotSpoke():
            return "bot", _speech(event)
        case events.BargedIn(outcome, _, silent_after_ms):
            return "caller", f"spoke over the bot, {outcome}; bot silent after {silent_after_ms} ms"
        case events.Decided():
            return "call", _decision(event)
        case events.AngerScored(score, voice, words, behaviour):
            reasons = f": {'; '.join(event.evidence)}" if event.evidence else ""
            return "call", f"anger {score:.0%} (voice {voice:+.1f}, words {words:+.1f}, behaviour {behaviour:+.1f}){reasons}"
        case events.TurnMeasured(hold, recognise, decide, first_audio, total):
            return "call", f"{total:.0f} ms = hold {hold:.0f} + recognise {recognise:.0f} + decide {decide:.0f} + first audio {first_audio:.0f}"
        case events.HandoverDecided(reason, queue, _, briefing):
            return "call", f"to queue {queue}: {reason}; briefing “{briefing}”"
        case events.AgentLeft(agent, why):
            return "agent", f"{agent} left: {why}"
        case events.Fault(where, what):
            return "fault", f"{where}: {what}"
        case events.CallSealed(outcome, by):
            return "call", f"sealed by {by}: {outcome}"
    return _plainly(event)


def _plainly(event: Event) -> tuple[str, str]:
    name = tag(event)
    who, _, rest = name.partition("_")
    details = ", ".join(str(value) for value in msgspec.structs.astuple(event) if value not in (None, ""))
    words = (rest if who in {"agent", "caller"} else name).replace("_", " ")
    return who if who in {"agent", "caller"} else "call", f"{words} {details}".strip()


def _speech(spoke: events.BotSpoke) -> str:
    source = f" [{spoke.entry_id}]" if spoke.entry_id else ""
    cut = f" — cut after {_seconds(spoke.heard_ms)}, heard “{spoke.heard_text}”" if spoke.cut else ""
    return f"“{spoke.text}”{source}{cut}"


def _decision(decided: events.Decided) -> str:
    entry = f" [{decided.entry_id}]" if decided.entry_id else ""
    sure = "" if decided.confidence is None else f" ({decided.confidence:.0%} sure)"
    weighed = f"; weighed {', '.join(decided.alternatives)}" if decided.alternatives else ""
    return f"{decided.decision}{entry}: {decided.reason}{sure}{weighed}"


def _seconds(length_ms: int | None) -> str:
    return "" if length_ms is None else f"{length_ms / 1_000:.1f} s"
