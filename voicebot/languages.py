"""What the bot needs to serve one language, put together: recogniser, turn-taking, script, intents, matcher.

Another language is other data and perhaps another engine: this is the only file that knows which engine serves which.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from functools import partial

import structlog

from voicebot.bot import Tongue
from voicebot.dialogue import prompts
from voicebot.dialogue.decisions import Rules
from voicebot.dialogue.intents import DANGER, Intent, Intents
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.dialogue.matching import ACCEPT, Matcher
from voicebot.dialogue.script import Script
from voicebot.errors import EngineError, KnowledgeError
from voicebot.settings import Settings
from voicebot.speech.asr import Recogniser
from voicebot.speech.asr.pocketsphinx import english
from voicebot.speech.asr.sentences import commands
from voicebot.speech.completeness import KnownWordings, completeness, words
from voicebot.speech.ear import SURE, Hearing
from voicebot.speech.phrases import Phrases
from voicebot.speech.silero import SpeechDetector
from voicebot.values import Transcript

CLARIFY = 0.2
"""Confidence from which "did you mean" is better than "sorry?": below it, most of what callers mean is not in the knowledge base."""
COMMAND_WEIGHT = 3
"""How much more the recogniser expects what callers say to the bot itself than a knowledge base wording: it is short, with no context to help."""
MURMUR_WORDS = 3
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
    entries = knowledge.language(language)
    if not entries:
        raise KnowledgeError(f"the knowledge base has no entries in {language!r}; add some or change the hotline's language in [hotlines]")
    starting = await _launched(stack, settings, language, entries)
    known = KnownWordings([wording for entry in entries for wording in entry.questions])
    intents = Intents.load(language)
    matcher = await asyncio.to_thread(Matcher.build, entries) if starting else None
    recogniser = await _ready(starting, language) if starting else None
    judge, matters = partial(completeness, language=language, known=known), partial(_matters, intents=intents)
    hearing = Hearing(language, settings.turns, judge, recogniser, detector, matters)
    menu = {str(entry.menu): entry.id for entry in sorted(entries, key=lambda entry: entry.menu or 0) if entry.menu is not None}
    rules = Rules(accept=ACCEPT, clarify=CLARIFY, no_speech_then=settings.turns.no_speech_then, menu=menu)
    scripts = {listens: _script(settings, knowledge, language, menu=not listens) for listens in (True, False)}
    return Tongue(hearing, scripts, intents, matcher, rules)


def _matters(heard: Transcript, intents: Intents) -> bool:
    """Whether words over the bot's answer are more than a murmur: a wish, many words, or a few that were surely heard."""
    wishes = intents.of(heard.text)
    count = len(words(heard.text))
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


async def _launched(stack: AsyncExitStack, settings: Settings, language: str, entries: tuple[Entry, ...]) -> Recogniser | None:
    """The recogniser of `language`, its processes starting, or None where there is none: the hotline then reads its DTMF menu."""
    if language != "en":
        log.warning("no recogniser; callers use the keys of their phone", language=language)
        return None
    wordings = [*commands() * COMMAND_WEIGHT, *(wording for entry in entries for wording in (*entry.questions, entry.title))]
    try:
        recogniser = await asyncio.to_thread(english, wordings, settings.speech.cache / "language-model", settings.speech.recognisers)
    except EngineError as error:
        _cannot_start(language, error)
        return None
    stack.push_async_callback(recogniser.stop)
    await recogniser.launch()
    return recogniser


async def _ready(recogniser: Recogniser, language: str) -> Recogniser | None:
    try:
        await recogniser.until_ready()
    except EngineError as error:
        _cannot_start(language, error)
        return None
    return recogniser


def _cannot_start(language: str, error: EngineError) -> None:
    log.error("recogniser cannot start; callers use the keys of their phone", language=language, why=str(error))


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{total} phrases", end="\n" if done == total else "", file=sys.stderr, flush=True)
