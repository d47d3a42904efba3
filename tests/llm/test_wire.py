"""Whatever is said is one line and comes back as it was; anything else is refused by name."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.llm.wire import Done, Drop, Generate, Piece, Ready, Unfit, answered, asked, line

IDS = st.integers(0, 2**53)
ASKED = st.builds(Generate, IDS, st.lists(st.tuples(st.text(), st.text())).map(tuple), st.integers(1, 500)) | st.builds(Drop, IDS)
ANSWERED = st.just(Ready()) | st.builds(Piece, IDS, st.text()) | st.builds(Done, IDS, st.text()) | st.builds(Unfit, st.text())


@given(ASKED)
def test_what_is_asked_survives(what: Generate | Drop) -> None:
    packed = line(what)
    assert packed.count(b"\n") == 1
    assert asked(packed) == what


@given(ANSWERED)
def test_what_is_answered_survives(what: Ready | Piece | Done | Unfit) -> None:
    packed = line(what)
    assert packed.count(b"\n") == 1
    assert answered(packed) == what


@given(st.binary(max_size=60))
def test_anything_else_is_refused(junk: bytes) -> None:
    for read in (asked, answered):
        with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
            read(junk)
