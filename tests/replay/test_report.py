"""The table and the page of a replay: every figure stands there, and no caller's word becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from voicebot.replay.rehearsal import Replayed, Turn, totals
from voicebot.replay.report import lines, page

CALLS = [
    Replayed("one", (Turn("when are you open", "answered", "Nine.", "matched hours 0.90", "hours"),), "contained"),
    Replayed(
        "two", (Turn("<script>alert(1)</script>", "escalated", "One moment.", "not understood, no match"),), "escalated", "was not understood", 3
    ),
]


def test_the_table_holds_every_count_and_share() -> None:
    assert lines(totals(CALLS)) == [
        "calls                        2   100%",
        "contained                    1    50%",
        "escalated                    1    50%",
        "unanswered                   0     0%",
        "turns answered               1    50%",
        "turns escalated              1    50%",
        "escalated because the caller",
        "  was not understood                           1",
        "answered with",
        "  hours                                        1",
    ]


def test_without_calls_there_is_a_table_all_the_same() -> None:
    assert lines(totals([]))[0] == "calls                        0      –"


def test_the_page_shows_each_call_and_needs_nothing_from_elsewhere() -> None:
    shown = page(CALLS, totals(CALLS), "abc123")
    for part in ("abc123", "when are you open", "matched hours 0.90", "was not understood", "3 more utterances", 'class="contained"'):
        assert part in shown
    assert "http" not in shown
    assert "src=" not in shown


class Scripts(HTMLParser):
    """Counts what could run or load anything."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


@given(said=st.text(max_size=60), name=st.text(max_size=20), why=st.text(max_size=20))
def test_no_word_of_a_caller_becomes_markup(said: str, name: str, why: str) -> None:
    def tags(said: str, name: str, why: str) -> list[str]:
        call = Replayed(name, (Turn(said, "answered", said, said, said or "x"),), "escalated", why or "x")
        parser = Scripts()
        parser.feed(page([call], totals([call]), name))
        return parser.tags

    assert tags(said, name, why) == tags("plain", "plain", "plain")
