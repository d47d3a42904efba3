"""Speech recognition seen from a call: a pool of worker processes for one language, one stream per utterance.

Nothing here waits for a recogniser except `settle`, and nothing here logs what a caller said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Protocol

from voicebot.errors import EngineError
from voicebot.speech.pool import Pool
from voicebot.speech.serving import Message, Reply
from voicebot.speech.workers import Worker
from voicebot.values import Transcript

SETTLE_S = 5.0
"""A transcript that takes longer than this is given up."""
PIECE_BYTES = 3_200
"""Audio goes to the worker in pieces of 100 ms: a message per 20 ms frame would cost the loop five times as much."""


class RecogniserEngine(Protocol):
    """An engine adapter, living inside a worker process. `pcm` is 16 kHz. Each method raises EngineError for its stream alone."""

    def expect_digits(self, stream: int, count: int) -> None:
        """The caller owes a number of `count` digits, and may read it out now; anything else may be said as well. Opens the stream."""

    def feed(self, stream: int, pcm: bytes) -> None:
        """Take the next audio of an utterance; the first call opens the stream."""

    def settle(self, stream: int) -> Transcript:
        """Best final transcript of everything fed so far. Feeding afterwards continues the same utterance."""
        ...

    def drop(self, stream: int) -> None:
        """Forget the stream; an unknown one is no error."""


class RecogniserService:
    """Serves a RecogniserEngine to the worker loop."""

    def __init__(self, engine: RecogniserEngine) -> None:
        self._engine = engine

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        """One reply per settle, one per failed stream."""
        for message in batch:
            try:
                if (transcript := self._answer(message)) is not None:
                    yield Reply(message.stream, "transcript", transcript.text, transcript.confidence)
            except EngineError as error:
                yield Reply(message.stream, "failed", str(error))

    def _answer(self, message: Message) -> Transcript | None:
        match message.verb:
            case "digits":
                self._engine.expect_digits(message.stream, message.count)
            case "feed":
                self._engine.feed(message.stream, message.pcm)
            case "settle":
                return self._engine.settle(message.stream)
            case "drop":
                self._engine.drop(message.stream)
        return None


class RecogniserStream:
    """One utterance. Its worker is chosen at once and stays; when that worker is lost, `settle` raises EngineError."""

    def __init__(self, pool: Pool, digits: int = 0) -> None:
        self._failure: EngineError | None = None
        self._settling: list[asyncio.Future[Transcript]] = []
        self._piece = bytearray()
        self._worker: Worker | None = None
        try:
            self._worker = pool.least_loaded()
            self._stream = self._worker.open(self)
            if digits:
                self._send(Message(self._stream, "digits", count=digits))
        except EngineError as error:
            self.lost(error)

    def feed(self, pcm: bytes) -> None:
        """Take 16 kHz audio of any length. Never waits, never raises: a failure comes out of `settle`."""
        self._piece += pcm
        if len(self._piece) >= PIECE_BYTES:
            self._flush()

    async def settle(self, within_s: float | None = None) -> Transcript:
        """Best final transcript of everything fed so far; feeding afterwards continues the same utterance. Raises EngineError, also when
        there is none within `within_s`, SETTLE_S when left out."""
        within_s = within_s or SETTLE_S
        self._flush()
        self._send(Message(self._stream if self._worker else 0, "settle"))
        if self._failure:
            raise self._failure
        answer: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        self._settling.append(answer)
        try:
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            self.lost(EngineError(f"recogniser gave no transcript within {within_s:g} s"))
            raise EngineError(f"recogniser gave no transcript within {within_s:g} s") from None

    def close(self) -> None:
        """Free the stream. Closing twice is allowed."""
        self.lost(EngineError("recogniser stream is closed"))

    def replied(self, reply: Reply) -> None:
        """From the worker: a transcript for the oldest settle, or the end of this stream."""
        if reply.verb == "failed":
            self.lost(EngineError(reply.text))
        elif reply.verb != "transcript" or not 0 <= reply.value <= 1:
            self.lost(EngineError("recogniser answered with what is no transcript"))
        elif self._settling and not (answer := self._settling.pop(0)).done():
            answer.set_result(Transcript(reply.text, reply.value))

    def lost(self, error: EngineError) -> None:
        """The stream is over; whoever waits for it hears `error`."""
        self._failure = self._failure or error
        if self._worker:
            self._worker.close(self._stream)
            self._worker = None
        waiting, self._settling = self._settling, []
        for answer in waiting:
            if not answer.done():
                answer.set_exception(error)

    def _flush(self) -> None:
        if self._piece:
            self._send(Message(self._stream if self._worker else 0, "feed", bytes(self._piece)))
            self._piece.clear()

    def _send(self, message: Message) -> None:
        try:
            if self._worker:
                self._worker.send(message)
        except EngineError as error:
            self.lost(error)


class Recogniser(Pool):
    """The recogniser of one language: streams pinned to the least loaded worker. While it is not `healthy`, a new call is better led by its keys.

    `factory` and `arguments`: see workers.Worker.
    """

    def __init__(self, factory: str, arguments: Mapping[str, object], processes: int = 2, *, memory_mb: int = 0) -> None:
        super().__init__(factory, arguments, processes, memory_mb=memory_mb)
        self._digits = 0

    def expecting(self, digits: int) -> Recogniser:
        """The same workers, for callers who owe a number of so many digits. Only once they were launched."""
        other = copy(self)
        other._digits = digits
        return other

    def stream(self) -> RecogniserStream:
        """A stream for one utterance. Never raises: with no worker running, the stream's `settle` does."""
        return RecogniserStream(self, self._digits)
