"""The wall clock may leap (NTP, suspend, a second machine): it may stand in records and date files, and no call may wait or measure by it."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

import voicebot
from tests.kit.speech import scripted_ears
from tests.kit.tales import TALES, Tale

SOURCE = Path(voicebot.__file__).parent
WALL = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
MAY_READ_IT = {
    "call.py": "whether people answer at this hour",
    "handover/known.py": "how long ago the caller called before",
    "reception.py": "when a call came in, for its record",
    "handover/spool.py": "how old a briefing left by a crash is",
    "renewal.py": "which answers are valid today",
    "resume.py": "how long a call had no controller: no other clock is common to two processes",
    "speech/phrases.py": "how old files of the phrase cache are",
    "store/calls.py": "which calls are recent",
    "store/journal.py": "when a line was written",
    "store/spool.py": "names of files that sort by age",
}


BESIDE_CALLS = {"commands", "testbed", "desk", "doctor", "evaluate", "learning", "replay"}
"""No call runs through these."""


def in_calls(path: Path) -> bool:
    return not BESIDE_CALLS & set(path.parts)


def reads_wall_clock(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    attributes = (func for func in calls if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name))
    return any((func.value.id, func.attr) in WALL for func in attributes if isinstance(func.value, ast.Name))


def test_the_wall_clock_is_read_only_where_a_reason_stands() -> None:
    readers = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if in_calls(path.relative_to(SOURCE)) and reads_wall_clock(path)}
    assert readers == set(MAY_READ_IT)


@pytest.mark.parametrize("by_s", [-86_400.0, 3_600.0], ids=["a day back", "an hour ahead"])
@pytest.mark.parametrize("tale", TALES[:4], ids=lambda tale: tale.title)
def test_a_wall_clock_that_leaps_at_every_look_disturbs_no_call(tale: Tale, by_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = time.time()

    def leaping() -> float:
        nonlocal now_s
        now_s += by_s
        return now_s

    scripted_ears(monkeypatch)
    monkeypatch.setattr(time, "time", leaping)
    monkeypatch.setattr(time, "time_ns", lambda: int(leaping() * 1e9))
    held = tale.hold(tmp_path)
    assert (held.story, held.wrongs()) == (list(tale.story), [])
