"""The voices of callers on their way to figures: worker processes with librosa inside, one stream an utterance, beside recognition.

It never delays a call: what is not measured in time is not there. Nothing of the audio is kept.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from voicebot.emotion.figures import Prosody
from voicebot.errors import EngineError
from voicebot.speech.pool import Pool
from voicebot.speech.serving import Message, Reply
from voicebot.speech.workers import Worker

FACTORY = "voicebot.prosodist:service"
CACHE_VARIABLE = "NUMBA_CACHE_DIR"
PIECE_BYTES = 6_400
"""Audio goes to the worker in pieces of 200 ms: it has no hurry before the utterance is over."""
_WARM = "import voicebot.emotion.pitch"
log = structlog.get_logger()


class Service:
    """Inside the worker: gathers the audio of each utterance and measures it when asked."""

    def __init__(self) -> None:
        # Only here: it compiles, takes seconds and 150 MB, and the controller needs none of it.
        from voicebot.emotion.prosody import analyse  # noqa: PLC0415

        self._analyse = analyse
        self._audio: dict[int, bytearray] = {}

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        """One reply per settle: the figures as JSON, `null` for too little voice."""
        for message in batch:
            match message.verb:
                case "feed":
                    self._audio.setdefault(message.stream, bytearray()).extend(message.pcm)
                case "settle":
                    prosody = self._analyse(bytes(self._audio.get(message.stream, b"")))
                    yield Reply(message.stream, "prosody", msgspec.json.encode(prosody).decode())
                case "drop":
                    self._audio.pop(message.stream, None)
                case _:
                    pass


def service(cache: str) -> Service:
    """What a worker process is started with. `cache` is the folder of librosa's compiled functions."""
    os.environ[CACHE_VARIABLE] = cache
    return Service()


class Measuring:
    """One utterance being measured. A failure leaves it without figures; nobody waits for more than they ask for."""

    def __init__(self, worker: Worker | None) -> None:
        self._worker = worker
        self._piece = bytearray()
        self._asked = 0
        self._over = False
        self._answered = asyncio.Event()
        self.prosody: Prosody | None = None
        """Of what was fed up to the last `settle` that was answered."""
        self._stream = 0
        try:
            if worker:
                self._stream = worker.open(self)
        except EngineError as error:
            self.lost(error)

    @property
    def pending(self) -> bool:
        """Whether figures are still to come."""
        return self._worker is not None and self._asked > 0

    def feed(self, pcm: bytes) -> None:
        """More 16 kHz audio."""
        self._piece += pcm
        if len(self._piece) >= PIECE_BYTES:
            self._flush()

    def settle(self) -> None:
        """Measure what was fed so far."""
        self._flush()
        if self._worker:
            self._asked += 1
            self._answered.clear()
            self._send(Message(self._stream, "settle"))

    async def answered(self, within_s: float) -> None:
        """Return when all that was asked is answered, or time is up."""
        if self.pending:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), within_s)

    def close(self) -> None:
        """The utterance is over, and with it its audio; an answer that is still to come is waited for first."""
        self._over = True
        if self._asked <= 0:
            self.lost(EngineError("closed"))

    def replied(self, reply: Reply) -> None:
        if reply.verb != "prosody":
            return self.lost(EngineError(reply.text))
        try:
            self.prosody = msgspec.json.decode(reply.text, type=Prosody | None)
        except msgspec.MsgspecError as error:
            return self.lost(EngineError(f"the prosody worker answered nonsense: {error}"))
        self._asked -= 1
        if self._asked <= 0:
            self._answered.set()
            if self._over:
                self.close()
        return None

    def lost(self, _error: EngineError) -> None:
        if self._worker:
            self._worker.close(self._stream)
            self._worker = None
        self._answered.set()

    def _flush(self) -> None:
        if self._piece and self._worker:
            self._send(Message(self._stream, "feed", bytes(self._piece)))
        self._piece.clear()

    def _send(self, message: Message) -> None:
        try:
            if self._worker:
                self._worker.send(message)
        except EngineError as error:
            self.lost(error)


class Prosodist:
    """The workers that measure voices, for all calls. Without them every utterance is without figures."""

    def __init__(self, cache: Path, processes: int) -> None:
        self._cache = cache.resolve() / "numba"
        self._processes = processes
        self._pool: Pool | None = None

    @property
    def ready(self) -> bool:
        """Whether the workers are up."""
        return self._pool is not None

    def utterance(self) -> Measuring:
        """Begin one. Never raises."""
        try:
            return Measuring(self._pool.least_loaded() if self._pool else None)
        except EngineError:
            return Measuring(None)

    async def run(self) -> None:
        """Keep the workers until cancelled; return early when they cannot be had."""
        await _warmed(self._cache)
        pool = Pool(FACTORY, {"cache": str(self._cache)}, self._processes)
        try:
            await pool.start()
        except EngineError as error:
            log.warning("anger is heard in words alone", why=str(error))
            return
        self._pool = pool
        try:
            await asyncio.Event().wait()
        finally:
            self._pool = None
            await pool.stop()


async def _warmed(cache: Path) -> None:
    """Compile librosa's functions once, alone and without a deadline, before any worker needs them: processes that compile into one cache at
    once corrupt it."""
    if await asyncio.to_thread(lambda: any(cache.rglob("*.nbi"))):
        return
    environment = {**os.environ, CACHE_VARIABLE: str(cache)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"import os; os.nice(10); {_WARM}", env=environment)
    try:
        if await process.wait():
            log.warning("the voice analysis could not be prepared; see above", cache=str(cache))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
