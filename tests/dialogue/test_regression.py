"""Questions that an entry's file promises to find it: kept when it is found, surely enough."""

from __future__ import annotations

import pytest

from voicebot.dialogue.entry import Entry
from voicebot.dialogue.matching import Match
from voicebot.dialogue.regression import tried

HOURS = Entry("hours", "en", "our hours", (), None, ("when",), "Nine to five.", "Nine.", tests=("are you there at ten", "closing time"))
PLAIN = Entry("plain", "en", "plain", (), None, ("what",), "So.", "So.")


class Scripted:
    def __init__(self, found: dict[str, tuple[Match, ...]]) -> None:
        self.found = found

    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        return self.found.get(text, ())[:top]


@pytest.mark.parametrize(
    ("found", "kept", "told"),
    [
        ((Match("hours", 0.4),), True, "hours 0.40"),
        ((Match("hours", 0.3),), True, "hours 0.30"),
        ((Match("hours", 0.29),), False, "hours 0.29"),
        ((Match("plain", 0.9), Match("hours", 0.8)), False, "plain 0.90"),
        ((), False, "nothing"),
    ],
)
def test_a_promise_is_kept_by_the_first_match_alone(found: tuple[Match, ...], kept: bool, told: str) -> None:
    one, _ = tried([HOURS, PLAIN], Scripted({"are you there at ten": found}), 0.3)
    assert one.kept is kept
    assert str(one) == f"en/hours: 'are you there at ten' finds {told}; wanted hours from 0.30 on"


def test_every_question_of_every_entry_is_tried_in_order() -> None:
    assert [(one.entry_id, one.question) for one in tried([PLAIN, HOURS], Scripted({}), 0.3)] == [
        ("hours", "are you there at ten"),
        ("hours", "closing time"),
    ]
