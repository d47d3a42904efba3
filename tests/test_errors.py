"""One line for a person, whatever was raised around it."""

from __future__ import annotations

import inspect

import pytest

from voicebot import errors
from voicebot.errors import AriError, VoicebotError, innermost, plain, status, told


def test_the_tree_at_the_top_names_every_error_of_the_module() -> None:
    kinds = [kind.__name__ for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert all(kind in (errors.__doc__ or "") for kind in kinds)


def test_the_first_error_of_nested_groups_is_found() -> None:
    first = ValueError("a")
    group = BaseExceptionGroup("x", [BaseExceptionGroup("y", [first, KeyError("b")]), TypeError("c")])
    assert innermost(group) is first
    assert innermost(first) is first


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (VoicebotError("port 1 is taken; use 2"), "port 1 is taken; use 2"),
        (ValueError("odd"), "ValueError: odd"),
        (ExceptionGroup("x", [AriError("refused", 409)]), "refused"),
    ],
)
def test_ours_speak_for_themselves_and_others_are_named(error: BaseException, line: str) -> None:
    assert plain(error) == line


def test_an_ari_error_keeps_its_status() -> None:
    assert (AriError("x", 404).status, AriError("x").status) == (404, 0)
    assert (status(ExceptionGroup("g", [AriError("x", 404)])), status(ValueError("x"))) == (404, 0)


def test_all_of_a_group_is_told_or_none() -> None:
    ours, theirs = VoicebotError("a"), KeyError("b")
    assert told(ours) == (ours,)
    assert told(ExceptionGroup("", [ours, ExceptionGroup("", [ours])])) == (ours, ours)
    assert told(ExceptionGroup("", [ours, theirs])) == ()
    assert told(theirs) == ()
