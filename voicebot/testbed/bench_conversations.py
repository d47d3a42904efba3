"""The lead's conversations over SIP: each is held with the demo's customers by a synthetic voice, and must reach the end that stands in its file.

The journal says how a call ended and what was heard; the caller's phone whether the bot ever left him in silence.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voicebot.customers.database import DatabaseDirectory
from voicebot.customers.demo import AREAS, Person, outages, people
from voicebot.errors import StoreError
from voicebot.store.calls import CallRecord
from voicebot.store.events import BotSpoke, CallerSpoke, CallSealed, HandoverDecided
from voicebot.testbed.bench_figures import Result, share
from voicebot.testbed.bench_runs import SPEECH, Progress
from voicebot.testbed.conversations import Conversation, Hears, Keys, Says, Stays, load
from voicebot.testbed.rig import Rig, rig
from voicebot.testbed.scenario import REPLY_S, Caller, calling
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth

VOICES = {"en": "flite:rms", "zh": "espeak-ng:cmn-latn-pinyin"}
HOTLINES = {"en": "100", "zh": "200"}
STAYS_S = 12.0
"""A caller who says nothing is asked whether he is there by then."""
LET_GO_S = 25.0
"""So long after the last turn a call has come to its end, or never will."""
ANSWER_S = 45.0


@dataclass(slots=True)
class Played:
    """What came of one conversation."""

    conversation: Conversation
    ended: str = ""
    misheard: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    silent: bool = False
    why: str = ""

    @property
    def reached(self) -> bool:
        """Whether it ended where its file says."""
        return self.ended == self.conversation.ends

    def row(self) -> dict[str, Any]:
        """The trial for JSON."""
        told = {"title": self.conversation.title, "language": self.conversation.language, "ends": self.conversation.ends, "why": self.why}
        return {
            **told,
            "ended": self.ended,
            "reached": self.reached,
            "silent": self.silent,
            "not said": self.misheard,
            "heard": self.heard,
            "why": self.why,
        }


async def conversations(language: str, only: str, parallel: int, progress: Progress) -> Result:
    """Play those of `language` whose title holds `only`, `parallel` at a time. Left out are those in which the directory fails or the caller changes
    the language: what that needs is not set up here."""
    today = datetime.now(UTC).date()
    customers = people(today)
    chosen = [each for each in load(customers) if each.language == language and only in each.title and _fits(each)]
    with tempfile.TemporaryDirectory(prefix="voicebot-customers-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'customers.db'}"
        await filled(url, customers)
        progress("starting a voicebot")
        async with rig({"customers.source": "database", "customers.url": url}) as own:
            played = await _all(own, chosen, parallel, progress)
    return _result(played)


def _fits(conversation: Conversation) -> bool:
    english = all(turn.text.isascii() for turn in conversation.turns if isinstance(turn, Says))
    return not conversation.directory and english == (conversation.language == "en")


async def filled(url: str, customers: Sequence[Person]) -> None:
    """The demo's customers as of today in the database at `url`. Raises DirectoryError."""
    directory = DatabaseDirectory(url)
    try:
        await directory.fill(customers, AREAS, outages(datetime.now(UTC).date()))
    finally:
        await directory.close()


async def _all(own: Rig, chosen: Sequence[Conversation], parallel: int, progress: Progress) -> list[Played]:
    """Each caller's number may be in several conversations: those are not held at once, so that the journal tells them apart."""
    places, busy = asyncio.Semaphore(parallel), {each.ani: asyncio.Lock() for each in chosen}

    async def one(conversation: Conversation) -> Played:
        async with busy[conversation.ani], places:
            played = await play(own, conversation)
            progress(f"{'reached' if played.reached else 'MISSED '} {conversation.title}: {played.ended} {played.why}")
            return played

    async with asyncio.TaskGroup() as scope:
        tasks = [scope.create_task(one(conversation)) for conversation in chosen]
    return [task.result() for task in tasks]


async def play(own: Rig, conversation: Conversation) -> Played:
    """One call, from dialling to its end."""
    played = Played(conversation)
    turns = [turn for turn in conversation.turns if not isinstance(turn, Hears)]
    spoken = {turn: await synth(turn.text, VOICES[conversation.language], SPEECH) for turn in turns if isinstance(turn, Says)}
    try:
        async with calling(own, "PCMU", HOTLINES[conversation.language], conversation.ani) as caller:
            for place, turn in enumerate(turns, start=1):
                match turn:
                    case Says():
                        await caller.say(spoken[turn])
                    case Keys(keys):
                        await caller.call.dtmf(keys)
                if place < len(turns):
                    await _reply(caller, STAYS_S if isinstance(turn, Stays) else REPLY_S)
            await _let_go(own, conversation.ani)
    except (PhoneError, TimeoutError) as error:
        played.why = str(error) or "the call was not answered in time"
        played.silent = "said nothing" in played.why
    try:
        _judge(played, await own.journal(conversation.ani))
    except StoreError as error:
        played.why = str(error)
    return played


async def _reply(caller: Caller, within_s: float) -> None:
    try:
        await caller.call.until_voice(time.monotonic(), within_s)
    except TimeoutError:
        raise PhoneError(f"the bot said nothing for {within_s:g} s") from None
    await caller.hear_out(ANSWER_S)


async def _let_go(own: Rig, ani: str) -> None:
    """Until the journal tells how it ended."""
    deadline_s = time.monotonic() + LET_GO_S
    while time.monotonic() < deadline_s:
        if ended(await own.journal(ani, sealed_within_s=0)):
            return
        await asyncio.sleep(0.5)


def ended(record: CallRecord) -> str:
    """Where the call ended, in the words of the files; "" while it has not."""
    events = [line.event for line in record.lines]
    reason = next((event.reason for event in events if isinstance(event, HandoverDecided)), None)
    if reason is not None:
        return f"with a person, {reason}"
    sealed = next((event for event in events if isinstance(event, CallSealed)), None)
    return "" if sealed is None else "with the bot" if sealed.by == "bot" else "the caller hangs up"


def _judge(played: Played, record: CallRecord) -> None:
    events = [line.event for line in record.lines]
    said = " ".join(event.text for event in events if isinstance(event, BotSpoke)).lower()
    wanted = [text for turn in played.conversation.turns if isinstance(turn, Hears) for text in turn.texts]
    played.heard = [event.text for event in events if isinstance(event, CallerSpoke)]
    played.misheard = [text for text in wanted if text.lower() not in said]
    played.ended = ended(record)


def _result(played: Sequence[Played]) -> Result:
    count = len(played)
    missed = [each for each in played if not each.reached]
    with_person = sum(each.ended.startswith("with a person") for each in missed)
    figures = (
        share("conversations that reached their end", count - len(missed), count, 90, at_most=False),
        share("others that ended with a person", with_person, len(missed), None, at_most=False),
        share("said all that they should", sum(not each.misheard for each in played), count, None, at_most=False),
        share("callers left in silence", sum(each.silent for each in played), count, 0, at_most=True),
    )
    return Result(figures, tuple(each.row() for each in played))
