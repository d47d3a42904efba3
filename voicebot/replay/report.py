"""What a replay found, as lines for a terminal and as one HTML page that needs nothing else. Callers' words are escaped wherever they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from voicebot.replay.rehearsal import Replayed, Totals, Turn

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;font:15px/1.5 system-ui,sans-serif}body{max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;
border-bottom:1px solid var(--line);vertical-align:top}.tiles{display:flex;gap:1rem;flex-wrap:wrap}.tile{background:var(--soft);border-radius:.5rem;
padding:.8rem 1.2rem}.tile b{display:block;font-size:1.6rem}details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;
padding:.4rem .8rem}summary{cursor:pointer}.contained{color:#1a7f37}.escalated{color:#b35900}.unanswered{color:#c62828}small{opacity:.7}
"""
_NOTE = "What callers would have said to the bot instead is not known: each utterance is taken as it was said to a person."


def lines(found: Totals) -> list[str]:
    """The table for a terminal."""
    counted = (("calls", found.calls), ("contained", found.contained), ("escalated", found.escalated), ("unanswered", found.unanswered))
    shares = [f"{name:<24}{count:>6}{_percent(count, found.calls):>7}" for name, count in counted]
    deeds = [f"{'turns ' + name:<24}{count:>6}{_percent(count, found.turns):>7}" for name, count in found.deeds]
    reasons = [f"  {name:<40}{count:>6}" for name, count in found.reasons]
    entries = [f"  {name:<40}{count:>6}" for name, count in found.entries]
    return [*shares, *deeds, *_titled("escalated because the caller", reasons), *_titled("answered with", entries)]


def page(calls: Sequence[Replayed], found: Totals, version: str) -> str:
    """One self-contained page. `version`: of the knowledge base that was asked."""
    tiles = (("calls", found.calls), ("contained", found.contained), ("escalated", found.escalated), ("unanswered", found.unanswered))
    shown = "".join(f'<div class="tile"><b>{count}</b>{name} <small>{_percent(count, found.calls)}</small></div>' for name, count in tiles)
    parts = [
        f"<h1>Replay</h1><p><small>Knowledge base {escape(version)}. {_NOTE}</small></p>",
        f'<div class="tiles">{shown}</div>',
        _table("What the bot would have done, by turn", found.deeds),
        _table("Escalated because the caller …", found.reasons),
        _table("Answered with", found.entries),
        _table("Not understood", ((text, 1) for text in found.not_understood)),
        "<h2>Calls</h2>",
        *map(_call, calls),
    ]
    body = "".join(parts)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Replay</title><style>{_STYLE}</style><body>{body}</body></html>\n'


def _call(call: Replayed) -> str:
    rows = "".join(map(_turn, call.turns))
    rest = f"<p><small>{call.unheard} more utterances after the bot would have let go.</small></p>" if call.unheard else ""
    why = f": {escape(call.why)}" if call.why else ""
    head = f'<summary>{escape(call.name)} <b class="{call.outcome}">{call.outcome}</b>{why}</summary>'
    return f"<details>{head}<table><tr><th>caller<th>bot<th>why</tr>{rows}</table>{rest}</details>"


def _turn(turn: Turn) -> str:
    return f"<tr><td>{escape(turn.said)}<td><b>{turn.deed}</b> {escape(turn.spoken)}<td><small>{escape(turn.reason)}</small></tr>"


def _table(title: str, rows: Iterable[tuple[str, int]]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}<td>{count}</tr>" for name, count in rows)
    return f"<h2>{escape(title)}</h2><table>{cells}</table>" if cells else ""


def _titled(title: str, rows: list[str]) -> list[str]:
    return [title, *rows] if rows else []


def _percent(count: int, of: int) -> str:
    return f"{count / of:.0%}" if of else "–"
