"""The keys of an entry's file: each is read as it is meant, each fault is named with its line and the fix."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from voicebot.dialogue.entry import Condition, Entry, Fault
from voicebot.dialogue.entry_file import KEYS, read_entry

GROWN = """\
---
id: data-pack
language: en
title: a data pack
questions:
  - i need more data
short: Five euros.
calm: I am sorry it ran out. Five euros bring it back.
follow_ups: [data-left]
slots: [month, plan]
ask:
  - since when
  - "which device: make and model"
handover: always
valid_from: 2026-12-01
valid_until: 2026-12-31
offer: A pack of three gigabytes would suit you.
recommend:
  - data_used_percent >= 80
  - packs<1.5
tests:
  - my data is used up
---
Three gigabytes cost five euros.
"""
PATH = Path("en/data-pack.md")


def read(text: str) -> tuple[Entry | None, list[tuple[int, str]]]:
    faults: list[Fault] = []
    page = read_entry(PATH, text.encode(), faults)
    assert all(fault.path == PATH for fault in faults)
    return page.entry if page else None, [(fault.line, fault.message) for fault in faults]


def test_every_key_is_read() -> None:
    entry, faults = read(GROWN)
    assert faults == []
    assert entry == Entry(
        id="data-pack",
        language="en",
        title="a data pack",
        tags=(),
        menu=None,
        questions=("i need more data",),
        answer="Three gigabytes cost five euros.",
        short="Five euros.",
        calm="I am sorry it ran out. Five euros bring it back.",
        follow_ups=("data-left",),
        slots=("month", "plan"),
        ask=("since when", "which device: make and model"),
        handover=True,
        valid_from=date(2026, 12, 1),
        valid_until=date(2026, 12, 31),
        offer="A pack of three gigabytes would suit you.",
        recommend=(Condition("data_used_percent", ">=", 80), Condition("packs", "<", 1.5)),
        tests=("my data is used up",),
    )


def test_only_the_first_keys_must_be_there() -> None:
    required = {key for key, wanted in KEYS.items() if wanted.required}
    assert required == {"id", "language", "title", "questions", "short"}
    lines = GROWN.splitlines(keepends=True)
    entry, faults = read("".join(lines[:7] + lines[-2:]))
    assert faults == []
    assert entry == Entry("data-pack", "en", "a data pack", (), None, ("i need more data",), "Three gigabytes cost five euros.", "Five euros.")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "calm: I am",
            "calm: I <am",
            8,
            "calm 'I <am sorry it ran out. Five euros bring it back.' holds a sign that cannot be spoken; say it in words",
        ),
        ("calm: I", "calm: " + "I " * 46, 8, None),
        ("slots: [month", "slots: [moon", 10, "slots 'moon' is nothing the bot can ask for; use one of month, plan, area, device, ticket, country"),
        ("slots: [month, plan]", "slots: month", 10, "'slots' must be a list of texts, one per line after a dash"),
        ("handover: always", "handover: often", 14, "handover 'often' is unknown; write 'always', or leave the key out"),
        ("2026-12-01", "soon", 15, "valid_from 'soon' is no day; write it as 2026-12-31"),
        ("2026-12-31", "2026-02-30", 16, "valid_until '2026-02-30' is no day; write it as 2026-12-31"),
        ("2026-12-31", "20261231", 16, "valid_until '20261231' is no day; write it as 2026-12-31"),
        ("2026-12-31", "2026-11-30", 16, "valid_until lies before valid_from; exchange them"),
        ("  - packs<1.5", "  - packs are few", 20, "recommend 'packs are few' is no condition; write it as data_used_percent >= 80"),
        ("offer: A pack of three gigabytes would suit you.\n", "", 17, "'recommend' without 'offer'; add it, or leave out both"),
        ("recommend:\n  - data_used_percent >= 80\n  - packs<1.5\n", "", 17, "'offer' without 'recommend'; add it, or leave out both"),
        ("follow_ups: [data-left]", "followups: [data-left]", 9, "unknown key 'followups'; did you mean 'follow_ups'?"),
        ("tests:\n  - my data is used up", "tests: []", 21, "'tests' is empty; write at least one text under it"),
    ],
)
def test_a_fault_is_named_with_its_line_and_the_fix(old: str, new: str, line: int, message: str | None) -> None:
    assert old in GROWN
    entry, faults = read(GROWN.replace(old, new, 1))
    assert entry is None
    assert [at for at, _ in faults] == [line]
    assert message is None or faults == [(line, message)]
