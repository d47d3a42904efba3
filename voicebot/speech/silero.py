"""Silero, the neural voice detector, in one worker process for all calls: 32 ms windows in, probabilities of speech out.

A lost worker only stops the probabilities: voice detection then decides without them. Nothing here keeps audio beyond a window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voicebot.errors import EngineError
from voicebot.speech.workers import Message, Pool, Reply, Worker
from voicebot.values import SAMPLE_RATE_HZ

WINDOW = 512
"""Samples of one decision: 32 ms."""
CONTEXT = 64
"""Samples of the window before that the model also sees."""
_STATE = (1, 1, 128)


def model_file() -> Path:
    """`silero_vad_v6.onnx` inside the faster-whisper package, found without importing it. Raises EngineError."""
    spec = find_spec("faster_whisper")
    for folder in spec.submodule_search_locations if spec and spec.submodule_search_locations else ():
        if (path := Path(folder) / "assets" / "silero_vad_v6.onnx").exists():
            return path
    raise EngineError("silero: no silero_vad_v6.onnx; reinstall faster-whisper (scripts/setup)")


@dataclass(slots=True)
class _Stream:
    pcm: bytearray = field(default_factory=bytearray)
    context: NDArray[np.float32] = field(default_factory=lambda: np.zeros(CONTEXT, np.float32))
    h: NDArray[np.float32] = field(default_factory=lambda: np.zeros(_STATE, np.float32))
    c: NDArray[np.float32] = field(default_factory=lambda: np.zeros(_STATE, np.float32))


class Silero:
    """The engine inside the worker. `feed` carries the end of its audio in the stream's time; `reset` forgets state and audio."""

    def __init__(self, model: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - onnxruntime names no common base for what a broken file raises
            raise EngineError(f"silero: {model} cannot be loaded: {error}; reinstall faster-whisper (scripts/setup)") from None
        self._streams: dict[int, _Stream] = {}

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        """A probability for each window that is complete."""
        for message in batch:
            match message.verb:
                case "feed":
                    yield from self._windows(message)
                case "reset":
                    self._streams[message.stream] = _Stream()
                case "drop":
                    self._streams.pop(message.stream, None)

    def _windows(self, message: Message) -> Iterator[Reply]:
        stream = self._streams.setdefault(message.stream, _Stream())
        stream.pcm += message.pcm
        while len(stream.pcm) >= WINDOW * 2:
            window = np.frombuffer(bytes(stream.pcm[: WINDOW * 2]), "<i2").astype(np.float32) / np.float32(32_768)
            del stream.pcm[: WINDOW * 2]
            left_ms = len(stream.pcm) // 2 * 1000 // SAMPLE_RATE_HZ
            yield Reply(message.stream, "probability", value=self._probability(stream, window), end_ms=message.end_ms - left_ms)

    def _probability(self, stream: _Stream, window: NDArray[np.float32]) -> float:
        samples = np.concatenate((stream.context, window))[None, :]
        output, stream.h, stream.c = self._session.run(None, {"input": samples, "h": stream.h, "c": stream.c})
        stream.context = window[-CONTEXT:]
        return float(np.asarray(output).reshape(-1)[0])


class DetectorStream:
    """One call's windows. A lost worker is taken up again at the next `reset`."""

    def __init__(self, pool: Pool, on_probability: Callable[[int, float], None]) -> None:
        self._pool = pool
        self._on_probability = on_probability
        self._worker: Worker | None = None
        self._stream = 0

    def reset(self) -> None:
        """Forget what was heard: what follows does not join on."""
        if self._worker is None:
            self._open()
        self._send(Message(self._stream, "reset"))

    def feed(self, pcm: bytes, end_ms: int) -> None:
        """Take 16 kHz audio that ends at `end_ms` of the call. Never waits, never raises."""
        self._send(Message(self._stream, "feed", pcm, end_ms))

    def close(self) -> None:
        """Free the stream. Closing twice is allowed."""
        if self._worker:
            self._worker.close(self._stream)
            self._worker = None

    def replied(self, reply: Reply) -> None:
        """From the worker."""
        self._on_probability(reply.end_ms, reply.value)

    def lost(self, _error: EngineError) -> None:
        """The worker is gone."""
        self._worker = None

    def _open(self) -> None:
        try:
            worker = self._pool.least_loaded()
            self._stream = worker.open(self)
            self._worker = worker
        except EngineError:
            self._worker = None

    def _send(self, message: Message) -> None:
        if self._worker is None:
            return
        try:
            self._worker.send(message)
        except EngineError:
            self.close()


class SpeechDetector:
    """Silero for all calls, in one worker process."""

    def __init__(self) -> None:
        self._pool: Pool | None = None

    @property
    def healthy(self) -> bool:
        """Whether the worker runs."""
        return self._pool is not None and any(worker.ready for worker in self._pool.workers)

    async def start(self) -> None:
        """Return when the model is loaded. Raises EngineError."""
        self._pool = Pool("voicebot.speech.silero:Silero", {"model": str(model_file())})
        await self._pool.start()

    async def stop(self) -> None:
        """End the worker."""
        if self._pool:
            await self._pool.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        await self.stop()

    def stream(self, on_probability: Callable[[int, float], None]) -> DetectorStream:
        """A stream for one call; `on_probability(end_ms, probability)` runs in the loop, `end_ms` in the call's time. Begin with `reset`."""
        if self._pool is None:
            raise EngineError("silero: the worker is not started")
        return DetectorStream(self._pool, on_probability)
