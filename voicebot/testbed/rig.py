"""A whole voicebot for tests, demo and figures, with phones to call it: one of our own on free ports, or one that runs already.

It measures nothing and says nothing by itself. What it starts ends with its `async with` block, and with this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import random
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.dialogue import prompts
from voicebot.dialogue.knowledge import load as load_knowledge
from voicebot.errors import StoreError, VoicebotError
from voicebot.settings import Settings, load
from voicebot.speech.phrases import Phrases
from voicebot.speech.tts import embedded
from voicebot.store import calls
from voicebot.telephony.pbx import console
from voicebot.telephony.pbx_plan import PbxPlan, plan
from voicebot.testbed import audio
from voicebot.testbed.badlines import BAD_LINES
from voicebot.testbed.call import Call
from voicebot.testbed.dialog import Account
from voicebot.testbed.g711 import Codec, Samples
from voicebot.testbed.phone import Phone
from voicebot.testbed.processes import Process, offspring
from voicebot.testbed.scrape import scraped
from voicebot.testbed.sip import Address, PhoneError
from voicebot.up import free_port
from voicebot.values import SAMPLE_RATE_HZ

ROOT = Path(__file__).resolve().parents[2]
START_S = 240.0
STOP_S = 20.0
_PR_SET_PDEATHSIG = 1


class Target:
    """A voicebot that can be called at `address`. All that is known of it is what a caller can hear, and which voice and texts it was set up with."""

    def __init__(self, address: Address, settings: Settings) -> None:
        self.address = address
        self.settings = settings
        self.line = BAD_LINES["good"]
        """What stands between it and all who call it from now on."""

    def phone(self, codec: Codec = "PCMU") -> AbstractAsyncContextManager[Phone]:
        """A caller's phone that offers `codec` alone."""
        return Phone.open(self.address, (codec,))

    async def references(self, language: str) -> Mapping[str, Samples]:
        """What the bot can say in `language`, as 8 kHz audio by name: `answer/ID`, `short/ID`, `prompt/NAME`. Raises EngineError, KnowledgeError."""
        texts = _texts(self.settings, language)
        phrases = Phrases(self.settings.speech.cache / "phrases", {language: embedded(language)})
        await phrases.prepare(texts.values(), language)
        return {name: _narrow(await phrases.audio(text, language)) for name, text in texts.items()}


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent's registered phone that takes every call and says its sentence again and again."""

    number: str
    phone: Phone
    calls: list[Call]
    """Every call taken, also those that are over."""


class Rig(Target):
    """A voicebot of our own: also its journal, its processes, its Asterisk's console and its agents are at hand. Made by `rig`."""

    def __init__(self, settings: Settings, settings_file: Path, found: PbxPlan, keeper: asyncio.subprocess.Process) -> None:
        super().__init__((found.sip_host, found.sip_port), settings)
        self.settings_file = settings_file
        self.plan = found
        self.keeper = keeper
        """`voicebot up`."""

    @property
    def log(self) -> Path:
        """What `voicebot up` and the controller wrote."""
        return self.settings_file.with_name("voicebot.log")

    def processes(self) -> tuple[Process, ...]:
        """Controller, workers and Asterisk as they are now."""
        return offspring(self.keeper.pid)

    def controller(self) -> Process:
        """Raises VoicebotError while there is none."""
        return self._child(" voicebot serve ")

    def asterisk(self) -> Process:
        return self._child("usr/sbin/asterisk ")

    async def console(self, command: str) -> str:
        """What Asterisk's console answers. Raises PbxError."""
        return await console(self.plan.control_socket, command)

    async def journal(self, ani: str, sealed_within_s: float = 5.0) -> calls.CallRecord:
        """The record of the one call from `ani`, read when it is sealed or time is up. Raises StoreError when there is none."""
        deadline_s = asyncio.get_running_loop().time() + sealed_within_s
        while True:
            found = [summary for summary in await calls.recent(self.settings.store.url, 10_000) if summary.ani == ani]
            if (found and found[0].outcome) or asyncio.get_running_loop().time() > deadline_s:
                break
            await asyncio.sleep(0.1)
        if not found:
            raise StoreError(f"no call from {ani} stands in the journal; see {self.log}")
        return await calls.show(self.settings.store.url, found[0].call_id)

    async def metrics(self) -> Mapping[str, float]:
        """What the controller says at /metrics; nothing when it does not answer."""
        return await scraped(self.settings.serve.host, self.settings.serve.port)

    async def calls_in_progress(self) -> int | None:
        """What the controller says at /metrics; None when it does not answer."""
        count = (await self.metrics()).get("voicebot_calls_in_progress")
        return None if count is None else int(count)

    @asynccontextmanager
    async def agent(self, number: str, says: Samples) -> AsyncIterator[Agent]:
        """Register the agent `number`; until the block is left it takes every call."""
        account = Account(number, self.plan.agents[number])
        async with Phone.open(self.address, account=account) as phone, asyncio.TaskGroup() as scope:
            await phone.register()
            agent = Agent(number, phone, [])
            answering = scope.create_task(_take_calls(agent, says))
            try:
                yield agent
            finally:
                answering.cancel()

    def _child(self, word: str) -> Process:
        for each in self.processes():
            if word in f"{each.command} ":
                return each
        raise VoicebotError(f"no process with {word.strip()!r} runs; see {self.log}")


