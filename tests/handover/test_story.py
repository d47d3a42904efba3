"""A call's story is folded from its lines; what is missing stays missing, what cannot be read breaks nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.deskkit import ANI, COMPLAINT, QUESTION, QUEUED, WITH_BOT, handled, lines, over
from voicebot.handover.briefing import MASK
from voicebot.handover.story import Felt, Hold, Story, begin, fold, told
from voicebot.store.events import (
    AgentLeft,
    AgentRang,
    AngerScored,
    BriefingImproved,
    CallerSpoke,
    CallSealed,
    Decided,
    Event,
    HandoverDecided,
    Line,
    OfferAnswered,
    OptedOut,
    QueueLeft,
)


def story(*happened: tuple[int, Event]) -> Story:
    found = told(lines(*happened))
    assert found is not None
    return found


def test_what_was_said_is_told_in_order_as_it_was_heard() -> None:
    said = story(*WITH_BOT).said
    assert [(each.who, each.text) for each in said] == [
        ("bot", "Welcome."),
        ("caller", QUESTION),
        ("bot", "Open My Bill"),
        ("caller", COMPLAINT),
        ("bot", "Do you mean roaming or a refund?"),
        ("caller", "an agent please"),
    ]
    assert [each.cut for each in said] == [False, False, True, False, False, False]
    assert said[3].sure == 0.41


@pytest.mark.parametrize(
    ("decided", "urgent"),
    [
        (HandoverDecided("reports an emergency", "support", 20, "", True), True),
        (HandoverDecided("has a complaint", "complaints", 9, "", False), False),
        (HandoverDecided("reports an emergency", "support", 1, ""), True),  # rows from before `urgent`
        (HandoverDecided("asked for a person", "support", 0, ""), False),
    ],
)
def test_a_call_is_urgent_when_its_record_says_so_and_an_old_one_by_its_priority(decided: HandoverDecided, urgent: bool) -> None:
    found = story((1, decided))
    assert (found.urgent, found.queue) == (urgent, decided.queue)


def test_what_was_tried_is_counted() -> None:
    found = story(*WITH_BOT)
    assert (found.answered, found.unsure, found.interruptions) == (("bill-higher",), 1, 1)


def test_the_class_of_the_latest_turn_and_who_has_proved_himself_stay() -> None:
    guessed, proved = {"errand": {"customer": "20481957", "verified": False}}, {"errand": {"customer": "20481957", "verified": True}}
    found = story((1, Decided("Reply", "", state=guessed, kind="account")), (2, Decided("Lookup", "")))
    assert (found.kind, found.customer) == ("account", "")
    found = story((1, Decided("Reply", "", state=proved, kind="account")), (2, Decided("Clarify", "", kind="complaint")))
    assert (found.kind, found.customer, found.unsure) == ("complaint", "20481957", 1)


@pytest.mark.parametrize("state", [{}, {"errand": None}, {"errand": "x"}, {"errand": {"verified": True}}, {"errand": {"customer": "1"}}])
def test_a_state_that_cannot_be_read_proves_nothing(state: dict[str, object]) -> None:
    assert story((1, Decided("Reply", "", state=state))).customer == ""


@pytest.mark.parametrize(
    ("happened", "stage", "agent"),
    [
        (WITH_BOT, "bot", ""),
        ((*WITH_BOT, *QUEUED[:2]), "leaving", ""),
        ((*WITH_BOT, *QUEUED), "queue", ""),
        ((*WITH_BOT, *QUEUED, *handled("6001")[:1]), "ringing", "6001"),
        ((*WITH_BOT, *QUEUED, *handled("6001")[:3]), "briefing", "6001"),
        ((*WITH_BOT, *QUEUED, *handled("6001")), "agent", "6001"),
        ((*WITH_BOT, *QUEUED, *handled("6001"), *over()), "over", ""),
        ((*WITH_BOT, *QUEUED, *handled("6001"), *over("6001")), "over", ""),
        ((*WITH_BOT, *QUEUED, (29_000, AgentRang("6001")), (40_000, AgentLeft("6001", "no answer"))), "queue", ""),
        ((*WITH_BOT, *QUEUED, (99_000, QueueLeft("support", "nobody answered in time"))), "over", ""),
    ],
)
def test_the_stage_follows_the_call(happened: tuple[tuple[int, Event], ...], stage: str, agent: str) -> None:
    found = story(*happened)
    assert (found.stage, found.agent) == (stage, agent)


def test_a_stage_knows_since_when() -> None:
    record = lines(*WITH_BOT, *QUEUED)
    found = told(record)
    assert found
    assert found.since_utc == record[-1].at_utc


def test_who_rang_answered_and_left_is_kept() -> None:
    missed = ((29_000, AgentRang("6001")), (40_000, AgentLeft("6001", "no answer")))
    record = lines(*WITH_BOT, *QUEUED, *missed, *[(t_ms + 20_000, event) for t_ms, event in handled("6002")])
    found = told(record)
    assert found
    assert [(hold.agent, hold.answered, hold.left) for hold in found.holds] == [("6001", False, True), ("6002", True, False)]
    assert found.holds[0] == Hold("6001", record[-6].at_utc, False, True)


def test_an_agent_who_answers_unseen_still_has_the_call() -> None:
    assert [(hold.agent, hold.answered) for hold in story(*QUEUED, *handled("6001")[1:]).holds] == [("6001", True)]


def test_the_end_is_told() -> None:
    found = story(*WITH_BOT, (30_000, CallSealed("contained", "bot", 30_000)))
    assert (found.stage, found.outcome) == ("over", "contained")


def test_long_numbers_are_masked_on_the_way_in() -> None:
    assert story((1, CallerSpoke("my card is 4111 1111 1111 1111", 1, 0, 1))).said[0].text == f"my card is {MASK}"


def test_refusals_are_kept() -> None:
    assert story((1, OptedOut("analysis"))).opt_outs == {"analysis"}


def test_anger_comes_with_its_reasons_and_whether_it_called_for_a_person() -> None:
    scored = AngerScored(0.7, 1.2, 0.8, 0.1, escalate=True, evidence=("louder than before", "“charged 4111111111”"))
    assert story((9_000, scored)).felt == (Felt(9_000, 0.7, ("louder than before", f"“charged {MASK}”"), True),)


@pytest.mark.parametrize(("score", "kept"), [(7, 1.0), (-1, 0.0), (0.25, 0.25)])
def test_anger_stays_between_nothing_and_one(score: float, kept: float) -> None:
    assert story((1, AngerScored(score))).felt[0].score == kept


def test_a_better_need_replaces_the_templates_and_a_refused_one_does_not() -> None:
    assert story((1, BriefingImproved("llm", 900, "spoken", "Wants a refund."))).better_need == "Wants a refund."
    assert (
        story((1, BriefingImproved("llm", 900, "", "Wants a refund.")), (2, BriefingImproved("llm", 900, refused="untrue"))).better_need
        == "Wants a refund."
    )


def test_offers_are_kept_with_their_answer() -> None:
    assert story((1, OfferAnswered("data-pack", True)), (2, OfferAnswered("family-plan", False))).offers == (
        ("data-pack", True),
        ("family-plan", False),
    )


@given(st.one_of(st.text(), st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers())))))
def test_no_line_of_any_tag_breaks_a_story(payload: object) -> None:
    text = payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()
    for kind in ("anger_scored", "something_new"):
        fold(story(), Line("c1", 1, 1, datetime(2026, 3, 14, tzinfo=UTC), kind, text))


def test_only_a_start_begins_a_story() -> None:
    record = lines(*WITH_BOT)
    assert begin(record[1]) is None
    assert told(record[1:]) is None
    first = begin(record[0])
    assert first
    assert (first.call_id, first.ani, first.dnis, first.stage) == ("c1", ANI, "100", "bot")
