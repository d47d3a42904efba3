"""A bot for tests: three answers, prompts whose words are their names, a matcher that knows what it is asked, and no engine.

Everything that decides is the real thing: policy, intents, script, endpointing, barge-in, leg, link, floor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tests.kit.customers import ScriptedDirectory
from tests.kit.speech import HANGS_S, ScriptedPhrases, ScriptedRecogniser, Speech, Trouble
from voicebot.bot import Bot, Tongue
from voicebot.dialogue.decisions import Rules
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.dialogue.matching import Match
from voicebot.dialogue.prompts import Prompts
from voicebot.dialogue.script import Script
from voicebot.handover.spool import Spool
from voicebot.metrics import Metrics
from voicebot.settings import Hotline, Recording, Settings, Turns
from voicebot.speech.completeness import Completeness
from voicebot.speech.ear import Hearing
from voicebot.telephony.floor import Floor, loop_clock
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.recording import Recordings


def _entries(language: str) -> tuple[Entry, ...]:
    def entry(name: str, title: str, menu: int | None, answer: str) -> Entry:
        return Entry(name, language, title, (), menu, (title,), answer, f"in short, {answer}")

    return (
        entry("opening-hours", "opening hours", 1, "we are open from eight to six"),
        entry("bill-copy", "a copy of your bill", 2, "the bill is in the app"),
        entry("bill-higher", "a higher bill", None, "calls abroad cost extra"),
    )


ENTRIES = _entries("en")
KNOWLEDGE = Knowledge((*ENTRIES, *_entries("zh")), "kb-1")
QUESTIONS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "when are you open": (("opening-hours", 0.95),),
    "where do i find my bill": (("bill-copy", 0.92),),
    "my bill": (("bill-copy", 0.5), ("bill-higher", 0.45)),
}
"""What the matcher knows; anything else matches nothing."""
LENGTHS_MS = {"greeting": 3_000, "we are open from eight to six": 4_000, "the bill is in the app": 2_000}
QUICK_MS = {
    **{"greeting": 700, "we are open from eight to six": 2_300, "connecting": 500, "goodbye": 500},
    "do you mean a copy of your bill or a higher bill": 1_200,
}
"""Just long enough for what callers do meanwhile, for calls that are made thousands of times."""


class ScriptedMatcher:
    def match(self, text: str, top: int = 3) -> tuple[Match, ...]:
        return tuple(Match(*found) for found in QUESTIONS.get(text, ()))[:top]


class ScriptedSpool(Spool):
    """The spool of briefings, with a disk that can be full or stand still."""

    asked = 0
    troubles: Mapping[int, Trouble] = {}

    async def write(self, call_id: str, pcm: bytes, form: str = "") -> Path:
        if form:
            return await super().write(call_id, pcm, form)
        self.asked += 1
        match self.troubles.get(self.asked):
            case "hangs":
                await asyncio.sleep(HANGS_S)
            case "fails":
                raise OSError(28, "No space left on device")
            case "garbage":
                return Path("/nowhere\n")
        return await super().write(call_id, pcm)


def prompts(language: str = "en") -> Prompts:
    """Every sentence is its own name, so that a test says what it expects in words and no wording can break it."""
    gaps = {"did_you_mean": "do you mean {a} or {b}", "did_you_mean_this": "do you mean {a}", "menu_item": "for {title} press {key}"}
    names = [field.name for field in fields(Prompts) if field.name != "language"]
    return Prompts(language=language, **{name: gaps.get(name, name.replace("_", " ")) for name in names})


class Bench:
    """One bot and the scripted parts under it, to be bent before a call."""

    def __init__(
        self,
        folder: Path,
        *,
        turns: Turns | None = None,
        recorded: bool = False,
        hears: bool = True,
        lengths_ms: Mapping[str, int] = LENGTHS_MS,
        menu: bool = False,
        language: str = "en",
        quick: bool = False,
        customers: bool = False,
    ) -> None:
        self.language = language
        self.speech = Speech()
        self.recogniser = ScriptedRecogniser(self.speech)
        self.phrases = ScriptedPhrases(QUICK_MS, 250) if quick else ScriptedPhrases(dict(lengths_ms))
        self.door = MediaDoor()
        self.spool_folder = folder / "briefings"
        self.settings = Settings(
            turns=turns or Turns(),
            recording=Recording(enabled=recorded, folder=folder / "recordings"),
            hotlines={"100": Hotline(language=language, menu=menu)},
        )
        tongue = self._tongue(hears)
        phrases: Any = self.phrases
        self.spool = ScriptedSpool(self.spool_folder)
        self.bot = Bot(
            self.settings, {language: tongue}, phrases, self.door, Floor(loop_clock), self.spool, Recordings(self.settings.recording), Metrics()
        )
        if customers:
            directory: Any = ScriptedDirectory()
            self.bot = replace(self.bot, directory=directory)

    def _tongue(self, hears: bool) -> Tongue:
        recogniser: Any = self.recogniser if hears else None
        matcher: Any = ScriptedMatcher()
        hearing = Hearing(self.language, self.settings.turns, lambda _text: Completeness.COMPLETE, recogniser)
        rules = Rules(no_speech_then=self.settings.turns.no_speech_then, menu={str(entry.menu): entry.id for entry in ENTRIES if entry.menu})
        script = Script(self.language, prompts(self.language), KNOWLEDGE)
        return Tongue(hearing, {True: script, False: script}, Intents.load(self.language), matcher, rules)


def menu_sentences() -> Sequence[str]:
    """What reading out the menu sounds like."""
    return ["menu intro", *(f"for {entry.title} press {entry.menu}" for entry in ENTRIES if entry.menu), "menu person"]
