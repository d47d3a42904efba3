"""A knowledge base counted by language, with the entries a lead should look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from voicebot.dialogue.entry import Condition, Entry
from voicebot.dialogue.knowledge import Knowledge
from voicebot.dialogue.overview import FEW_QUESTIONS, Overview, overviews

TODAY = date(2026, 11, 22)
MANY = tuple(f"question {number}" for number in range(FEW_QUESTIONS))
HOURS = Entry("hours", "en", "our hours", (), 1, MANY, "Nine to five.", "Nine.", tests=("are you open",))
PACK = Entry(
    "pack", "en", "a pack", (), None, MANY[1:], "Five.", "5.", calm="I see.", handover=True, offer="Want it?", recommend=(Condition("a", ">", 1),)
)


def test_each_language_is_counted() -> None:
    english, chinese = overviews(Knowledge((HOURS, PACK, replace(HOURS, language="zh")), "v"), TODAY)
    assert english == Overview("en", 2, 2 * FEW_QUESTIONS - 1, 1, 1, 1, 1, 1, ("pack",), ("pack",), (), ())
    assert (chinese.language, chinese.entries) == ("zh", 1)


def test_what_holds_no_more_or_not_for_long_is_named() -> None:
    ends = {"past": date(2026, 11, 21), "soon": date(2026, 12, 21), "later": date(2026, 12, 22)}
    entries = [replace(HOURS, id=name, valid_until=day) for name, day in ends.items()]
    (found,) = overviews(Knowledge((*entries, replace(HOURS, id="coming", valid_from=date(2026, 11, 23))), "v"), TODAY)
    assert found.not_valid_ids == ("past", "coming")
    assert found.ending_ids == ("soon",)
