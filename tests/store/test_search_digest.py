"""What is kept of a call so that it can be found: read off its record, for each way a call can end."""

from __future__ import annotations

import pytest

from tests.kit.deskkit import ANI, BEGUN, QUESTION, QUEUED, WITH_BOT, handled, lines, over
from voicebot.store.events import AngerScored, CallerHungUp, CallerSpoke, CallSealed, Decided, Event, Fault, QueueLeft
from voicebot.store.search_digest import Digest, alike, digest

SEALED = (70_000, CallSealed("contained", "bot", 70_000))


def made(*happened: tuple[int, Event]) -> Digest:
    found = digest(lines(*happened))
    assert found
    return found


def test_a_call_that_is_still_open_has_none() -> None:
    assert digest(lines(*WITH_BOT)) is None
    assert digest([]) is None
    assert digest(lines(*WITH_BOT, SEALED)[1:]) is None


def test_a_call_that_the_bot_served() -> None:
    found = made(*WITH_BOT, SEALED)
    assert (found.call_id, found.started_utc, found.ani, found.outcome) == ("c1", BEGUN, ANI, "contained")
    assert (found.reason, found.queue, found.agent, found.wait_ms, found.talk_ms) == ("", "", "", None, None)
    assert found.topics == ("bill-higher",)
    assert found.led == "", "nobody was handed over"
    assert {"bill", "roaming"} <= found.terms
    assert "refund" not in found.terms, "what the bot said is not what the caller said"


def test_a_call_that_an_agent_took() -> None:
    found = made(*WITH_BOT, *QUEUED, *handled("6001"), *over("6001"))
    assert (found.reason, found.queue, found.agent, found.outcome) == ("asked for a person", "support", "6001", "handed_over")
    assert (found.wait_ms, found.talk_ms, found.briefed) == (2_500, 25_000, True)
    assert found.led == "bill-higher"


@pytest.mark.parametrize(
    ("end", "waited"),
    [(((40_000, QueueLeft("support", "timeout")), (40_100, CallSealed("abandoned", "floor", 40_100))), 12_500), (over()[:2], 32_600)],
)
def test_a_caller_who_waited_for_nobody(end: tuple[tuple[int, Event], ...], waited: int) -> None:
    found = made(*WITH_BOT, *QUEUED, *end)
    assert (found.wait_ms, found.talk_ms, found.agent) == (waited, None, "")


def test_the_anger_is_the_highest_there_was_and_none_without_a_score() -> None:
    assert made(*WITH_BOT, SEALED).anger is None
    assert made(*WITH_BOT, (25_000, AngerScored(0.7)), (26_000, AngerScored(0.4)), SEALED).anger == 0.7


def test_a_question_nothing_was_known_about_is_unanswered_and_counted() -> None:
    heard = CallerSpoke("do you sell gift cards", 0.9, 25_000, 26_000)
    missed = Decided("Reply", "not understood, best refund 0.31")
    found = made(*WITH_BOT, (26_000, heard), (26_100, missed), (27_000, missed), (28_000, Fault("voice", "gone")), SEALED)
    assert found.unanswered == ("do you sell gift cards",), "a second decision without new words is no second question"
    assert (found.unsure, found.faults) == (2, 1)


def test_a_question_that_was_answered_is_not_unanswered() -> None:
    assert made(*WITH_BOT, (30_000, CallerHungUp()), SEALED).unanswered == ()


def test_questions_are_alike_whose_words_are() -> None:
    assert alike("Do you sell gift cards?") == alike("gift cards: do you sell")
    assert alike(QUESTION) != alike("do you sell gift cards")
