"""What the history shows of a version's effect; its page is walked through in test_review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tests.kit.deskkit import BEGUN
from voicebot.desk.pages.history import measured, told
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.knowledge import Knowledge
from voicebot.dialogue.matching import Match
from voicebot.learning.asked import Asked
from voicebot.learning.effect import Learn, Share
from voicebot.store.versions import Version

WIFI = Entry("wifi", "en", "calls over wifi", (), None, ("wifi calls",), "Yes.", "Yes.")
MADE = Version(BEGUN, "en", "wifi", "ann", "sue", "asked often", "proposal 1", "", "x", "+x")
GONE = Version(BEGUN, "zh", "wifi", "ann", "sue", "asked often", "proposal 1", "", "x", "+x")


class Wifi:
    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        return (Match("wifi", 0.9 if "wifi" in text else 0.0),)[:top]


def learn(_language: str) -> Learn:
    def made(_entries: Sequence[Entry]) -> Wifi:
        return Wifi()

    return made


def test_the_share_answered_before_and_since() -> None:
    asked = [
        Asked("c", BEGUN + timedelta(hours=hours), "en", text, entry_id)
        for hours, text, entry_id in ((-2, "wifi", ""), (-1, "wifi please", ""), (1, "calls by wifi", "wifi"), (2, "wifi", ""), (3, "bill", ""))
    ]
    found = measured([MADE, GONE], asked, Knowledge((WIFI,), "v"), learn)
    assert found == [(Share(0, 2), Share(1, 2)), (Share(0, 0), Share(0, 0))]


def test_a_share_is_told_in_figures_and_none_by_a_dash() -> None:
    assert [told(Share(1, 2)), told(Share(0, 0))] == ["1 / 2", "–"]
