"""`voicebot serve`: everything calls share is started here, calls are admitted here, and all of it ends here.

One process, one loop, one TaskGroup. It decides whether a call is taken, never how it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from voicebot.admission import Gate
from voicebot.bot import Bot, Tongue
from voicebot.dialogue.knowledge import Knowledge, load
from voicebot.errors import EngineError, VoicebotError
from voicebot.handover.lines import write_lines
from voicebot.handover.spool import Spool
from voicebot.languages import prepared, tongue
from voicebot.metrics import Metrics, watch_loop_lag, watch_work
from voicebot.process import Stop, never_frozen, tell_starter
from voicebot.reception import Reception
from voicebot.scopes import first_of
from voicebot.scratch import sweep
from voicebot.settings import Settings
from voicebot.speech.phrases import Phrases
from voicebot.speech.silero import SpeechDetector
from voicebot.speech.tts import embedded
from voicebot.store.events import Outcome
from voicebot.store.journal import Journal
from voicebot.telephony.floor import Floor, loop_clock
from voicebot.telephony.keeper import Keeper
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.pbx_plan import USERNAME, media_connection, secret
from voicebot.telephony.recording import Recordings
from voicebot.telephony.server import ControlLink, Credentials, Handlers, Server, check_port

log = structlog.get_logger()


async def serve(settings: Settings, on_ready: Callable[[int], None] = lambda _port: None) -> None:
    """Run the controller until SIGTERM or SIGINT, then until its calls are over: `[serve] grace_s` at most, and no longer than to a second signal.

    `on_ready` is told the port once calls can come. Raises VoicebotError when it cannot start.
    """
    async with Controller.open(settings) as controller:
        stop = Stop()  # only now: what is still starting has nobody to wait for, and ends as any process does
        on_ready(controller.port)
        tell_starter("READY=1")
        await stop.asked.wait()
        tell_starter("STOPPING=1")
        await first_of(controller.drained(settings.serve.grace_s), stop.insisted.wait())


class Controller:
    """Admits calls and watches the floor. Made by `open`."""

    def __init__(self, bot: Bot, journal: Journal, knowledge: Knowledge, scope: asyncio.TaskGroup, keeper: Keeper) -> None:
        self._bot = bot
        self._keeper = keeper
        self._journal = journal
        self._scope = scope
        self._server: Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = Gate(bot.settings.admission, bot.metrics.measures)
        self._reception = Reception(bot, journal, self._gate, knowledge.version)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Controller]:
        """Start all parts in the order that lets a fault name itself; end them in reverse. Live calls are handed over at the end.

        It listens before its engines are up, for calls that lost their controller in a restart: they wait a little; new ones go to the queue.
        """
        connection = media_connection(settings.pbx.controllers, f"{settings.serve.host}:{settings.serve.port}")
        check_port(settings.serve.host, settings.serve.port)
        knowledge = load(settings.kb.folder)
        spoken = {hotline.language for hotline in settings.hotlines.values()}
        phrases = Phrases(settings.speech.cache / "phrases", {language: embedded(language) for language in spoken})
        await asyncio.to_thread(sweep, Path(tempfile.gettempdir()), settings.speech.cache)
        run = settings.pbx.run.resolve()
        metrics = Metrics()
        async with contextlib.AsyncExitStack() as stack:
            journal = await Journal.open(settings.store.url, Path("var/spool"))
            stack.push_async_callback(journal.close)
            metrics.watch_journal(journal)
            spool = Spool(run / "briefings")

            def sealed(call_id: str, outcome: Outcome) -> None:
                metrics.calls.labels(outcome).inc()
                spool.forget(call_id)

            journal.on_sealed = sealed
            keeper = await stack.enter_async_context(Keeper())
            scope = await stack.enter_async_context(asyncio.TaskGroup())
            door = MediaDoor(connection)
            tongues: dict[str, Tongue] = {}
            bot = Bot(settings, tongues, phrases, door, Floor(loop_clock, journal), spool, Recordings(settings.recording), metrics)
            controller = cls(bot, journal, knowledge, scope, keeper)
            controller._spawn(journal.run())
            credentials = Credentials(USERNAME, secret(settings.secrets, "control"))
            server = Server(settings.serve.host, settings.serve.port, credentials, controller._handlers())
            controller._server = await stack.enter_async_context(server)
            try:
                detector = SpeechDetector()
                stack.push_async_callback(detector.stop)
                await detector.launch()
                for language in sorted(spoken):
                    found = await tongue(stack, settings, knowledge, language, detector)
                    await prepared(phrases, found)
                    tongues[language] = found
                await _loaded(detector)
                await write_lines(phrases, {language: found.scripts[True].prompts for language, found in tongues.items()}, run / "sounds")
                controller._spawn(watch_loop_lag(metrics))
                recognisers = [worker for each in tongues.values() if each.hearing.recogniser for worker in each.hearing.recogniser.workers]
                controller._spawn(watch_work(metrics, recognisers, detector.workers))
                controller._spawn(never_frozen())
                controller._spawn(bot.spool.keep_swept())
                controller._reception.ready.set()
                yield controller
            finally:
                await controller._end()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise VoicebotError("the controller is not listening yet")
        return self._server.port

    @property
    def calls(self) -> int:
        """Calls with the bot now."""
        return self._gate.calls

    async def drained(self, grace_s: float) -> None:
        """Take no more calls from now on, and return when none is left, or grace is over. Callers in the queue need no controller."""
        self._gate.draining = True
        self._bot.metrics.draining.set(1)
        log.info("stopping; a second signal ends it at once", calls=self.calls, grace_s=grace_s if self.calls else 0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._gate.empty.wait()

    def _handlers(self) -> Handlers:
        return Handlers(
            on_call=lambda link: self._spawn(self._reception.receive(link)),
            on_floor=lambda link: self._spawn(self._floor(link)),
            hold=self._hold,
            media=self._bot.door.admit,
            health=self._health,
            metrics=lambda: self._bot.metrics.render() if self._reception.ready.is_set() else b"",
        )

    def _spawn(self, run: Coroutine[Any, Any, None]) -> None:
        task = self._scope.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        """Cancel what runs: calls hand their caller over as they end, then the journal is closed behind them.

        Asterisk opens a socket that ends anew: nobody would be there to end that one.
        """
        if self._server:
            self._server.refuse()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _hold(self, fd: int) -> None:
        try:
            self._keeper.hold(fd)
        except OSError as error:
            log.warning("control socket is not held", why=str(error))

    def _health(self) -> tuple[bool, bytes]:
        """Whether all is well, and one word for whoever asks; what exactly troubles the journal stands in the log."""
        if not self._reception.ready.is_set():
            return False, b"starting\n"
        if self._gate.draining:
            return False, b"draining\n"
        return (False, b"journal\n") if self._journal.trouble else (True, b"ok\n")

    async def _floor(self, link: ControlLink) -> None:
        await self._bot.floor.watch(link, self._journal)


async def _loaded(detector: SpeechDetector) -> None:
    try:
        await detector.until_ready()
    except EngineError as error:
        log.warning("speech detection by webrtcvad alone", why=str(error))
