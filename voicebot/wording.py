"""The words and the audio of one line: composed anew where that is wanted, possible and in time, else as they were approved.

It never speaks and never decides what is answered; a caller who takes the turn meanwhile is not kept waiting.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol

from voicebot.bot import Bot
from voicebot.dialogue.compose import Composer, sources
from voicebot.dialogue.decisions import Line, Style
from voicebot.dialogue.grounding import Refused, Source
from voicebot.dialogue.script import Script, personal
from voicebot.errors import EngineError
from voicebot.memory import Memory
from voicebot.scopes import first_of
from voicebot.scribe import Scribe
from voicebot.speech.tts.manner import MANNERS
from voicebot.store.events import Composed
from voicebot.values import FRAME_MS

CUT = "the caller took the turn"


class Mouth(Protocol):
    """Of the media link, what tells that the bot has been interrupted."""

    flushes: int


class Wording(NamedTuple):
    """What is spoken, and 16 kHz pcm of it."""

    text: str
    pcm: bytes


async def worded(bot: Bot, script: Script, scribe: Scribe, mouth: Mouth, line: Line) -> Wording:
    """How `line` is said now. Waits for a composed text no longer than the composer's deadline. Raises EngineError when no voice can say it."""
    if composed := await _composed(bot, script, scribe, mouth, line):
        return composed
    text = script.text(line)
    render = bot.phrases.once if personal(line) else bot.phrases.audio
    return Wording(text, await render(text, script.language, MANNERS[_style(scribe.memory)]))


async def _composed(bot: Bot, script: Script, scribe: Scribe, mouth: Mouth, line: Line) -> Wording | None:
    """A checked text with its audio, or None; the journal keeps either, with the reason."""
    composer, state = bot.composer, scribe.memory.state
    if composer is None or not composer.wants(line, state):
        return None
    given, began_s = sources(line, state, script), asyncio.get_running_loop().time()
    made = await first_of(_in_time(bot, composer, script, scribe.memory, given), _cut(mouth))
    took_ms = round((asyncio.get_running_loop().time() - began_s) * 1000)
    if isinstance(made, str):
        scribe.write(Composed(composer.model.name, tuple(source.id for source in given), took_ms, made))
        return None
    scribe.write(Composed(composer.model.name, made.ids, took_ms))
    return Wording(made.text, made.pcm)


class _Made(NamedTuple):
    text: str
    pcm: bytes
    ids: tuple[str, ...]


async def _in_time(bot: Bot, composer: Composer, script: Script, memory: Memory, given: tuple[Source, ...]) -> _Made | str:
    style = _style(memory)
    try:
        async with asyncio.timeout(composer.deadline_s):
            said = await composer.compose(given, memory.last_words, script.language, style)
            if isinstance(said, Refused):
                return said.why
            return _Made(said.text, await bot.phrases.once(said.text, script.language, MANNERS[style]), said.ids)
    except TimeoutError:
        return "it was not spoken at its deadline"
    except EngineError as error:
        return str(error)


def _style(memory: Memory) -> Style:
    return memory.state.style if memory.state else "neutral"


async def _cut(mouth: Mouth) -> str:
    """Returns once the caller has taken the turn, by voice or by key."""
    flushes = mouth.flushes
    while True:
        await asyncio.sleep(FRAME_MS / 1000)
        if mouth.flushes != flushes:
            return CUT
