"""Transcripts of many makes become what callers said; what cannot be read is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.errors import EvaluationError
from voicebot.replay.transcripts import READERS, read


def calls(tmp_path: Path, name: str, text: str) -> dict[str, list[str]]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return {call.name: [words for words, _ in call.said] for call in read(path)}


def test_text_is_one_utterance_a_line_with_or_without_who_spoke(tmp_path: Path) -> None:
    assert calls(tmp_path, "a.txt", "hello\n\nmy bill: why is it high\n") == {"a": ["hello", "my bill: why is it high"]}
    assert calls(tmp_path, "b.txt", "Agent: hi\nCaller: my bill\nCUSTOMER : thanks\n客服：你好\n客户：账单\n") == {"b": ["my bill", "thanks", "账单"]}


def test_a_table_holds_many_calls(tmp_path: Path) -> None:
    rows = 'call,speaker,text\n1,caller,"a, b"\n2,caller,c\n1,agent,x\n1,caller,d\n3,agent,only the agent\n'
    assert calls(tmp_path, "a.csv", rows) == {"1": ["a, b", "d"], "2": ["c"]}
    assert calls(tmp_path, "b.csv", "text\nhello\n") == {"b": ["hello"]}


def test_json_holds_texts_or_objects(tmp_path: Path) -> None:
    rows = ["hello", {"text": "my bill", "speaker": "caller"}, {"text": "yes?", "speaker": "agent"}, {"call": "2", "text": "bye"}]
    assert calls(tmp_path, "a.json", json.dumps(rows)) == {"a": ["hello", "my bill"], "2": ["bye"]}


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("a.csv", b"speaker,words\n", "a.csv: no column text in the first line"),
        ("a.csv", b"speaker,text\nmartian,hi\n", "a.csv: speaker 'martian' is unknown; write caller or agent"),
        ("a.json", b"{}", "a.json: is no JSON list"),
        ("a.json", b"[1]", "a.json: is no JSON list"),
        ("a.json", b"[", "a.json: is no JSON list"),
        ("a.txt", b"\xff", "a.txt: is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_fix(tmp_path: Path, name: str, raw: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(EvaluationError, match=message):
        read(tmp_path / name)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"a\.txt: cannot be read: No such file"):
        read(tmp_path / "a.txt")


@given(suffix=st.sampled_from(sorted(READERS)), raw=st.binary(max_size=80))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path: Path, suffix: str, raw: bytes) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(raw)
    try:
        assert all(words and confidence == 1.0 for call in read(path) for words, confidence in call.said)
    except EvaluationError as error:
        assert str(error).startswith(str(path))
