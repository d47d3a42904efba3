"""The profile: each field with where it is from, nothing of an account before proof, and a priority at the most."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.customers.demo import people
from voicebot.customers.profile import REPEAT_DAYS, EarlierCall, profile

TODAY = date(2026, 3, 14)
PEOPLE = [person.account for person in people(TODAY)]
ROAMED, HOME, HEAVY, PAID, COMPLAINED = PEOPLE[:5]
YESTERDAY = TODAY - timedelta(days=1)
_calls = st.lists(
    st.builds(
        EarlierCall,
        st.dates(date(2025, 1, 1), TODAY),
        st.sampled_from(["contained", "handed_over", "abandoned"]),
        st.lists(st.sampled_from(["bill-higher", "outage"]), max_size=2).map(tuple),
        st.sampled_from(["", "is upset"]),
        st.booleans(),
        st.frozensets(st.sampled_from(["recording", "analysis"])),
        st.sampled_from(["", "en", "zh"]),
    ),
    max_size=5,
)


def values(*arguments: object) -> dict[str, str]:
    return {field.name: field.value for field in profile(*arguments).fields}  # type: ignore[arg-type]


def test_an_account_tells_products_habit_trend_and_complaints() -> None:
    assert values(HOME, (), TODAY, True) == {"products": "mobile, home", "usage_habit": "moderate", "bill_trend": "steady"}
    assert values(HEAVY, (), TODAY, True)["usage_habit"] == "heavy"
    assert values(ROAMED, (), TODAY, True)["bill_trend"] == "rising"
    assert values(PAID, (), TODAY, True)["bill_trend"] == "falling"
    assert values(COMPLAINED, (), TODAY, True)["complaint_record"] == "in_progress"


def test_earlier_calls_tell_topics_outcome_language_and_consent() -> None:
    calls = (
        EarlierCall(YESTERDAY, "contained", ("bill-higher",), refused=frozenset({"recording"}), language="zh"),
        EarlierCall(TODAY - timedelta(days=40), "handed_over", ("bill-higher", "outage"), "is upset", True, language="zh"),
    )
    found = values(None, calls, TODAY, False)
    assert found == {
        "topics": "bill-higher, outage",
        "last_outcome": "contained",
        "anger_at_handover": "yes",
        "preferred_language": "zh",
        "consent": "refuses recording",
    }


@pytest.mark.parametrize(
    ("call", "priority"),
    [
        (EarlierCall(YESTERDAY, "contained"), 0),
        (EarlierCall(YESTERDAY, "abandoned"), 1),
        (EarlierCall(YESTERDAY, "handed_over", reason="was not understood"), 1),
        (EarlierCall(TODAY - timedelta(days=REPEAT_DAYS + 1), "abandoned"), 0),
        (EarlierCall(TODAY - timedelta(days=200), "handed_over", reason="is upset", angry=True), 1),
    ],
)
def test_before_proof_it_sets_a_priority(call: EarlierCall, priority: int) -> None:
    assert profile(None, (call,), TODAY, False).priority == priority


@given(st.sampled_from(PEOPLE), _calls)
def test_before_proof_nothing_of_the_account_is_in_it(account: object, calls: list[EarlierCall]) -> None:
    found = profile(account, calls, TODAY, False)  # type: ignore[arg-type]
    assert all(field.source == "earlier calls" for field in found.fields)
    assert found == profile(None, calls, TODAY, False)


@given(st.sampled_from(PEOPLE), _calls)
def test_every_field_has_its_evidence_and_stands_once(account: object, calls: list[EarlierCall]) -> None:
    fields = profile(account, calls, TODAY, True).fields  # type: ignore[arg-type]
    assert len({field.name for field in fields}) == len(fields)
    assert all(field.value and field.evidence and field.day <= TODAY for field in fields)


def test_of_nobody_nothing_is_known() -> None:
    nobody = profile(None, (), TODAY, False)
    assert (nobody.fields, nobody.priority, nobody.field("topics")) == ((), 0, None)
