"""The sentences that the dialplan says itself, to callers to whom the bot cannot speak: not taken, let go in haste, waiting, or answered by nobody.

They are rendered once, at start, into the folder Asterisk reads. Which one is said is named on the caller's channel, never given as a path.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from voicebot.dialogue.prompts import Prompts
from voicebot.errors import KnowledgeError
from voicebot.handover.spool import replace
from voicebot.speech.phrases import Phrases

LINE_VARIABLE = "VOICEBOT_LINE"
"""Names the line that is said before the queue."""
LINES: Mapping[str, str] = {"overflow": "queue_full", "at_capacity": "at_capacity", "connecting_sorry": "connecting_sorry"}
"""Line → prompt. The dialplan takes names of lower-case letters and `_` alone; `overflow` it says by itself, after the longest wait."""
QUEUE_LINES = ("waiting", "callback_offer", "callback_number", "callback_confirm", "callback_kept")
"""What it says to those who wait, and to those who would rather be called back; with the ten digits of their number, `digit_0` to `digit_9`."""
FOLDER = Path(__file__).parent / "words" / "queue"


async def write_lines(phrases: Phrases, prompts: Mapping[str, Prompts], folder: Path) -> None:
    """Put `<line>-<language>.sln16` (16 kHz pcm) for each language of `prompts` into `folder`; what the queue itself says, once more as
    `<language>/<line>.sln16`, where Queue() looks for the caller's language. Raises EngineError, KnowledgeError, OSError."""
    for language, said in prompts.items():
        texts = {line: getattr(said, prompt) for line, prompt in LINES.items()} | queue_lines(language)
        for line, text in texts.items():
            pcm = await phrases.audio(text, language)
            await asyncio.to_thread(replace, folder / f"{line}-{language}.sln16", pcm)
        waiting = await phrases.audio(texts["waiting"], language)
        await asyncio.to_thread(replace, folder / language / "waiting.sln16", waiting)


def queue_lines(language: str, folder: Path = FOLDER) -> dict[str, str]:
    """Line → sentence. Raises KnowledgeError naming what is wrong with the language's file."""
    path = folder / f"{language}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KnowledgeError(f"{path}: no queue sentences for language {language!r}; translate en.toml beside it into this file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise KnowledgeError(f"{path}: cannot be used: {error}") from None
    digits = table.pop("digits", None)
    if sorted(table) != sorted(QUEUE_LINES) or not _words(table.values()) or not isinstance(digits, list) or len(digits) != 10 or not _words(digits):
        raise KnowledgeError(f"{path}: wants the sentences {', '.join(QUEUE_LINES)} and `digits`, a list of ten words, and nothing else")
    return {**table, **{f"digit_{number}": word for number, word in enumerate(digits)}}


def _words(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) and value.strip() for value in values)
