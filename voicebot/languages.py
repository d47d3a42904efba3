"""What the bot needs to serve one language, put together: recogniser, turn-taking, script, intents, matcher.

Another language is other data and perhaps another engine: this is the only file that knows which engine serves which.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial

import structlog

from voicebot.bot import Tongue
from voicebot.dialogue import kept_matchers, prompts
from voicebot.dialogue.background import SENTENCES
from voicebot.dialogue.decisions import Rules
from voicebot.dialogue.embedding import embedding
from voicebot.dialogue.intents import DANGER, Intent, Intents
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.dialogue.matching import ACCEPT, Matcher
from voicebot.dialogue.sayings import sayings
from voicebot.dialogue.script import Script
from voicebot.errors import EngineError, KnowledgeError
from voicebot.settings import Settings
from voicebot.speech.asr import Recogniser, digits
from voicebot.speech.asr.engines import Rung, rungs
from voicebot.speech.asr.sentences import commands
from voicebot.speech.completeness import Completeness, KnownWordings, SoFar, completeness, words
from voicebot.speech.ear import SURE, Hearing
from voicebot.speech.phrases import Phrases
from voicebot.speech.silero import SpeechDetector
from voicebot.values import Transcript

CLARIFY = 0.2
"""Confidence from which "did you mean" is better than "sorry?": below it, most of what callers mean is not in the knowledge base."""
COMMAND_WEIGHT = 3
"""How much more the recogniser expects what callers say to the bot itself than a knowledge base wording: it is short, with no context to help."""
MURMUR_WORDS = 3
CHARACTERS_A_WORD = 2
"""In a script without spaces."""
WISHED = 0.4
"""A wish said over the bot, or many words, stop it even when heard as unsurely as this: to stop for nothing is the lesser fault."""
SURE_ALONE = 0.9
"""One word that is no wish must be heard this surely: most murmurs that are misheard become one short word."""
OBEYED = frozenset({Intent.WAIT, Intent.PERSON, *DANGER})
"""Wishes that no murmur has been misheard as: they stop the bot however unsurely they were heard."""
MURMURED = frozenset({Intent.YES, Intent.GREETING, Intent.THANKS})
log = structlog.get_logger()


async def tongue(stack: AsyncExitStack, settings: Settings, knowledge: Knowledge, language: str, detector: SpeechDetector | None) -> Tongue:
    """Everything for `language`, its recogniser running until `stack` is left; the matcher learns while that starts. Raises KnowledgeError,
    EngineError."""
    entries = _entries(knowledge, language)
    ladder = Ladder(stack, settings, language, wordings(entries, language))
    starting = await ladder.launched()
    matcher = await asyncio.to_thread(_learnt, entries, language, settings) if starting else None
    return _tongue(settings, knowledge, language, matcher=matcher, recogniser=await ladder.ready(starting), detector=detector)


async def renewed(settings: Settings, phrases: Phrases, knowledge: Knowledge, old: Tongue) -> Tongue:
    """`old` with other knowledge, its answers rendered; what it hears with goes on as it is. Raises KnowledgeError, EngineError."""
    hearing = old.hearing
    entries = _entries(knowledge, hearing.language)
    matcher = await asyncio.to_thread(_learnt, entries, hearing.language, settings) if hearing.recogniser else None
    new = _tongue(settings, knowledge, hearing.language, matcher=matcher, recogniser=hearing.recogniser, detector=hearing.detector)
    await prepared(phrases, new)
    return new


def reading(settings: Settings, knowledge: Knowledge, language: str) -> Tongue:
    """A tongue that reads and has no ear, for words that come as text. Raises KnowledgeError."""
    matcher = _learnt(_entries(knowledge, language), language, settings)
    return _tongue(settings, knowledge, language, matcher=matcher, recogniser=None, detector=None)


def _entries(knowledge: Knowledge, language: str) -> tuple[Entry, ...]:
    entries = knowledge.language(language)
    if not entries:
        raise KnowledgeError(f"the knowledge base has no entries in {language!r}; add some or change the hotline's language in [hotlines]")
    return entries


def _learnt(entries: tuple[Entry, ...], language: str, settings: Settings) -> Matcher:
    return kept_matchers.matcher(settings.speech.cache / "matchers", entries, embedding(language, settings))


def _tongue(
    settings: Settings,
    knowledge: Knowledge,
    language: str,
    *,
    matcher: Matcher | None,
    recogniser: Recogniser | None,
    detector: SpeechDetector | None,
) -> Tongue:
    entries, intents = knowledge.language(language), Intents.load(language)
    known = KnownWordings([wording for entry in entries for wording in entry.questions])
    matters = partial(_matters, intents=intents)
    hearing = Hearing(language, settings.turns, partial(_judged, language=language, known=known), recogniser, detector, matters)
    menu = {str(entry.menu): entry.id for entry in sorted(entries, key=lambda entry: entry.menu or 0) if entry.menu is not None}
    rules = Rules(accept=ACCEPT, clarify=CLARIFY, no_speech_then=settings.turns.no_speech_then, menu=menu)
    scripts = {listens: _script(settings, knowledge, language, menu=not listens) for listens in (True, False)}
    return Tongue(hearing, scripts, intents, matcher, rules)


def _judged(so_far: SoFar, language: str, known: KnownWordings) -> Completeness:
    return completeness(so_far.text, language, known, so_far.spoken_ms)


def _matters(heard: Transcript, intents: Intents) -> bool:
    """Whether words over the bot's answer are more than a murmur: a wish, many words, or a few that were surely heard."""
    wishes = intents.of(heard.text)
    count = len(words(heard.text)) if intents.spaced else (len(words(heard.text)) + 1) // CHARACTERS_A_WORD
    sure = 0.0 if wishes & OBEYED else WISHED if wishes or count > MURMUR_WORDS else SURE if count > 1 else SURE_ALONE
    return heard.confidence >= sure and not (wishes and wishes <= MURMURED)


