"""`voicebot serve`: everything calls share is started here, calls are admitted here, and all of it ends here.

One process, one loop, one TaskGroup. It decides whether a call is taken, never how it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog

from voicebot.admission import Gate
from voicebot.assembly import Assembly, assembled, speaking
from voicebot.errors import VoicebotError
from voicebot.process import Stop, never_frozen, tell_starter
from voicebot.reception import Reception
from voicebot.scopes import Tasks, first_of
from voicebot.settings import Settings
from voicebot.telephony.briefings import Briefings
from voicebot.telephony.keeper import Keeper
from voicebot.telephony.pauses import Pauses
from voicebot.telephony.pbx_plan import USERNAME, media_connection, secret
from voicebot.telephony.secure import served
from voicebot.telephony.server import ControlLink, Credentials, Handlers, Server, check_port
from voicebot.telephony.supervision import Supervision

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

    def __init__(self, made: Assembly, tasks: Tasks, keeper: Keeper) -> None:
        self._bot = made.bot
        self._journal = made.journal
        self._tasks = tasks
        self._keeper = keeper
        self._server: Server | None = None
        self._gate = Gate(made.bot.settings.admission, made.bot.metrics.measures)
        self._reception = Reception(made.bot, made.journal, self._gate, made.renewal)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Controller]:
        """Start all parts; end them in reverse. Live calls are handed over at the end.

        It listens before its engines are up, for calls that lost their controller in a restart: they wait a little; new ones go to the queue.
        """
        connection = media_connection(settings.pbx.controllers, f"{settings.serve.host}:{settings.serve.port}")
        check_port(settings.serve.host, settings.serve.port)
        async with contextlib.AsyncExitStack() as stack:
            tasks = Tasks(await stack.enter_async_context(asyncio.TaskGroup()))
            keeper = await stack.enter_async_context(Keeper())
            made = await assembled(stack, settings, connection, tasks.spawn)
            controller = cls(made, tasks, keeper)
            tasks.spawn(made.journal.run())
            await controller._listen(stack, settings)
            try:
                for beside in (*await speaking(stack, made), never_frozen()):
                    tasks.spawn(beside)
                controller._reception.ready.set()
                yield controller
            finally:
                await controller._end()

    async def _listen(self, stack: contextlib.AsyncExitStack, settings: Settings) -> None:
        credentials = Credentials(USERNAME, secret(settings.secrets, "control"))
        server = Server(settings.serve.host, settings.serve.port, credentials, self._handlers(), served(settings.serve))
        self._server = await stack.enter_async_context(server)

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
            on_call=lambda link: self._tasks.spawn(self._reception.receive(link)),
            on_floor=lambda link: self._tasks.spawn(self._floor(link)),
            hold=self._hold,
            media=self._bot.door.admit,
            health=self._health,
            metrics=lambda: self._bot.metrics.render() if self._reception.ready.is_set() else b"",
            desk=self._desk(),
        )

    def _desk(self) -> dict[str, Callable[[dict[str, list[str]]], bool]]:
        """What the desk may ask for."""
        settings, floor, spool = self._bot.settings, self._bot.floor, self._bot.spool
        briefings = Briefings(lambda: floor.link, self._tasks.spawn, spool.hush)
        floor.hears = lambda agent, call_id: briefings.hears(agent) and not spool.read(call_id)
        return {
            "/desk/briefings": briefings.take,
            "/desk/pauses": Pauses(settings.handover.names, lambda: floor.link, self._tasks.spawn).take,
            "/desk/supervise": Supervision(settings.pbx.agents, floor, self._bot.orders, self._tasks.spawn).take,
        }

    async def _end(self) -> None:
        """Cancel what runs: calls hand their caller over as they end, then the journal is closed behind them.

        Asterisk opens a socket that ends anew: nobody would be there to end that one.
        """
        if self._server:
            self._server.refuse()
        await self._tasks.end()

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
