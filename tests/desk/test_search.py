from __future__ import annotations

import asyncio

import pytest

from voicebot.desk.search import BEST, Search
from voicebot.dialogue.knowledge import Entry, Knowledge


def entry(name: str, language: str, *questions: str) -> Entry:
    return Entry(name, language, name, (), None, questions, "Answer.", "Short.")


KNOWN = Knowledge(
    (
        entry("roaming", "en", "what are roaming charges abroad", "does roaming cost extra in another country"),
        entry("puk", "en", "what is my puk code", "my sim card asks for the puk"),
        entry("refund", "en", "can i get my money back", "how do i ask for a refund"),
    ),
    "v1",
)


def found(text: str, language: str = "en") -> list[str]:
    return [one.id for one in asyncio.run(Search(KNOWN).find(text, language))]


def test_the_entry_that_fits_best_comes_first() -> None:
    hits = found("roaming charges")
    assert hits[0] == "roaming"
    assert len(hits) <= BEST


@pytest.mark.parametrize(("text", "language"), [("", "en"), ("   ", "en"), ("puk", "zh"), ("puk", "")])
def test_no_words_or_no_entries_find_nothing(text: str, language: str) -> None:
    assert found(text, language) == []


@pytest.mark.parametrize("text", ["<script>", "' or 1=1", "x" * 100_000, "\x00\ud800"])
def test_anything_can_be_searched_for(text: str) -> None:
    assert len(found(text)) <= BEST


def test_two_who_search_at_once_share_one_matcher() -> None:
    async def scenario() -> None:
        search = Search(KNOWN)
        first, second = await asyncio.gather(search.find("my puk", "en"), search.find("a refund", "en"))
        assert (first[0].id, second[0].id) == ("puk", "refund")
        assert len(search._matchers) == 1

    asyncio.run(scenario())