async def prepared(phrases: Phrases, tongue: Tongue) -> None:
    """Render all fixed sentences and approved answers of one language that are not in the cache yet, and bound the cache. Raises EngineError."""
    language = tongue.hearing.language
    texts = [text for script in tongue.scripts.values() for text in script.fixed()]
    missing = [text for text in dict.fromkeys(texts) if not phrases.kept(text, language)]
    if missing:
        log.info("rendering phrases", language=language, phrases=len(missing))
        await phrases.prepare(missing, language, _progress)
    await asyncio.to_thread(phrases.sweep)


def _script(settings: Settings, knowledge: Knowledge, language: str, menu: bool) -> Script:
    said = prompts.load(language, company=settings.company, recorded=settings.recording.enabled, menu=menu)
    return Script(language, said, knowledge)


def wordings(entries: tuple[Entry, ...], language: str) -> list[str]:
    """What callers are expected to say, a wording as often as it counts."""
    to_the_bot = [*commands(language) * COMMAND_WEIGHT, *sayings(language), *digits.examples(language), *SENTENCES.get(language, ())]
    return [*to_the_bot, *(wording for entry in entries for wording in (*entry.questions, entry.title))]


class Ladder:
    """The recognisers a language may have, climbed down until one runs; below the last one a hotline reads its DTMF menu."""

    def __init__(self, stack: AsyncExitStack, settings: Settings, language: str, wordings: list[str]) -> None:
        self._stack, self._settings, self._language, self._wordings = stack, settings, language, wordings
        self._rungs: Iterator[Rung] = iter(rungs(settings, language))

    async def launched(self) -> Recogniser | None:
        """The next recogniser that can be made, its processes starting."""
        for rung in self._rungs:
            try:
                recogniser = await asyncio.to_thread(rung, self._settings, self._language, self._wordings)
            except EngineError as error:
                log.error("recogniser cannot start", language=self._language, why=str(error))
                continue
            self._stack.push_async_callback(recogniser.stop)
            await recogniser.launch()
            return recogniser
        log.warning("no recogniser; callers use the keys of their phone", language=self._language)
        return None

    async def ready(self, starting: Recogniser | None) -> Recogniser | None:
        """`starting` when its workers are ready, else the next one whose workers are."""
        while starting:
            try:
                await starting.until_ready()
            except EngineError as error:
                log.error("recogniser cannot start", language=self._language, why=str(error))
                starting = await self.launched()
            else:
                break
        return starting


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{total} phrases", end="\n" if done == total else "", file=sys.stderr, flush=True)
