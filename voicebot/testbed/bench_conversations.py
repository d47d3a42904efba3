"""The lead's conversations over SIP: each is held with the demo's customers by a synthetic voice, and must reach the end that stands in its file.

The journal says how a call ended and what was heard; the caller's phone whether the bot ever left him in silence.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.table import Table

from voicebot.customers.database import DatabaseDirectory
from voicebot.customers.demo import AREAS, outages, people
from voicebot.customers.demo import Person as Customer
from voicebot.errors import EvaluationError, StoreError
from voicebot.settings import load as load_settings
from voicebot.store.calls import CallRecord
from voicebot.store.events import BotSpoke, CallerSpoke
from voicebot.testbed import bench_mandarin
from voicebot.testbed.bench_figures import Result, share, table, to_json
from voicebot.testbed.bench_runs import SPEECH, Progress
from voicebot.testbed.conversations import UNKNOWN, Conversation, Hears, Says, load
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.person import Person, ended, exchanges
from voicebot.testbed.questions import VOICES as ENGLISH_VOICES
from voicebot.testbed.rig import Rig, at_home, rig
from voicebot.testbed.scenario import calling, new_number
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth

VOICES: Mapping[str, tuple[str, ...]] = {"en": ENGLISH_VOICES, "zh": bench_mandarin.VOICES}
HOTLINES = {"en": "100", "zh": bench_mandarin.HOTLINE}
PARALLEL = 3
WIDTH = 180


@dataclass(frozen=True, slots=True)
class Choice:
    """Which conversations are held, and how. `voices`: left out, those of the language; `model`: the folder of a Mandarin PocketSphinx model."""

    language: str = "en"
    only: str = ""
    parallel: int = PARALLEL
    voices: tuple[str, ...] = ()
    seed: int = 1
    model: Path | None = None


@dataclass(slots=True)
class Played:
    """What came of one conversation. `left`: what the caller was at when he could go on no more; `again`: how often he had to repeat himself."""

    conversation: Conversation
    voice: str = ""
    codec: Codec = "PCMU"
    ended: str = ""
    left: str = ""
    again: int = 0
    misheard: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    silent: bool = False
    why: str = ""

    @property
    def reached(self) -> bool:
        """Whether it ended where its file says."""
        return self.ended == self.conversation.ends

    @property
    def outcome(self) -> str:
        """In a word."""
        if self.reached and not self.silent:
            return "reached"
        return "silence" if self.silent else "person" if self.ended.startswith("with a person") else "lost"

    def row(self) -> dict[str, Any]:
        """The trial for JSON."""
        plain = {name: value for name, value in asdict(self).items() if name not in {"conversation", "misheard"}}
        told = {"title": self.conversation.title, "language": self.conversation.language, "ends": self.conversation.ends}
        return {**told, "outcome": self.outcome, "reached": self.reached, **plain, "not said": self.misheard}


async def conversations(choice: Choice, progress: Progress) -> Result:
    """Hold the conversations of `choice`. Left out are those in which the directory fails or the caller changes the language: what that needs is not
    set up here. Raises VoicebotError."""
    customers = people(datetime.now(UTC).date())
    fitting = [each for each in load(customers) if each.language == choice.language and choice.only in each.title and _fits(each)]
    drawn = [_drawn(each, choice) for each in fitting]
    with tempfile.TemporaryDirectory(prefix="voicebot-customers-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'customers.db'}"
        await filled(url, customers)
        progress("starting a voicebot")
        async with rig({"customers.source": "database", "customers.url": url, **_ears(choice)}) as own:
            await _all(own, drawn, choice.parallel, progress)
    return result(drawn)


def _fits(conversation: Conversation) -> bool:
    english = all(turn.text.isascii() for turn in conversation.turns if isinstance(turn, Says))
    return not conversation.directory and english == (conversation.language == "en")


def _drawn(conversation: Conversation, choice: Choice) -> Played:
    """Voice and codec follow from seed and title, so that one call alone is the same as among all."""
    chance = random.Random(f"{choice.seed} {conversation.title}")
    return Played(conversation, chance.choice(choice.voices or VOICES[choice.language]), chance.choice(get_args(Codec)))


def _ears(choice: Choice) -> Mapping[str, str]:
    """What a voicebot needs to hear the language. Raises EvaluationError when it cannot hear it at all."""
    if choice.language != "zh":
        return {}
    model = choice.model or at_home(load_settings()).speech.pocketsphinx.get("zh")
    if model is None:
        raise EvaluationError("Mandarin callers need a recogniser; name the folder of a model with --model, or in [speech.pocketsphinx] zh")
    return bench_mandarin.settings(model)


async def filled(url: str, customers: Sequence[Customer]) -> None:
    """The demo's customers as of today in the database at `url`. Raises DirectoryError."""
    directory = DatabaseDirectory(url)
    try:
        await directory.fill(customers, AREAS, outages(datetime.now(UTC).date()))
    finally:
        await directory.close()


