"""A bot's call that a supervisor takes, sends on or ends, as the decision it becomes and as a whole call in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.asterisk import CALLER
from tests.kit.bot import Bench
from tests.kit.conversation import QUEUED, Caller, Step, happens, hold, says
from tests.kit.speech import scripted_ears
from tests.kit.tales import ANSWERED, ASKED_WHEN, GREETED, HUNG_UP, WHEN
from voicebot.dialogue.decisions import EndCall, HandOver, Prompt, State, Why
from voicebot.store.events import AngerScored, BotSpoke, CallerSpoke, HandoverDecided
from voicebot.supervised import obeyed
from voicebot.telephony.supervision import Deed, Order


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


def order(deed: Deed, after_ms: int | None = None, **how: str) -> Step:
    def given(caller: Caller) -> None:
        assert caller.bench.bot.orders.give(Order(deed, CALLER, **how))

    return happens(given, after_ms)


@pytest.mark.parametrize(
    ("wanted", "queue"),
    [(Order("send", "c"), ""), (Order("send", "c", queue="billing"), "billing"), (Order("take", "c", "6003"), "direct-6003")],
)
def test_who_is_taken_or_sent_on_goes_to_a_person_by_that_queue(wanted: Order, queue: str) -> None:
    step = obeyed(wanted, State.start())
    assert step.decision == HandOver(Why.SUPERVISOR, "normal", (Prompt("connecting"),), queue)
    assert "supervisor" in step.reason


@pytest.mark.parametrize(("answered", "outcome"), [((), "unanswered"), (("wifi",), "contained")])
def test_a_call_that_is_ended_was_served_if_anything_was_answered(answered: tuple[str, ...], outcome: str) -> None:
    step = obeyed(Order("end", "c"), replace(State.start(), answered=answered))
    assert step.decision == EndCall((Prompt("goodbye"),), outcome)  # type: ignore[arg-type]


def test_the_bot_stops_in_the_middle_of_a_word_and_the_caller_goes_where_the_supervisor_wants(tmp_path: Path) -> None:
    held = hold(Bench(tmp_path), says(WHEN), order("take", 1_000, phone="6003"))
    assert [line for line in held.story if not line.startswith("bot, answer")] == [
        *GREETED,
        *ASKED_WHEN,
        "decided HandOver: taken over by a supervisor",
        *["handover to direct-6003: was taken from the bot by a supervisor", "bot, handover: connecting"],
    ]
    [answer] = [spoke for spoke in held.record.of(BotSpoke) if spoke.kind == "answer"]
    assert answer.cut
    assert answer.heard_ms == pytest.approx(1_000, abs=60)
    assert "set VOICEBOT_QUEUE=direct-6003" in held.asked
    assert held.asked[-1] == QUEUED
    assert held.wrongs() == []


def test_nothing_is_heard_from_the_order_on(tmp_path: Path) -> None:
    held = hold(Bench(tmp_path), says(WHEN), order("send"), says("hello is anybody there"))
    lines = [event for _, event in held.record.lines]
    handed = next(place for place, event in enumerate(lines) if isinstance(event, HandoverDecided))
    assert not [event for event in lines[handed:] if isinstance(event, CallerSpoke | AngerScored)]
    assert held.record.of(HandoverDecided)[0].queue == "support"
    assert held.wrongs() == []


def test_the_bot_says_goodbye_in_a_call_that_is_ended(tmp_path: Path) -> None:
    held = hold(Bench(tmp_path), says(WHEN), order("end"))
    assert held.story == [*GREETED, *ANSWERED, "decided EndCall: ended by a supervisor", "bot, goodbye: goodbye"]
    assert held.asked[-1:] == HUNG_UP
    assert (held.ending, held.wrongs()) == ("contained by bot", [])


def test_before_the_notice_is_given_and_after_the_call_nothing_can_be_ordered(tmp_path: Path) -> None:
    asked: list[bool] = []

    def tries(caller: Caller) -> None:
        asked.append(caller.bench.bot.orders.give(Order("send", CALLER)))

    bench = Bench(tmp_path)
    held = hold(bench, happens(tries, 500), says(WHEN), order("end"))
    assert asked == [False]
    assert held.wrongs() == []
    assert not bench.bot.orders.give(Order("send", CALLER))
