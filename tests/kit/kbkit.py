"""A small knowledge base that can learn: two entries, a draft that fits in, and one that takes another entry's question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voicebot.learning.draft import Draft

HOURS = """---
id: hours
language: en
title: opening hours
questions: # of the shops
  - when are you open
  - what are your opening hours
  - how late are your shops open
short: Nine to five.
tests:
  - when are your shops open today
---
Our shops are open from nine to five.
"""
BILL = """---
id: bill
language: en
title: paying a bill
questions:
  - how do i pay my bill
  - pay an invoice by card
  - where can i pay
short: In the app.
---
You can pay your bill in the app, under My Bill.
"""
WIFI = Draft(
    "wifi",
    "en",
    "calls over wifi",
    ("can i make calls over wifi", "switch on wifi calling", "no reception at home but i have wifi"),
    "Yes. Switch on wifi calling in the settings of your phone.",
    "Switch on wifi calling.",
)
OTHER_WORDS = "is it possible to use my wifi for calls"
BREAKING = replace(
    WIFI,
    entry_id="holidays",
    title="shops open today",
    questions=("are your shops open today", "when are shops open today", "today are your shops open", "your shops are open when today"),
    answer="On holidays our shops are open when it says so on the door, today too.",
)


def knowledge_in(folder: Path) -> Path:
    """Its files in a folder `kb` inside `folder`."""
    for name, text in (("hours", HOURS), ("bill", BILL)):
        path = folder / "kb" / "en" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "kb"
