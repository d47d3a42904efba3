"""The demo's hotline as callers hear it, without engines: real knowledge base, matcher, prompts and policy, customers in memory."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.kit.bot import Bench
from tests.kit.customers import ScriptedDirectory
from voicebot.bot import Tongue
from voicebot.dialogue import prompts
from voicebot.dialogue.decisions import Rules
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.knowledge import load
from voicebot.dialogue.matching import Matcher
from voicebot.dialogue.script import Script
from voicebot.languages import CLARIFY
from voicebot.settings import DEMO_KNOWLEDGE
from voicebot.speech.completeness import Completeness
from voicebot.speech.ear import Hearing

COMPANY = "Harbour Telecom"


@cache
def knowledge() -> Any:
    return load(DEMO_KNOWLEDGE)


@cache
def matcher(language: str) -> Matcher:
    return Matcher.build(knowledge().language(language))


def hotline(folder: Path, language: str = "en", trouble: str = "", survey: bool = False) -> Bench:
    """A bench whose bot speaks both languages of the demo and knows its customers."""
    bench = Bench(folder, language=language)
    customers = bench.settings.customers.model_copy(update={"survey": survey})
    bench.settings = bench.settings.model_copy(update={"customers": customers})
    tongues = {name: _tongue(bench, name) for name in ("en", "zh")}
    directory: Any = ScriptedDirectory(trouble)
    bench.bot = replace(bench.bot, settings=bench.settings, tongues=tongues, directory=directory)
    bench.phrases.usual_ms = 400
    return bench


def _tongue(bench: Bench, language: str) -> Tongue:
    recogniser: Any = bench.recogniser
    hearing = Hearing(language, bench.settings.turns, lambda _text: Completeness.COMPLETE, recogniser)
    menu = {str(entry.menu): entry.id for entry in knowledge().language(language) if entry.menu is not None}
    said = prompts.load(language, company=COMPANY)
    script = Script(language, said, knowledge())
    return Tongue(hearing, {True: script, False: script}, Intents.load(language), matcher(language), Rules(clarify=CLARIFY, menu=menu))
