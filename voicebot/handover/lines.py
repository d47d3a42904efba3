"""The sentences that the dialplan says itself, to callers to whom the bot cannot speak: not taken, let go in haste, or answered by nobody.

They are rendered once, at start, into the folder Asterisk reads. Which one is said is named on the caller's channel, never given as a path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from voicebot.dialogue.prompts import Prompts
from voicebot.handover.spool import replace
from voicebot.speech.phrases import Phrases

LINE_VARIABLE = "VOICEBOT_LINE"
"""Names the line that is said before the queue."""
LINES: Mapping[str, str] = {"overflow": "queue_full", "at_capacity": "at_capacity", "connecting_sorry": "connecting_sorry"}
"""Line → prompt. The dialplan takes names of lower-case letters and `_` alone; `overflow` it says by itself, after the longest wait."""


async def write_lines(phrases: Phrases, prompts: Mapping[str, Prompts], folder: Path) -> None:
    """Put `<line>-<language>.sln16` (16 kHz pcm) for each language of `prompts` into `folder`. Raises EngineError, OSError."""
    for language, said in prompts.items():
        for line, prompt in LINES.items():
            pcm = await phrases.audio(getattr(said, prompt), language)
            await asyncio.to_thread(replace, folder / f"{line}-{language}.sln16", pcm)
