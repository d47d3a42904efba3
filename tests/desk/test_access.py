"""Who may open what, tried for every line of the table and every role; who may see which call."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.deskkit import BEGUN, QUEUED, WITH_BOT, handled, lines, over, person
from voicebot.desk.access import EVERYBODY, RULES, SUPERVISORS, Rule, may_see, rule
from voicebot.handover.story import Story, told
from voicebot.store.events import AgentLeft, AgentRang, Event
from voicebot.store.postings import Posting
from voicebot.store.staff import Role

SAT = Posting("6001", BEGUN - timedelta(hours=1), None, "ann", "ready", "", BEGUN)


def story(*happened: tuple[int, Event]) -> Story:
    found = told(lines(*WITH_BOT, *QUEUED, *happened))
    assert found
    return found


def test_only_signing_in_and_what_holds_no_call_is_open_to_all() -> None:
    assert {one.path for one in RULES if one.roles is None} == {"/sign-in", "/static/*", "/healthz", "/favicon.ico"}


@pytest.mark.parametrize("path", ["", "//", "/nowhere", "/pop", "/pop/", "/pop/a/b", "/sign-in/x", "/api", "/api/calls/a/b", "/healthz2", "/\n"])
def test_what_is_not_in_the_table_is_no_page(path: str) -> None:
    assert rule("GET", path) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "WEBSOCKET"])
def test_a_page_is_only_looked_at(method: str) -> None:
    for path in ("/", "/pop/c1", "/api/calls", "/api/calls/c1"):
        assert rule(method, path) is None


def test_a_line_covers_its_path_alone() -> None:
    assert Rule("/a/{}/b", EVERYBODY).covers("GET", "/a/x.y/b")
    assert not Rule("/a/{}/b", EVERYBODY).covers("GET", "/a/x/y/b")
    assert not Rule("/a.b", EVERYBODY).covers("GET", "/axb")
    assert Rule("/a/*", EVERYBODY).covers("GET", "/a/x/y")


@given(st.text(max_size=60))
def test_any_path_has_one_answer(path: str) -> None:
    found = rule("GET", path)
    assert found is None or found.covers("GET", path)


@pytest.mark.parametrize("role", SUPERVISORS)
def test_supervisors_see_every_call(role: Role) -> None:
    assert may_see(person("sue", role), (), story())


@pytest.mark.parametrize(
    ("happened", "sees"),
    [
        ((), False),
        (handled("6001")[:1], True),
        (handled("6001"), True),
        ((*handled("6001"), *over()), True),
        (handled("6002"), False),
        (((29_000, AgentRang("6001")), (40_000, AgentLeft("6001", "no answer"))), False),
        (((29_000, AgentRang("6001")), (40_000, AgentLeft("6001", "no answer")), *handled("6002")), False),
    ],
)
def test_an_agent_sees_what_rings_at_or_was_answered_at_their_phone(happened: tuple[tuple[int, Event], ...], sees: bool) -> None:
    assert may_see(person(), (SAT,), story(*happened)) is sees


@pytest.mark.parametrize("sat", [(-60, None), (-60, 60), (-60, 0), (1, None), (1, 9)])
def test_only_while_they_sat_there(sat: tuple[int, int | None]) -> None:
    since, until = (None if minutes is None else BEGUN + timedelta(minutes=minutes) for minutes in sat)
    assert since
    posting = Posting("6001", since, until, "ann", "ready", "", BEGUN)
    rang = BEGUN + timedelta(milliseconds=29_000)
    assert may_see(person(), (posting,), story(*handled("6001"))) is (since <= rang and (until is None or rang < until))