def attached(address: str) -> Target:
    """A voicebot that runs already, such as `scripts/demo --stay`, at "host:port". Raises VoicebotError when that is no address."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise VoicebotError(f"{address!r} is no address; write host:port, such as 127.0.0.1:5060")
    return Target((host, int(port)), at_home(load()))


@asynccontextmanager
async def rig(
    overrides: Mapping[str, Any] | None = None, *, module: Sequence[str] = ("voicebot",), environment: Mapping[str, str] | None = None
) -> AsyncIterator[Rig]:
    """Start `voicebot up` with the demo profile, free ports and a temporary folder. `overrides` are settings by dotted key: {"turns.hold_ms": 500};
    `module` with its first arguments is what Python runs, `environment` what it finds beside our own.

    The Asterisk tree and the speech cache are those of this repository or of the environment. Raises VoicebotError with the reason it gave.
    """
    with tempfile.TemporaryDirectory(prefix="voicebot-") as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        settings_file = folder / "voicebot.toml"
        settings_file.write_text(settings_text(folder, overrides or {}), encoding="utf-8")
        settings = at_home(load(settings_file))
        keeper = await _start(settings, settings_file, module, environment or {})
        try:
            yield Rig(settings, settings_file, plan(settings), keeper)
        finally:
            await _stop(keeper)


def settings_text(folder: Path, overrides: Mapping[str, Any]) -> str:
    """The demo profile in TOML, with free ports and all that is written inside `folder`. Every JSON string, number, boolean and array is TOML too."""
    rtp_first = random.randrange(10_000, 30_000, 400)
    values = {
        "secrets": str(folder / "secrets"),
        "serve.port": free_port("127.0.0.1"),
        "pbx.run": str(folder / "pbx"),
        "pbx.sip_port": _free_udp_port(),
        "pbx.rtp_first": rtp_first,
        "pbx.rtp_last": rtp_first + 399,
        "pbx.anonymous": True,
        "store.url": f"sqlite+aiosqlite:///{folder / 'voicebot.db'}",
        "recording.folder": str(folder / "recordings"),
        "handover.nobody": "wait",
        **overrides,
    }
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def at_home(settings: Settings) -> Settings:
    """Relative paths of what all runs share mean the repository, wherever this was started."""
    pbx = settings.pbx.model_copy(update={"tree": ROOT / settings.pbx.tree})
    speech = settings.speech.model_copy(update={"cache": ROOT / settings.speech.cache})
    return settings.model_copy(update={"pbx": pbx, "speech": speech})


async def _start(settings: Settings, settings_file: Path, module: Sequence[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    shared = {"VOICEBOT_PBX__TREE": str(settings.pbx.tree), "VOICEBOT_SPEECH__CACHE": str(settings.speech.cache)}
    log = settings_file.with_name("voicebot.log")
    with log.open("wb") as errors:
        keeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *module, "up", "--no-desk", "--settings", str(settings_file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=settings_file.parent,
            env={**os.environ, **shared, **environment, "TMPDIR": str(settings_file.with_name("tmp"))},
            preexec_fn=_end_with_parent,
        )
    async with contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(_stop, keeper)
        try:
            async with asyncio.timeout(START_S):
                await _ready(keeper)
        except (TimeoutError, EOFError):
            raise VoicebotError(f"voicebot did not start: {_last_words(log)}") from None
        undo.pop_all()
    return keeper


async def _ready(keeper: asyncio.subprocess.Process) -> None:
    assert keeper.stdout is not None  # noqa: S101 - asked for above
    while line := await keeper.stdout.readline():
        if line.startswith(b"ready"):
            return
    raise EOFError


async def _stop(keeper: asyncio.subprocess.Process) -> None:
    """Ask first; then end it and all it started."""
    family = offspring(keeper.pid)
    if keeper.returncode is None:
        keeper.send_signal(signal.SIGCONT)
        keeper.terminate()
        keeper.send_signal(signal.SIGINT)  # the second signal: no grace for calls
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(keeper.wait(), STOP_S)
        return
    for pid in (keeper.pid, *(each.pid for each in family)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await keeper.wait()


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return "; ".join(lines[-3:]) or f"it took longer than {START_S:g} s"


async def _take_calls(agent: Agent, says: Samples) -> None:
    sentence = np.concatenate((says, audio.silence(1.0)))
    while True:
        call = await agent.phone.ring()
        with contextlib.suppress(PhoneError, TimeoutError):
            await call.answer()
            agent.calls.append(call)
            while not call.ended.is_set():
                await call.play(sentence)


def _texts(settings: Settings, language: str) -> dict[str, str]:
    said = prompts.load(language, company=settings.company, recorded=settings.recording.enabled)
    entries = load_knowledge(settings.kb.folder).language(language)
    names = (field.name for field in fields(said) if field.name not in {"language", *prompts.GAPS})
    return {
        **{f"answer/{entry.id}": entry.answer for entry in entries},
        **{f"short/{entry.id}": entry.short for entry in entries},
        **{f"prompt/{name}": getattr(said, name) for name in names},
    }


def _narrow(pcm: bytes) -> Samples:
    return audio.resample(np.frombuffer(pcm, "<i2").astype(np.int16), SAMPLE_RATE_HZ)


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
