"""Numbers as the supervisors' pages show them: tiles, shares, times, bars, and links to the calls behind a number. What it draws is made of our own
numbers and of labels."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from nicegui import ui

from voicebot.desk import draw

NOTHING = "–"


def style() -> None:
    """The style sheet of these pages."""
    ui.add_head_html('<link rel="stylesheet" href="/static/supervise.css">')


def percent(part: int, whole: int) -> str:
    """A share in whole per cent; a dash of nothing."""
    return f"{round(100 * part / whole)} %" if whole else NOTHING


def seconds(length_ms: float | None) -> str:
    """Minutes and seconds, as 3:07; a dash for no time."""
    if length_ms is None:
        return NOTHING
    whole = round(length_ms / 1_000)
    return f"{whole // 60}:{whole % 60:02d}"


def local(moment: datetime) -> str:
    """A moment in the time of where the desk runs."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def calls_link(**query: object) -> str:
    """The call log with this search; what is empty is left out."""
    asked = urlencode({name: str(value) for name, value in query.items() if value not in ("", None)})
    return f"/calls?{asked}" if asked else "/calls"


def tile(name: str, value: str, below: str, link: str = "") -> None:
    """One number to be seen from afar; `link` opens the calls behind it."""
    with draw.box("tile"):
        ui.label(name).classes("quiet")
        with ui.link(target=link).classes("value") if link else draw.box("value"):
            ui.label(value)
        ui.label(below).classes("quiet below")


def bar(name: str, value: str, share: float, link: str, note: str = "") -> None:
    """One row of a list of numbers: name, a bar as long as `share` (0-1), the number as a link."""
    with draw.box("bar-row"):
        with draw.box("bar-name"):
            ui.label(name)
            if note:
                ui.label(note).classes("quiet")
        with draw.box("bar-track"):
            draw.box("bar-fill").style(f"width: {min(1.0, max(0.0, share)) * 100:.1f}%")
        ui.link(value, link).classes("bar-value")
