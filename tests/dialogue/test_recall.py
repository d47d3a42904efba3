"""The state of a call survives the journal whole, whatever it is and whatever is added to it."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import Answer, MenuItem, Prompt, State
from voicebot.dialogue.recall import restored, snapshot


@given(st.from_type(State))
def test_any_state_comes_back_as_it_was(state: State) -> None:
    assert restored(json.loads(json.dumps(snapshot(state)))) == state


def test_every_field_of_the_state_is_kept() -> None:
    assert set(snapshot(State.start())) == {field.name for field in dataclasses.fields(State)}


def test_each_kind_of_line_comes_back_as_its_own_kind() -> None:
    lines = (Prompt("again"), Prompt("did_you_mean", ("a", "b")), Answer("a", "short"), Answer("a"), MenuItem("1", "a"))
    again = restored(snapshot(State(lines=lines)))
    assert again is not None
    assert [(type(line), line) for line in again.lines] == [(type(line), line) for line in lines]


def test_nothing_and_nonsense_are_no_state() -> None:
    assert restored({}) is None
    assert restored({"misses": "many"}) is None


def test_a_field_of_a_later_version_does_not_matter() -> None:
    assert restored({**snapshot(State.start()), "mood": 3}) == State.start()
