"""Generated calls keep the rules of real ones, are the same for the same seed, and end in every way a call can."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.kit.calllog import ENTRIES
from voicebot.store.events import CallSealed, CallStarted, Line
from voicebot.store.history import violations
from voicebot.testbed.generated import ENDS, generated

UNTIL = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def records() -> list[tuple[Line, ...]]:
    return list(generated(600, 5, UNTIL, ENTRIES))


def test_each_record_keeps_every_rule(records: list[tuple[Line, ...]]) -> None:
    assert [violation for record in records for violation in violations(record)] == []


def test_they_come_in_the_order_of_time_with_names_of_their_own(records: list[tuple[Line, ...]]) -> None:
    begun = [record[0].at_utc for record in records]
    assert begun == sorted(begun)
    assert begun[-1] < UNTIL
    assert len({record[0].call_id for record in records}) == 600


def test_every_end_and_both_languages_are_there(records: list[tuple[Line, ...]]) -> None:
    ends = {record[-1].event.outcome for record in records if isinstance(record[-1].event, CallSealed)}
    assert ends == set(ENDS)
    assert {record[0].event.language for record in records if isinstance(record[0].event, CallStarted)} == {"en", "zh"}


def test_the_same_seed_gives_the_same_calls_and_another_others(records: list[tuple[Line, ...]]) -> None:
    assert list(generated(600, 5, UNTIL, ENTRIES)) == records
    assert list(generated(600, 6, UNTIL, ENTRIES)) != records


def test_a_knowledge_base_of_one_language_gives_calls_in_it() -> None:
    english = [entry for entry in ENTRIES if entry.language == "en"]
    assert {r[0].event.language for r in generated(40, 1, UNTIL, english) if isinstance(r[0].event, CallStarted)} == {"en"}
