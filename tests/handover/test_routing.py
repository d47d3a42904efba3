"""Which queue a caller goes to and before whom: danger before all, the rest as the settings say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import Style, Why
from voicebot.dialogue.steps import DANGERS
from voicebot.handover.routing import DANGER, UPSET, Route, connecting, route, told_of
from voicebot.settings.handover import MATTERS, REASONS, Handover, Way
from voicebot.settings.hours import Hours

WHYS = st.sampled_from(list(Why))
SETTINGS = st.builds(
    Handover,
    queues=st.dictionaries(st.sampled_from([*REASONS, *MATTERS]), st.builds(Way, queue=st.none() | st.just("other"), priority=st.integers(0, 9))),
)
BILLING = Handover(
    queues={
        "account": Way(queue="billing", priority=1),
        "complaint": Way(queue="complaints", priority=3),
        "person": Way(priority=2),
        "danger": Way(queue="crisis"),
        "fraud": Way(queue="fraud"),
    }
)


@pytest.mark.parametrize(
    ("why", "matter", "expected"),
    [
        (Why.COMPLAINT, "complaint", Route("complaints", 3)),
        (Why.NOT_UNDERSTOOD, "account", Route("billing", 1)),
        (Why.PERSON, "account", Route("support", 2)),  # why a person takes over counts first
        (Why.SILENT, "fault", Route("support", 0)),
        (Why.SILENT, "", Route("support", 0)),
        (Why.EMERGENCY, "account", Route("crisis", DANGER)),
        (Why.VULNERABLE, "", Route("crisis", DANGER)),
        (Why.FRAUD, "danger", Route("fraud", DANGER)),
    ],
)
def test_the_reason_names_the_queue_and_else_the_matter(why: Why, matter: str, expected: Route) -> None:
    assert route(BILLING, why, matter) == expected


@given(WHYS, st.sampled_from(["", *MATTERS]), st.booleans())
def test_left_out_all_go_to_one_queue_and_danger_first(why: Why, matter: str, urgent: bool) -> None:
    way = route(Handover(), why, matter, urgent)
    assert way == Route("support", DANGER if why in DANGERS else UPSET if urgent else 0)
    assert way.urgent == (urgent or why in DANGERS)


@given(SETTINGS, WHYS, WHYS, st.booleans(), st.integers(0, 3))
def test_nothing_comes_before_danger(settings: Handover, why: Why, other: Why, urgent: bool, known: int) -> None:
    if why in DANGERS and other not in DANGERS:
        assert route(settings, why).priority > route(settings, other, "complaint", urgent, known).priority


@given(SETTINGS, WHYS, st.sampled_from(["", *MATTERS]), st.integers(0, 3))
def test_a_profile_brings_a_caller_forward_and_never_before_the_urgent(settings: Handover, why: Why, matter: str, known: int) -> None:
    plain, forward = route(settings, why, matter), route(settings, why, matter, known=known)
    assert plain.queue == forward.queue
    assert plain.priority <= forward.priority <= max(plain.priority, 9)


@given(SETTINGS, WHYS, st.sampled_from(["", *MATTERS]))
def test_every_queue_that_a_caller_can_be_sent_to_is_named(settings: Handover, why: Why, matter: str) -> None:
    assert route(settings, why, matter).queue in settings.names


def test_out_of_hours_the_bot_promises_nobody_but_to_those_in_danger() -> None:
    shut = Handover(hours=Hours(open=("mon 08:00-09:00",)))
    sunday, monday = datetime(2026, 11, 22, 8, 30, tzinfo=UTC), datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    assert not connecting(shut, route(shut, Why.PERSON), sunday)
    assert not connecting(shut, route(shut, Why.UPSET, urgent=True), sunday)
    assert connecting(shut, route(shut, Why.EMERGENCY), sunday)
    assert connecting(shut, route(shut, Why.PERSON), monday)


def test_the_dialplan_is_told_what_it_has_to_know_and_no_more() -> None:
    told = told_of(Handover(), Route("support", 0), Why.PERSON)
    assert told == {"VOICEBOT_QUEUE": "support", "VOICEBOT_PRIORITY": "0", "VOICEBOT_REASON": "asked for a person"}
    assert told_of(Handover(), Route("support", 0), Why.PERSON, briefing=Path("/b/c1"))["VOICEBOT_BRIEFING"] == "/b/c1"


@pytest.mark.parametrize(
    ("survey", "why", "style", "asked"),
    [
        ("off", Why.PERSON, "neutral", False),
        ("calm", Why.PERSON, "neutral", True),
        ("calm", Why.PERSON, "calming", False),
        ("calm", Why.UPSET, "neutral", False),
        ("calm", Why.ABUSE, "neutral", False),
        ("calm", Why.EMERGENCY, "neutral", False),
        ("calm", Why.VULNERABLE, "warm", False),
        ("all", Why.UPSET, "calming", True),
        ("all", Why.EMERGENCY, "neutral", False),
    ],
)
def test_after_danger_nobody_is_asked_for_a_mark_nor_after_anger_unless_the_settings_say_so(survey: str, why: Why, style: Style, asked: bool) -> None:
    settings = Handover.model_validate({"survey": survey})
    assert ("VOICEBOT_SURVEY" in told_of(settings, route(settings, why), why, style)) is asked
