"""A controller on a bench: its engines, database, keeper and server are stood in for, and Asterisks connect to it.

Calls go through the real reception, gate, floor and call.
"""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.asterisk import CALLER, FakeAsterisk, Trouble
from tests.kit.bot import KNOWLEDGE, Bench
from tests.kit.record import Record
from tests.kit.speech import scripted_ears
from voicebot import app, assembly
from voicebot.admission import Measures
from voicebot.app import Controller
from voicebot.errors import EngineError, StoreError
from voicebot.metrics import Metrics
from voicebot.settings import Admission, Pbx, Serve, Settings, Store
from voicebot.settings.anger import Anger
from voicebot.settings.engines import Speech
from voicebot.store.events import CallStarted, Event
from voicebot.store.journal import Journal
from voicebot.telephony.media import MediaLink
from voicebot.telephony.server import Credentials, Handlers


class MemoryJournal:
    """Stands for the journal: records in memory."""

    backlog = spooled = lost = 0
    trouble = ""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.closed = False

    def call(self, call_id: str, first: CallStarted) -> Record:
        if call_id in self.records:
            raise StoreError(f"{call_id}: this call has an open record already")
        self.records[call_id] = Record(call_id)
        self.records[call_id].append(0, first)
        return self.records[call_id]

    async def lines(self, call_id: str) -> list[tuple[int, Event]]:
        return self.records[call_id].lines if call_id in self.records else []

    async def resume(self, call_id: str) -> Record:
        return self.records[call_id]

    async def unsealed(self) -> list[Any]:
        return []

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True
        for record in self.records.values():
            record.closed = True


class FakeKeeper:
    """Stands for the process that holds control sockets; `gone` when it has ended."""

    def __init__(self) -> None:
        self.held: list[int] = []
        self.gone = False

    async def __aenter__(self) -> FakeKeeper:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gone = True

    def hold(self, fd: int) -> None:
        if self.gone:
            raise BrokenPipeError(32, "Broken pipe")
        self.held.append(fd)


class NoDetector:
    """Stands for a speech detector that starts and has no model. `lived` is what it went through."""

    workers = ()

    def __init__(self) -> None:
        self.lived: list[str] = []

    async def launch(self) -> None:
        self.lived.append("launched")

    async def until_ready(self) -> None:
        self.lived.append("failed")
        raise EngineError("silero: no model")

    async def stop(self) -> None:
        self.lived.append("stopped")


class World:
    """A controller whose engines, database and server are stood in for. `handlers` is what its server would call."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.channels: set[str] = set()
        self.bench = Bench(folder)
        self.journal = MemoryJournal()
        self.keeper = FakeKeeper()
        self.settings = Settings(
            serve=Serve(port=0),
            pbx=Pbx(run=folder / "pbx"),
            store=Store(url="sqlite+aiosqlite://"),
            speech=Speech(cache=folder / "cache"),
            secrets=folder / "secrets",
            hotlines=self.bench.settings.hotlines,
            admission=Admission(calls=3, calls_per_number=2),
            anger=Anger(voice=False),
        )
        self.grace_s(20.0)
        self.armed: list[tuple[float, float, bool]] = []
        self.disarmed = 0
        self.refuses = False
        """No new socket is taken."""
        self.detectors: list[Any] = []
        self.measures = Measures()
        self.watched: list[Any] = []
        self.start_takes_s = 0.0
        self._handlers: list[Handlers] = []
        self._stand_in(monkeypatch)

    def grace_s(self, grace_s: float) -> None:
        self.settings = self.settings.model_copy(update={"serve": Serve(port=0, grace_s=grace_s)})

    def _stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def opened(_url: str, _spool: Path) -> MemoryJournal:
            return self.journal

        async def tongue(_stack: Any, _settings: Settings, _knowledge: Any, language: str, detector: Any) -> Any:
            self.detectors.append(detector)
            await asyncio.sleep(self.start_takes_s)
            return self.bench.bot.tongues[language]

        async def prepared(_phrases: Any, _tongue: Any) -> None: ...

        async def watch_work(_metrics: Metrics, recognisers: Any, others: Any) -> None:
            self.watched += [*recognisers, *others]

        monkeypatch.setattr(Metrics, "measures", lambda _metrics: self.measures)
        monkeypatch.setattr(assembly, "watch_work", watch_work)
        scripted_ears(monkeypatch)
        monkeypatch.setattr(Journal, "open", opened)
        monkeypatch.setattr(assembly, "tongue", tongue)
        monkeypatch.setattr(assembly, "prepared", prepared)
        monkeypatch.setattr(assembly, "load", lambda _folder: KNOWLEDGE)
        monkeypatch.setattr(assembly, "embedded", lambda _language: None)
        monkeypatch.setattr(assembly, "Phrases", lambda _folder, _voices: self.bench.phrases)
        monkeypatch.setattr(assembly, "SpeechDetector", NoDetector)
        monkeypatch.setattr(app, "Keeper", lambda: self.keeper)
        monkeypatch.setattr(app, "Server", self._server)
        monkeypatch.setattr(faulthandler, "dump_traceback_later", self._arm)
        monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", self._disarm)

    @asynccontextmanager
    async def _server(self, _host: str, _port: int, credentials: Credentials, handlers: Handlers, _tls: object) -> AsyncIterator[Any]:
        assert len(credentials.secret) > 16
        self._handlers.append(handlers)

        class Listening:
            port = 4711
            refuse = self._refuse

        yield Listening()

    def _refuse(self) -> None:
        self.refuses = True

    def _arm(self, timeout_s: float, exit: bool) -> None:  # noqa: A002 - faulthandler's own name
        self.armed.append((asyncio.get_running_loop().time(), timeout_s, exit))

    def _disarm(self) -> None:
        self.disarmed += 1

    @property
    def handlers(self) -> Handlers:
        return self._handlers[-1]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Controller]:
        async with Controller.open(self.settings) as controller:
            yield controller

    async def starting(self, takes_s: float, meanwhile: Coroutine[Any, Any, None]) -> None:
        """Play `meanwhile` from the start on: calls can come at once, and the engines are up after `takes_s`."""
        self.start_takes_s = takes_s
        async with asyncio.TaskGroup() as scope:
            scope.create_task(meanwhile)
            async with self.serving():
                await asyncio.sleep(10)

    def calls_in(self, variables: dict[str, str] | None = None, caller: str = CALLER, troubles: Mapping[int, Trouble] | None = None) -> FakeAsterisk:
        """Asterisk connects for a new call and tells of it half a second later."""
        asterisk = self.connects(variables, caller, troubles)
        asyncio.get_running_loop().call_later(0.5, asterisk.begin)
        return asterisk

    def connects(self, variables: dict[str, str] | None = None, caller: str = CALLER, troubles: Mapping[int, Trouble] | None = None) -> FakeAsterisk:
        door: Any = _Door(self)
        asterisk = FakeAsterisk(door, variables, troubles, caller=caller)
        self.channels |= asterisk.channels
        asterisk.channels = self.channels  # one Asterisk, however many sockets it opens
        self.handlers.on_call(asterisk.control)
        return asterisk

    def figure(self, name: str) -> str:
        return next(line for line in self.handlers.metrics().decode().splitlines() if line.startswith(name)).split()[-1]


class _Door:
    def __init__(self, world: World) -> None:
        self._world = world

    def admit(self, token: str) -> MediaLink | None:
        return self._world.handlers.media(token)


def number(ani: str) -> dict[str, str]:
    """What Asterisk tells of a caller with this number."""
    return {"VOICEBOT_ANI": ani}
