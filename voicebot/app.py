"""`voicebot serve`: everything calls share is started here, calls are admitted here, and all of it ends here.

One process, one loop, one TaskGroup. It decides whether a call is taken, never how it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from voicebot import call as one_call
from voicebot.bot import Bot, Tongue
from voicebot.call import QUEUE_CONTEXT
from voicebot.dialogue.knowledge import Knowledge, load
from voicebot.errors import AriError, EngineError, StoreError, VoicebotError
from voicebot.handover.spool import Spool, replace
from voicebot.languages import prepared, tongue
from voicebot.metrics import Metrics, watch_loop_lag
from voicebot.settings import Settings
from voicebot.speech.phrases import Phrases
from voicebot.speech.silero import SpeechDetector
from voicebot.speech.tts import embedded
from voicebot.store.events import CallStarted
from voicebot.store.journal import Journal
from voicebot.telephony.ari import ApplicationRegistered, StasisStart
from voicebot.telephony.floor import Floor, loop_clock
from voicebot.telephony.keeper import Keeper
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.pbx_plan import USERNAME, secret
from voicebot.telephony.server import ControlLink, Credentials, Handlers, Server, check_port

START_TIMEOUT_S = 1.2
"""Asterisk tells of a new call 0.5 s after it connects. A socket that brings none by then is a call this process does not know."""
CLOSE_TIMEOUT_S = 5.0
FROZEN_S = 3.0
"""A loop that does not run for this long ends the process, so that Asterisk moves the callers on."""
log = structlog.get_logger()


async def serve(settings: Settings, on_ready: Callable[[int], None] = lambda _port: None) -> None:
    """Run the controller until SIGTERM or SIGINT. `on_ready` is told the port once calls can come. Raises VoicebotError when it cannot start."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with Controller.open(settings) as controller:
        on_ready(controller.port)
        await stop.wait()
        log.info("stopping", calls=controller.calls)


class Controller:
    """Admits calls and watches the floor. Made by `open`."""

    def __init__(self, bot: Bot, journal: Journal, knowledge: Knowledge, scope: asyncio.TaskGroup, keeper: Keeper) -> None:
        self._bot = bot
        self._keeper = keeper
        self._journal = journal
        self._knowledge = knowledge
        self._scope = scope
        self._server: Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.calls = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Controller]:
        """Start all parts in the order that lets a fault name itself; end them in reverse. Live calls are handed over at the end."""
        check_port(settings.serve.host, settings.serve.port)
        knowledge = load(settings.kb.folder)
        spoken = {hotline.language for hotline in settings.hotlines.values()}
        phrases = Phrases(settings.speech.cache / "phrases", {language: embedded(language) for language in spoken})
        run = settings.pbx.run.resolve()
        metrics = Metrics()
        async with contextlib.AsyncExitStack() as stack:
            journal = await Journal.open(settings.store.url, Path("var/spool"))
            stack.push_async_callback(journal.close)
            metrics.watch_journal(journal)
            journal.on_sealed = lambda outcome: metrics.calls.labels(outcome).inc()
            detector = await _started(stack, SpeechDetector())
            tongues = {language: await tongue(stack, settings, knowledge, language, detector) for language in sorted(spoken)}
            for found in tongues.values():
                await prepared(phrases, found)
            await _overflow_messages(phrases, tongues, run / "sounds")
            keeper = await stack.enter_async_context(Keeper())
            scope = await stack.enter_async_context(asyncio.TaskGroup())
            bot = Bot(settings, tongues, phrases, MediaDoor(), Floor(loop_clock), Spool(run / "briefings"), metrics)
            controller = cls(bot, journal, knowledge, scope, keeper)
            controller._spawn(journal.run())
            controller._spawn(watch_loop_lag(metrics))
            controller._spawn(_not_frozen())
            controller._spawn(bot.spool.keep_swept())
            credentials = Credentials(USERNAME, secret(settings.secrets, "control"))
            controller._server = await stack.enter_async_context(
                Server(settings.serve.host, settings.serve.port, credentials, controller._handlers())
            )
            try:
                yield controller
            finally:
                await controller._end()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise VoicebotError("the controller is not listening yet")
        return self._server.port

    def _handlers(self) -> Handlers:
        return Handlers(
            on_call=lambda link: self._spawn(self._control(link)),
            on_floor=lambda link: self._spawn(self._floor(link)),
            hold=self._hold,
            media=self._bot.door.admit,
            health=self._health,
            metrics=self._bot.metrics.render,
        )

    def _spawn(self, run: Coroutine[Any, Any, None]) -> None:
        task = self._scope.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        """Cancel what runs: calls hand their caller over as they end, then the journal is closed behind them."""
        faulthandler.cancel_dump_traceback_later()
        for task in list(self._tasks):
            task.cancel()

    def _hold(self, fd: int) -> None:
        try:
            self._keeper.hold(fd)
        except OSError as error:
            log.warning("control socket is not held", why=str(error))

    def _health(self) -> tuple[bool, bytes]:
        well = self._journal.spooled == 0
        return well, b"ok\n" if well else b"journal database takes no events\n"

    async def _control(self, link: ControlLink) -> None:
        """One control socket: a new call, or one this process does not know, whose caller goes on to the queue."""
        try:
            start, application = await _stasis_start(link)
            if start is not None:
                await self._call(link, start)
            else:
                await _send_on(link, application)
            await _until_closed(link)
        except AriError as error:
            log.info("control socket ended", why=str(error))
        finally:
            link.close()

    async def _call(self, link: ControlLink, start: StasisStart) -> None:
        channel = start.channel
        variables = channel.channelvars
        language = variables.get("VOICEBOT_LANGUAGE", "")
        if language not in self._bot.tongues:
            return await _not_taken(link, channel.id, f"no hotline speaks {language!r}")
        first = CallStarted(
            variables.get("VOICEBOT_ANI", ""), variables.get("VOICEBOT_DNIS", ""), language, channel.id, datetime.now(UTC), self._knowledge.version
        )
        try:
            record = self._journal.call(channel.id, first)
        except StoreError as error:
            return await _not_taken(link, channel.id, str(error))
        self.calls += 1
        self._bot.metrics.calls_in_progress.inc()
        try:
            await one_call.run(self._bot, link, start, record)
        finally:
            self.calls -= 1
            self._bot.metrics.calls_in_progress.dec()

    async def _floor(self, link: ControlLink) -> None:
        await self._bot.floor.watch(link, self._journal)