async def _all(own: Rig, drawn: Sequence[Played], parallel: int, progress: Progress) -> None:
    """A customer's number may be in several conversations: those are not held at once, so that the journal tells them apart."""
    places, busy = asyncio.Semaphore(parallel), {each.conversation.ani: asyncio.Lock() for each in drawn}

    async def one(played: Played) -> None:
        ani = played.conversation.ani
        lock = asyncio.Lock() if ani == UNKNOWN else busy[ani]
        async with lock, places:
            await play(own, played, new_number() if ani == UNKNOWN else ani)
            progress(f"{played.outcome:8}{played.conversation.title}: {played.ended} {played.left} {played.why}")

    async with asyncio.TaskGroup() as scope:
        for each in drawn:
            scope.create_task(one(each))


async def play(own: Rig, played: Played, ani: str) -> None:
    """One call, from dialling to its end; `played` tells what came of it."""
    conversation = played.conversation
    voiced = await _voiced(conversation, played.voice)
    try:
        async with calling(own, played.codec, HOTLINES[conversation.language], ani) as caller:
            await _held(Person(own, caller, conversation.language, voiced), played)
    except (PhoneError, TimeoutError) as error:
        played.why = str(error) or "the call was not answered in time"
        played.silent = "said nothing" in played.why
    try:
        _judge(played, await own.journal(ani))
    except StoreError as error:
        played.why = str(error)


async def _held(person: Person, played: Played) -> None:
    try:
        played.left = await person.converse(exchanges(played.conversation))
        if not person.ended and played.conversation.ends != "the caller hangs up":
            await person.ask_for_a_person()
    finally:
        played.again = person.again


async def _voiced(conversation: Conversation, voice: str) -> Mapping[str, Samples]:
    texts = [text for turn in conversation.turns if isinstance(turn, Says) for text in (turn.text, *turn.others)]
    return {text: await synth(text, voice, SPEECH) for text in texts}


def _judge(played: Played, record: CallRecord) -> None:
    events = [line.event for line in record.lines]
    said = " ".join(event.text for event in events if isinstance(event, BotSpoke)).lower()
    wanted = [text for turn in played.conversation.turns if isinstance(turn, Hears) for text in turn.texts]
    played.heard = [event.text for event in events if isinstance(event, CallerSpoke)]
    played.misheard = [text for text in wanted if text.lower() not in said]
    played.ended = ended(record)


def result(played: Sequence[Played]) -> Result:
    """The figures of the promise: nine of ten reach their end, the others a person, nobody is left in silence."""
    count = len(played)
    missed = [each for each in played if not each.reached]
    with_person = sum(each.ended.startswith("with a person") for each in missed)
    figures = (
        share("conversations that reached their end", count - len(missed), count, 90, at_most=False),
        share("the end, or a person", count - len(missed) + with_person, count, 100, at_most=False),
        share("callers left in silence", sum(each.silent for each in played), count, 0, at_most=True),
        share("said all that they should", sum(not each.misheard for each in played), count, None, at_most=False),
        share("nobody had to repeat anything", sum(not each.again for each in played), count, None, at_most=False),
    )
    return Result(figures, tuple(each.row() for each in played))


def overview(trials: Sequence[Mapping[str, Any]]) -> Table:
    """Each call with its end, where the caller left the script, and what was heard of him."""
    shown = Table(title="calls", title_justify="left")
    for column in ("conversation", "voice", "outcome", "ended", "again", "left the script at", "heard"):
        shown.add_column(column)
    for each in trials:
        heard = " | ".join(each["heard"])
        shown.add_row(each["title"], each["voice"], each["outcome"], each["ended"], str(each["again"]), each["left"] or each["why"], heard)
    return shown


def command(finished: Callable[[Coroutine[Any, Any, Result]], Result], progress: Progress) -> Callable[..., None]:
    """`scripts/bench conversations`."""

    def held(
        language: Annotated[str, typer.Argument(help="en or zh.")] = "en",
        *,
        only: Annotated[str, typer.Option(help="Those whose title holds this.")] = "",
        voices: Annotated[str, typer.Option(metavar="NAME,NAME,…", help="Callers' voices, such as flite:slt; left out: several.")] = "",
        parallel: Annotated[int, typer.Option(min=1, help="Calls at a time.")] = PARALLEL,
        seed: Annotated[int, typer.Option(help="Which voice and codec each caller has.")] = 1,
        model: Annotated[Path | None, typer.Option(help="Mandarin: the folder of an 8 kHz PocketSphinx model.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output, with every call.")] = False,
    ) -> None:
        """The lead's conversations, each to its stated end."""
        if language not in HOTLINES:
            raise typer.BadParameter(f"no hotline in {language}; the languages are {', '.join(HOTLINES)}")
        chosen = Choice(language, only, parallel, tuple(filter(None, voices.split(","))), seed, model)
        found = finished(conversations(chosen, progress))
        name = f"conversations, {language}, seed {seed}"
        if as_json:
            print(to_json({name: found}))
        else:
            console = Console(width=None if sys.stdout.isatty() else WIDTH)
            console.print(overview(found.trials), table(name, found.figures))
        raise typer.Exit(0 if found.passed else 1)

    return held
