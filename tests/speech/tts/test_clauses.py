"""Long text is cut where a speaker would breathe, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.tts.clauses import split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("One.", ("One.",)),
        ("One. Two! Three? Four", ("One.", "Two!", "Three?", "Four")),
        ("It costs 3.5 pounds, e.g. in a shop. Yes.", ("It costs 3.5 pounds, e.g. in a shop.", "Yes.")),
        ("Wait... go on. 10 pounds.", ("Wait... go on.", "10 pounds.")),
        ("您好。请讲！好吗？好", ("您好。", "请讲！", "好吗？", "好")),
    ],
)
def test_text_is_split_where_sentences_end(text: str, parts: tuple[str, ...]) -> None:
    assert split(text) == parts


def test_only_a_long_sentence_is_split_at_its_clauses() -> None:
    clause = "this is a clause of a rather long sentence that goes on"
    assert split(f"{clause}, {clause}.") == (f"{clause}, {clause}.",)
    assert split(f"{clause}, {clause}, {clause}.") == (f"{clause},", f"{clause},", f"{clause}.")
    assert split("，".join(["这是一个很长的句子里的一个分句"] * 9)) == (*["这是一个很长的句子里的一个分句，"] * 8, "这是一个很长的句子里的一个分句")


@given(st.text(st.sampled_from("ab Z9.,!?;:。，！\n"), max_size=400))
def test_split_loses_nothing_but_blanks(text: str) -> None:
    parts = split(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part == part.strip() != "" for part in parts)
