"""The sentences that the dialplan says itself, to callers to whom the bot cannot speak: not taken, let go in haste, waiting, or answered by nobody.

They are rendered once, at start, into the folder Asterisk reads. Which one is said is named on the caller's channel, never given as a path.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from voicebot.dialogue.prompts import Prompts
from voicebot.errors import KnowledgeError
from voicebot.handover.spool import replace
from voicebot.speech.phrases import Phrases

LINE_VARIABLE = "VOICEBOT_LINE"
"""Names the line that is said before the queue."""
LINES: Mapping[str, str] = {"overflow": "queue_full", "at_capacity": "at_capacity", "connecting_sorry": "connecting_sorry"}
"""Line → prompt. The dialplan takes names of lower-case letters and `_` alone; `overflow` it says by itself, after the longest wait."""
WAITING = ("waiting", "queue_next", "queue_place", "queue_place_end", "queue_wait", "queue_minute", "queue_minutes")
"""What Queue() says to those who wait, in the caller's language; a place and minutes are numbers between two of these."""
QUEUE_LINES = (
    *("callback_offer", "callback_number", "callback_confirm", "callback_kept", "closed", "again", "nobody", "danger", "survey", "survey_thanks"),
    *WAITING,
)
"""What it says to those who wait, or would rather be called back, to whom nobody is there, and to whom an agent has served."""
DIGITS = tuple("0123456789")
TEENS = tuple(str(number) for number in range(11, 20))
"""Words of their own in some languages."""
TENS = (*(str(ten) for ten in range(10, 100, 10)), "hundred")
FOLDER = Path(__file__).parent / "words" / "queue"


async def write_lines(phrases: Phrases, prompts: Mapping[str, Prompts], folder: Path) -> None:
    """Put `<line>-<language>.sln16` (16 kHz pcm) for each language of `prompts` into `folder`; what the queue itself says, once more as
    `<language>/<line>.sln16`, where Queue() looks for the caller's language, and `<language>/digits/<number>.sln16`, of which it makes numbers.
    Raises EngineError, KnowledgeError, OSError."""
    for language, said in prompts.items():
        queue = queue_lines(language)
        spoken = {line: getattr(said, prompt) for line, prompt in LINES.items()}
        lines = {**spoken, **queue.lines, **{f"digit_{digit}": queue.numbers[digit] for digit in DIGITS}}
        files = {f"{line}-{language}": text for line, text in lines.items()}
        files |= {f"{language}/{line}": queue.lines[line] for line in WAITING}
        files |= {f"{language}/digits/{number}": word for number, word in queue.numbers.items()}
        for name, text in files.items():
            await asyncio.to_thread(replace, folder / f"{name}.sln16", await phrases.audio(text, language))


@dataclass(frozen=True, slots=True)
class QueueWords:
    """What the queue says in one language: line → sentence, and Asterisk's name of a number → word."""

    lines: Mapping[str, str]
    numbers: Mapping[str, str]


def queue_lines(language: str, folder: Path = FOLDER) -> QueueWords:
    """Raises KnowledgeError naming what is wrong with the language's file."""
    path = folder / f"{language}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KnowledgeError(f"{path}: no queue sentences for language {language!r}; translate en.toml beside it into this file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise KnowledgeError(f"{path}: cannot be used: {error}") from None
    numbers = table.pop("numbers", None)
    if sorted(table) != sorted(QUEUE_LINES) or not _words(table):
        raise KnowledgeError(f"{path}: wants the sentences {', '.join(QUEUE_LINES)}, and no others")
    if not isinstance(numbers, dict) or not _words(numbers) or not {*DIGITS, *TENS} <= set(numbers) <= {*DIGITS, *TEENS, *TENS}:
        raise KnowledgeError(f"{path}: [numbers] wants words for {', '.join((*DIGITS, *TENS))}, may have some for 11 to 19, and no others")
    return QueueWords(table, numbers)


def _words(table: Mapping[str, object]) -> bool:
    return all(isinstance(value, str) and value.strip() for value in table.values())
