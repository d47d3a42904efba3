"""A test caller who behaves as people do: he waits until the bot has finished, and says it again when that was no answer: in other words where he has
some, by key when digits are asked for. Of an answer that is half of what he wanted he makes the best; when nothing helps he asks for a person by key.

He judges nothing; the journal tells him what the bot has said.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from voicebot.dialogue import telling
from voicebot.scopes import first_of, lasting
from voicebot.store.calls import CallRecord
from voicebot.store.events import BotSpoke, CallSealed, HandoverDecided
from voicebot.testbed.conversations import Conversation, Hears, Keys, Says, Stays
from voicebot.testbed.g711 import Samples
from voicebot.testbed.rig import Rig
from voicebot.testbed.scenario import REPLY_S, SPOKEN_OUT_S, Caller
from voicebot.testbed.sip import PhoneError

TRIES = 3
"""How often he says the same thing, in one wording or several, before he asks for a person."""
PERSON_KEY = "0"
STAYS_S = 12.0
"""A caller who says nothing is asked whether he is there by then."""
ANSWER_S = 45.0
LOOK_S = 0.5
WAITING = ("one_moment", "still_looking")
"""After these sentences of the bot nobody says anything: more is to come."""
DIGITS = ("ask_number", "ask_pin", "ask_pin_again", "ask_number_again", "ask_whole")
"""After these he spells digits, or keys them in; after others digits mean nothing."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the caller does, and what he wants to hear before he goes on; nothing at the end."""

    turn: Says | Keys | Stays
    wants: tuple[str, ...] = ()

    def heard(self, reply: str) -> int:
        """How much of what he wants to hear is in `reply`."""
        return sum(text.lower() in reply.lower() for text in self.wants)


def exchanges(conversation: Conversation) -> tuple[Exchange, ...]:
    """The conversation as what the caller does and what that should bring him."""
    found: list[Exchange] = []
    for heard, turns in groupby(conversation.turns, lambda turn: isinstance(turn, Hears)):
        if heard and found:
            found[-1] = Exchange(found[-1].turn, tuple(text for turn in turns if isinstance(turn, Hears) for text in turn.texts))
        elif not heard:
            found += [Exchange(turn) for turn in turns if not isinstance(turn, Hears)]
    return tuple(found)


class Person:
    """The caller of one answered call. `voiced` is the audio of every wording he may use."""

    def __init__(self, rig: Rig, caller: Caller, language: str, voiced: Mapping[str, Samples]) -> None:
        self._rig, self._caller, self._voiced = rig, caller, voiced
        sentences = telling.load(language)
        self._waiting, self._digits = (frozenset(map(sentences.fill, names)) for names in (WAITING, DIGITS))
        self._said: list[str] = []
        self.again = 0
        """How often he had to say something again."""
        self.ended = ""
        """Where the call ended, in the words of the files; "" while it has not."""

    async def converse(self, script: Sequence[Exchange]) -> str:
        """Hold the conversation; what he was at when he could not go on, "" when he came through. Raises PhoneError when the bot fell silent."""
        question = None
        for number, exchange in enumerate(script, start=1):
            if not await self._through(exchange, question):
                came_through = self.ended and number == len(script)
                return "" if came_through else f"turn {number}: {_told(exchange.turn)}"
            question = exchange.turn if isinstance(exchange.turn, Says) and not exchange.turn.digits else question
        return ""

    async def ask_for_a_person(self) -> None:
        """By key, as the greeting told him."""
        await self._caller.call.dtmf(PERSON_KEY)
        await self._hear(REPLY_S)

    async def _through(self, exchange: Exchange, question: Says | None) -> bool:
        """Whether he has heard what he wanted, at last. `question` is what he said before he was asked for digits."""
        began = len(self._said)
        for attempt in range(TRIES):
            self.again += attempt > 0
            await self._act(exchange.turn, attempt, question)
            await self._hear(STAYS_S if isinstance(exchange.turn, Stays) else REPLY_S)
            heard = exchange.heard(" ".join(self._said[began:]))
            if self.ended or (heard and (attempt or heard == len(exchange.wants))):
                return not self.ended
        return False

    async def _act(self, turn: Says | Keys | Stays, attempt: int, question: Says | None) -> None:
        digits = turn.keys if isinstance(turn, Keys) else turn.digits if isinstance(turn, Says) else ""
        if attempt and digits:
            asked = self._said and self._said[-1] in self._digits
            turn = Keys(digits) if asked or question is None else question
        match turn:
            case Says():
                await self._caller.say(self._voiced[turn.wording(attempt)])
            case Keys(keys):
                await self._caller.call.dtmf(keys)

    async def _hear(self, within_s: float) -> None:
        """Until the bot has finished, or the call is over, or somebody else's."""
        while True:
            if not await first_of(self._replied(within_s), self._over()):
                raise PhoneError(f"the bot said nothing for {within_s:g} s, or went on for {ANSWER_S:g} s")
            await self._look()
            if self.ended or not self._said or self._said[-1] not in self._waiting:
                return

    async def _replied(self, within_s: float) -> bool:
        call = self._caller.call
        try:
            await call.until_voice(time.monotonic(), within_s)
            await call.until_quiet(SPOKEN_OUT_S, ANSWER_S)
        except TimeoutError:
            return False
        except PhoneError:  # the call is over
            await self._sealed()
        return True

    async def _over(self) -> bool:
        while not self.ended:
            await asyncio.sleep(LOOK_S)
            await asyncio.shield(lasting(self._look()))
        return True

    async def _sealed(self) -> None:
        self._take(await self._rig.journal(self._caller.ani))

    async def _look(self) -> None:
        self._take(await self._rig.journal(self._caller.ani, sealed_within_s=0))

    def _take(self, record: CallRecord) -> None:
        self._said = [line.event.text for line in record.lines if isinstance(line.event, BotSpoke)]
        self.ended = ended(record)


def ended(record: CallRecord) -> str:
    """Where the call ended, in the words of the files; "" while it has not."""
    events = [line.event for line in record.lines]
    reason = next((event.reason for event in events if isinstance(event, HandoverDecided)), None)
    if reason is not None:
        return f"with a person, {reason}"
    sealed = next((event for event in events if isinstance(event, CallSealed)), None)
    return "" if sealed is None else "with the bot" if sealed.by == "bot" else "the caller hangs up"


def _told(turn: Says | Keys | Stays) -> str:
    match turn:
        case Says(text):
            return f"says '{text}'"
        case Keys(keys):
            return f"presses {keys}"
    return "says nothing"
