"""A caller on a scripted line: he repeats himself in other words, keys what was asked for, waits while it is looked up, and never waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from voicebot.store.events import BotSpoke, CallSealed, Event, HandoverDecided
from voicebot.testbed.conversations import Conversation, Hears, Keys, Says, Stays
from voicebot.testbed.person import TRIES, Exchange, Person, ended, exchanges
from voicebot.testbed.sip import PhoneError

PIN = "To be sure it is you: please say or key in your four digit PIN, or the last four digits of your customer number."
WAIT = "One moment, I am looking that up."
SORRY = "Sorry, could you say that again?"
HANDED = HandoverDecided("asked for a person", "support", 0, "")
SEALED = CallSealed("contained", "bot", 1)
SILENCE, GONE = "silence", "gone"


class Line:
    """The bot's replies, one a turn of the caller, and what the caller did. A reply is what the journal holds after it."""

    def __init__(self, *replies: str | Event) -> None:
        self.replies = list(replies)
        self.done: list[str] = []
        self.events: list[Event] = []
        self.ani = "1"
        self.call = self

    async def say(self, words: Any) -> float:
        self.done.append(words)
        return 0.0

    async def dtmf(self, keys: str) -> None:
        self.done.append(f"#{keys}")

    async def until_voice(self, _from_s: float, _timeout_s: float) -> float:
        reply = self.replies.pop(0) if self.replies else SILENCE
        if reply == SILENCE:
            raise TimeoutError
        if reply == GONE:
            self.events.append(SEALED)
            raise PhoneError("the call ended while waiting for voice")
        self.events.append(BotSpoke(reply, "prompt", 0, 1, 1, False, reply) if isinstance(reply, str) else reply)
        return 0.0

    async def until_quiet(self, _quiet_s: float, _timeout_s: float) -> float:
        if isinstance(self.events[-1], HandoverDecided):
            await asyncio.sleep(60)  # music
        return 0.0

    async def journal(self, _ani: str, sealed_within_s: float = 5.0) -> Any:
        return SimpleNamespace(lines=[SimpleNamespace(event=event) for event in self.events])


def held(script: Sequence[Exchange], *replies: str | Event) -> tuple[Line, Person, str]:
    line = Line(*replies)
    texts = [text for each in script if isinstance(each.turn, Says) for text in (each.turn.text, *each.turn.others)]
    person = Person(line, line, "en", {text: text for text in texts})  # type: ignore[arg-type,misc]
    return line, person, asyncio.run(asyncio.wait_for(person.converse(script), 20))


BILL = Exchange(Says("my bill", ("the bill",)), ("four digit PIN",))
PROOF = Exchange(Says("four eight two one", digits="4821"), ("more than",))
BYE = Exchange(Says("goodbye"))


def test_he_goes_on_when_he_has_heard_what_he_wanted_and_comes_through() -> None:
    line, person, left = held([BILL, PROOF, BYE], PIN, "It is MORE than before.", GONE)
    assert (line.done, left, person.again, person.ended) == (["my bill", "four eight two one", "goodbye"], "", 0, "with the bot")


def test_who_is_not_understood_says_it_in_other_words() -> None:
    line, person, left = held([BILL, BYE], SORRY, PIN, GONE)
    assert (line.done, left, person.again) == (["my bill", "the bill", "goodbye"], "", 1)


def test_digits_that_are_asked_for_again_are_keyed_and_else_the_question_is_asked_again() -> None:
    asked, *_ = held([BILL, PROOF, BYE], PIN, PIN, "more than before", GONE)
    assert asked.done == ["my bill", "four eight two one", "#4821", "goodbye"]
    dropped, *_ = held([BILL, PROOF, BYE], PIN, SORRY, "more than before", GONE)
    assert dropped.done == ["my bill", "four eight two one", "the bill", "goodbye"]


def test_nothing_is_said_while_it_is_looked_up() -> None:
    line, person, left = held([BILL, BYE], WAIT, PIN, GONE)
    assert (line.done, left, person.again) == (["my bill", "goodbye"], "", 0)


def test_half_an_answer_is_enough_the_second_time() -> None:
    both = Exchange(Says("pin and bill"), ("option four", "four digit PIN"))
    line, person, left = held([both, BYE], PIN, PIN, GONE)
    assert (line.done, left, person.again) == (["pin and bill", "pin and bill", "goodbye"], "", 1)


def test_when_nothing_helps_it_is_told_where_he_was() -> None:
    line, person, left = held([BILL, PROOF, BYE], PIN, *[SORRY] * TRIES)
    assert left == "turn 2: says 'four eight two one'"
    assert len(line.done) == 1 + TRIES
    assert person.ended == ""


def test_a_person_takes_over_in_the_middle_while_music_plays() -> None:
    line, person, left = held([BILL, PROOF, BYE], HANDED)
    assert (line.done, left, person.ended) == (["my bill"], "turn 1: says 'my bill'", "with a person, asked for a person")


def test_a_bot_that_says_nothing_is_an_error_and_who_says_nothing_waits() -> None:
    with pytest.raises(PhoneError, match="said nothing for 8 s"):
        held([BILL], SILENCE)
    line, _, left = held([Exchange(Stays(), ("still there",)), BYE], "Are you still there?", GONE)
    assert (line.done, left) == (["goodbye"], "")


def test_a_person_is_asked_for_by_key() -> None:
    line, person, _ = held([], HANDED)
    asyncio.run(person.ask_for_a_person())
    assert (line.done, person.ended) == (["#0"], "with a person, asked for a person")


def test_a_conversation_is_what_the_caller_does_and_what_that_should_bring() -> None:
    turns = (Says("a"), Hears(("x", "y")), Keys("1"), Stays(), Hears(("z",)), Says("b"))
    script = exchanges(Conversation("t", "en", "1", turns, "with the bot"))
    assert script == (Exchange(Says("a"), ("x", "y")), Exchange(Keys("1")), Exchange(Stays(), ("z",)), Exchange(Says("b")))
    assert exchanges(Conversation("t", "en", "1", (Hears(("x",)),), "with the bot")) == ()
    assert [script[0].heard(reply) for reply in ("", "an X", "Y and x")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ((), ""),
        ((HANDED, CallSealed("handed_over", "floor", 1)), "with a person, asked for a person"),
        ((SEALED,), "with the bot"),
        ((CallSealed("contained", "caller", 1),), "the caller hangs up"),
    ],
)
def test_where_it_ended(events: tuple[Event, ...], end: str) -> None:
    record: Any = SimpleNamespace(lines=[SimpleNamespace(event=event) for event in events])
    assert ended(record) == end