async def _not_taken(link: ControlLink, channel: str, why: str) -> None:
    log.warning("call not taken", why=why)
    await link.ari.continue_in_dialplan(channel, QUEUE_CONTEXT)


async def _stasis_start(link: ControlLink) -> tuple[StasisStart | None, str]:
    """The call this socket brings, or None and the application name that tells the channel."""
    application = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                event = await link.next()
                if isinstance(event, StasisStart):
                    return event, event.application
                if isinstance(event, ApplicationRegistered):
                    application = event.application
    return None, application


async def _until_closed(link: ControlLink) -> None:
    """Let Asterisk close the socket of a call that is over: were we to, it would connect again."""
    with contextlib.suppress(TimeoutError, AriError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            while True:
                await link.next()


async def _send_on(link: ControlLink, application: str) -> None:
    """A caller of whom nothing is known here: another process had the call. The queue is next."""
    name = application.partition(":")[2]
    for channel in await link.ari.channels():
        if channel.name == name:
            log.warning("unknown call sent on to the queue")
            await link.ari.continue_in_dialplan(channel.id, QUEUE_CONTEXT)


async def _overflow_messages(phrases: Phrases, tongues: Mapping[str, Tongue], folder: Path) -> None:
    """What the dialplan plays when nobody answered, one file a language."""
    for language, spoken in tongues.items():
        pcm = await phrases.audio(spoken.scripts[True].prompts.queue_full, language)
        await asyncio.to_thread(replace, folder / f"overflow-{language}.sln16", pcm)


async def _started(stack: contextlib.AsyncExitStack, detector: SpeechDetector) -> SpeechDetector | None:
    try:
        return await stack.enter_async_context(detector)
    except EngineError as error:
        log.warning("speech detection by webrtcvad alone", why=str(error))
        return None


async def _not_frozen() -> None:
    """A loop that hangs is made to crash: then Asterisk sees the socket close and moves each caller on."""
    while True:
        faulthandler.dump_traceback_later(FROZEN_S, exit=True)
        await asyncio.sleep(1)
