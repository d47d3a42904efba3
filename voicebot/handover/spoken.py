"""The briefing as agents hear it, each in the form that he likes: all of it, why the caller comes, or nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from voicebot.errors import EngineError, plain
from voicebot.handover.briefing import Briefing
from voicebot.handover.spool import Spool
from voicebot.speech.phrases import Phrases
from voicebot.values import SILENCE_FRAME

SHORT_S = 0.5
"""No caller is kept longer than this for the short form: who likes it hears all of it then."""
log = structlog.get_logger()


async def spoken(told: Briefing, phrases: Phrases, language: str, spool: Spool, call_id: str) -> Path:
    """Put all forms of `told` where Asterisk plays them; where, without extension. Raises EngineError, OSError."""
    path = await spool.write(call_id, await phrases.once(told.spoken, language))
    await spool.write(call_id, SILENCE_FRAME, "off")
    if told.short != told.spoken:
        try:
            async with asyncio.timeout(SHORT_S):
                await spool.write(call_id, await phrases.once(told.short, language), "short")
        except (EngineError, OSError, TimeoutError) as error:
            log.warning("no short form of a briefing", call_id=call_id, why=plain(error))
    return path
