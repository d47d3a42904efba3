"""Who is with a caller after handover, told from bridges and channel names, and how his record is caught up with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from voicebot.store.events import AgentLeft, Event, Outcome, QueueEntered, QueueLeft
from voicebot.telephony.adoption import Awaited
from voicebot.telephony.ari import Bridge, Channel
from voicebot.telephony.followed import Followed, agent_of, with_him

LIVE = {name: Channel(name, f"PJSIP/{name}-0000002a") for name in ("c", "c-media", "6001")}


@pytest.mark.parametrize(("name", "agent"), [("PJSIP/6001-0000002a", "6001"), ("PJSIP/a-b-01", "a-b"), ("Local/x", "Local/x"), ("", "")])
def test_an_agent_is_told_by_the_name_of_his_channel(name: str, agent: str) -> None:
    assert agent_of(Channel("a", name)) == agent


@pytest.mark.parametrize(
    ("bridges", "found"),
    [
        ((), None),
        ((Bridge("q", "", ("c", "6001")),), "6001"),
        ((Bridge("q", "", ("6001", "c")), Bridge("c-bridge", "", ("c", "c-media"))), "6001"),
        ((Bridge("c-bridge", "", ("c", "c-media")),), None),
        ((Bridge("q", "", ("c",)),), None),
        ((Bridge("q", "", ("c", "gone")),), None),
        ((Bridge("q", "", ("other", "6001")),), None),
    ],
)
def test_who_hears_a_caller_is_told_by_his_bridge(bridges: Sequence[Bridge], found: str | None) -> None:
    assert with_him("c", bridges, LIVE) == (LIVE[found] if found else None)


class Record:
    """What the journal gives back."""

    call_id = "c"

    def __init__(self, sealed: bool = False) -> None:
        self.sealed = sealed
        self.lines: list[tuple[int, Event]] = []

    def append(self, t_ms: int, event: Event) -> None:
        self.lines.append((t_ms, event))

    def seal(self, _t_ms: int, _outcome: Outcome, _by: str) -> bool:
        raise AssertionError("nothing ended here")

    async def resume(self, _call_id: str) -> Record:
        return self


@pytest.mark.parametrize("sealed", [False, True])
def test_what_was_seen_meanwhile_is_written_unless_another_has_ended_the_record(sealed: bool) -> None:
    seen = Awaited("c")
    seen.append(7_000, QueueEntered("support"))
    caller, journal = Followed(seen, 0.0), Record(sealed)
    standing: Any = journal
    asyncio.run(caller.catch_up(standing))
    assert caller.record is standing
    assert journal.lines == ([] if sealed else [(7_000, QueueEntered("support"))])


def test_a_caller_without_a_record_has_none_to_catch_up_with() -> None:
    caller, nothing = Followed(Awaited(), 0.0), object()
    journal: Any = nothing
    asyncio.run(caller.catch_up(journal))
    assert isinstance(caller.record, Awaited)


def test_times_are_the_calls_and_never_before_its_start() -> None:
    caller = Followed(Awaited(), 100.0)
    assert [caller.now_ms(now_s) for now_s in (99.0, 100.0, 101.5)] == [0, 0, 1_500]


def test_another_queue_is_left_for_and_the_same_one_is_told_of_once() -> None:
    caller = Followed(Awaited("c"), 0.0)
    steps = [*caller.steps("Queue", "direct-6003,i"), *caller.steps("Queue", "direct-6003,i"), *caller.steps("Queue", "support,i")]
    assert steps == [QueueEntered("direct-6003"), QueueLeft("direct-6003", "nobody answered in time"), QueueEntered("support")]


@pytest.mark.parametrize(
    ("queue", "agent", "joined", "told"),
    [
        ("support", "", False, [QueueLeft("support", "sent on")]),
        ("support", "6001", False, [AgentLeft("6001", "sent on"), QueueLeft("support", "sent on")]),
        ("support", "6001", True, [AgentLeft("6001", "sent on")]),
        (None, "", False, []),
    ],
)
def test_who_is_pulled_leaves_agent_or_queue_and_begins_anew(queue: str | None, agent: str, joined: bool, told: list[Event]) -> None:
    record = Record()
    caller = Followed(record, 0.0, queue=queue, agent=agent, agent_channel=agent, joined=joined, was_joined=joined)  # type: ignore[arg-type]
    caller.pulled("sent on", 7, ended=False)
    assert [event for _, event in record.lines] == told
    assert (caller.queue, caller.agent, caller.agent_channel, caller.joined, caller.ended) == (None, "", "", False, False)
    assert caller.was_joined is joined
    assert list(caller.steps("Queue", "support,i")) == [QueueEntered("support")]
