"""What all calls share, made from the settings and started in the order that lets a fault name itself.

Two steps: what answers at once, so that a lost call finds somebody; then the engines, which take their time. It admits no call and ends none.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from voicebot.bot import Bot, Tongue
from voicebot.customers.opened import opened as customers
from voicebot.dialogue.compose import Composer
from voicebot.dialogue.grounding import OPENING
from voicebot.dialogue.knowledge import Knowledge, load
from voicebot.errors import EngineError
from voicebot.feeling import Feelings
from voicebot.handover.better import Improver, improving
from voicebot.handover.known import Known, nobody
from voicebot.handover.lines import write_lines
from voicebot.handover.spool import Spool
from voicebot.languages import prepared, renewed, tongue
from voicebot.llm.engines import opened as language_model
from voicebot.metrics import Metrics, watch_loop_lag, watch_work
from voicebot.renewal import Renewal, today
from voicebot.scratch import sweep
from voicebot.settings import Settings
from voicebot.speech.phrases import Phrases
from voicebot.speech.silero import SpeechDetector
from voicebot.speech.tts import Voice, best, embedded, models
from voicebot.store.desk import DeskStore
from voicebot.store.events import Outcome
from voicebot.store.journal import Journal
from voicebot.telephony.floor import Floor, loop_clock
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.recording import Recordings

Running = Coroutine[Any, Any, None]
log = structlog.get_logger()


@dataclass(frozen=True)
class Assembly:
    """The parts of one process. `tongues` and `voices` are those of `bot`, filled as their engines are up."""

    bot: Bot
    journal: Journal
    knowledge: Knowledge
    renewal: Renewal
    tongues: dict[str, Tongue]
    voices: dict[str, Voice]


async def assembled(stack: AsyncExitStack, settings: Settings, connection: str, spawn: Callable[[Running], None]) -> Assembly:
    """All but the engines of speech, open until `stack` is left. `connection` is what Asterisk calls the way to this process's media door.

    Raises VoicebotError.
    """
    knowledge = load(settings.kb.folder).on(today())
    voices = {language: embedded(language) for language in sorted({hotline.language for hotline in settings.hotlines.values()})}
    phrases = Phrases(settings.speech.cache / "phrases", voices)
    await asyncio.to_thread(sweep, Path(tempfile.gettempdir()), settings.speech.cache)
    metrics, spool, tongues = Metrics(), Spool(settings.pbx.run.resolve() / "briefings"), dict[str, Tongue]()
    journal = await _journal(stack, settings, metrics, spool)
    model = await stack.enter_async_context(language_model(settings.llm, settings.secrets, settings.models.folder, OPENING))
    bot = Bot(
        settings,
        tongues,
        phrases,
        MediaDoor(connection),
        Floor(loop_clock, journal, announced=not settings.trunk or settings.trunk.announce),
        spool,
        Recordings(settings.recording),
        metrics,
        Composer(model, settings.llm.deadline_ms / 1000, settings.llm.compose) if model else None,
        await stack.enter_async_context(customers(settings.customers, settings.secrets)),
        improving(Improver(model, journal, phrases, spool, knowledge, settings.llm.briefing_ms / 1000), spawn),
        await _known(stack, settings, journal, knowledge),
        Feelings(settings.anger, settings.speech.cache),
    )
    renewal = Renewal(settings.kb.folder, knowledge, tongues, partial(renewed, settings, phrases), metrics)
    return Assembly(bot, journal, knowledge, renewal, tongues, voices)


async def speaking(stack: AsyncExitStack, made: Assembly) -> tuple[Running, ...]:
    """Start what hears and speaks, until `stack` is left. Returns what is to run beside the calls. Raises EngineError, KnowledgeError."""
    bot, settings = made.bot, made.bot.settings
    made.voices.update(await best(stack, made.voices, models(settings)))
    detector = SpeechDetector()
    stack.push_async_callback(detector.stop)
    await detector.launch()
    for language in made.voices:
        found = await tongue(stack, settings, made.knowledge, language, detector)
        await prepared(bot.phrases, found)
        made.tongues[language] = found
    await _loaded(detector)
    said = {language: found.scripts[True].prompts for language, found in made.tongues.items()}
    await write_lines(bot.phrases, said, settings.pbx.run.resolve() / "sounds")
    recognisers = [worker for found in made.tongues.values() if found.hearing.recogniser for worker in found.hearing.recogniser.workers]
    watches = watch_loop_lag(bot.metrics), watch_work(bot.metrics, recognisers, detector.workers)
    return *watches, bot.spool.keep_swept(), made.renewal.watch(), bot.feelings.run()


async def _known(stack: AsyncExitStack, settings: Settings, journal: Journal, knowledge: Knowledge) -> Callable[[str, str], Awaitable[int]]:
    if not settings.handover.profile:
        return nobody
    return Known(await stack.enter_async_context(DeskStore.open(settings.store.url)), journal, knowledge).priority


async def _journal(stack: AsyncExitStack, settings: Settings, metrics: Metrics, spool: Spool) -> Journal:
    def sealed(call_id: str, outcome: Outcome) -> None:
        metrics.calls.labels(outcome).inc()
        spool.forget(call_id)

    journal = await Journal.open(settings.store.url, Path("var/spool"))
    stack.push_async_callback(journal.close)
    metrics.watch_journal(journal)
    journal.on_sealed = sealed
    return journal


async def _loaded(detector: SpeechDetector) -> None:
    try:
        await detector.until_ready()
    except EngineError as error:
        log.warning("speech detection by webrtcvad alone", why=str(error))
