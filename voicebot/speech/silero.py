"""Silero voice activity: is this a human voice, asked of every 32 ms of every call, in one worker process. What follows is decided elsewhere.

Model: Silero VAD v6 (MIT), the ONNX file inside the faster-whisper package. It hears 512 new samples after 64 old ones and keeps a recurrent state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import EngineError
from voicebot.speech.pool import Pool
from voicebot.speech.serving import Message, Reply
from voicebot.speech.workers import Worker

WINDOW_MS = 32
WINDOW_BYTES = 1_024

_CONTEXT_SAMPLES = 64
_STATE_SIZE = 128
_FACTORY = "voicebot.speech.silero:Silero"

Floats = NDArray[np.float32]


def model_file() -> Path:
    """The ONNX file. Found without importing faster_whisper, which takes a second. Raises EngineError."""
    package = find_spec("faster_whisper")
    path = Path(package.origin).parent / "assets" / "silero_vad_v6.onnx" if package and package.origin else None
    if path is None or not path.exists():
        raise EngineError("silero: silero_vad_v6.onnx not found; install faster-whisper 1.2 or newer")
    return path


def over_streams(model: bytes) -> bytes:
    """The model with its rows meaning streams instead of successive windows of one stream. Raises EngineError for another version of the file.

    As it comes, row n of `input` follows row n-1 in time, and the state has one row. Changes of the same length in the ONNX protobuf make rows
    independent: the transpose before the LSTM puts them on its batch axis, not its time axis, and the states `h` and `c` may have any number of rows.
    """
    time_axis, batch_axis = b"\x40\x00\x40\x02\x40\x01", b"\x40\x02\x40\x00\x40\x01"  # attribute ints perm = (0, 2, 1) → (2, 0, 1)
    one, any_number = b"\x0a\x02\x08\x01", b"\x0a\x02\x12\x00"  # dimension: dim_value 1 → dim_param ""
    shape = b"\x12\x13\x0a\x11\x08\x01\x12\x0d" + one + b"%b\x0a\x03\x08\x80\x01"
    changes = [(time_axis, batch_axis)]
    changes += [(b"\x0a\x01" + name + shape % one, b"\x0a\x01" + name + shape % any_number) for name in (b"h", b"c")]
    changes += [(b"\x0a\x02" + name + shape % one, b"\x0a\x02" + name + shape % any_number) for name in (b"hn", b"cn")]
    for old, new in changes:
        if model.count(old) != 1:
            raise EngineError("silero: this version of silero_vad_v6.onnx is not the one tested; install faster-whisper 1.2")
        model = model.replace(old, new)
    return model


@dataclass(slots=True)
class _Ear:
    hidden: Floats = field(default_factory=lambda: np.zeros(_STATE_SIZE, np.float32))
    cell: Floats = field(default_factory=lambda: np.zeros(_STATE_SIZE, np.float32))
    context: Floats = field(default_factory=lambda: np.zeros(_CONTEXT_SAMPLES, np.float32))


class Silero:
    """The engine inside the worker. One `feed` message is one window; all windows that have arrived are run together, one per stream at a time."""

    def __init__(self) -> None:
        import onnxruntime  # noqa: PLC0415  only the worker needs it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # the rewritten model still declares one row for what it puts out; ONNX Runtime would warn at each run
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._network = onnxruntime.InferenceSession(over_streams(model_file().read_bytes()), options, providers=["CPUExecutionProvider"])
        self._ears: dict[int, _Ear] = {}

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        """A probability for each window, in the order of each stream."""
        for messages in zip_longest(*_by_stream(batch).values()):
            windows = [message for message in messages if message and message.verb == "feed"]
            if windows:
                yield from self._listen(windows)
            for message in messages:
                if message and message.verb in ("drop", "reset"):
                    self._ears.pop(message.stream, None)

    def _listen(self, windows: Sequence[Message]) -> Iterator[Reply]:
        ears = [self._ears.setdefault(window.stream, _Ear()) for window in windows]
        samples = np.stack([np.frombuffer(window.pcm, np.int16) for window in windows]).astype(np.float32) / np.float32(32_768)
        inputs = {
            "input": np.concatenate([np.stack([ear.context for ear in ears]), samples], axis=1),
            "h": np.stack([ear.hidden for ear in ears])[None],
            "c": np.stack([ear.cell for ear in ears])[None],
        }
        chances, hidden, cell = cast(tuple[Floats, Floats, Floats], self._network.run(None, inputs))
        for row, (ear, window) in enumerate(zip(ears, windows, strict=True)):
            ear.hidden, ear.cell, ear.context = hidden[0, row], cell[0, row], samples[row, -_CONTEXT_SAMPLES:]
            yield Reply(window.stream, "probability", value=float(chances[row]), end_ms=window.end_ms)


def _by_stream(batch: Sequence[Message]) -> dict[int, list[Message]]:
    found: dict[int, list[Message]] = {}
    for message in batch:
        found.setdefault(message.stream, []).append(message)
    return found


class DetectorStream:
    """One call's audio. `on_probability(end_ms, probability)` runs in the loop, `end_ms` counted from the stream's first sample."""

    def __init__(self, detector: SpeechDetector, on_probability: Callable[[int, float], None]) -> None:
        self._detector = detector
        self._on_probability = on_probability
        self._worker: Worker | None = None
        self._stream = 0
        self._piece = bytearray()
        self._end_ms = 0
        self._closed = False

    def feed(self, pcm: bytes) -> None:
        """Take 16 kHz audio of any length. Never waits, never raises; while the worker is down or far behind, windows are left out."""
        self._piece += pcm
        while len(self._piece) >= WINDOW_BYTES:
            window = bytes(self._piece[:WINDOW_BYTES])
            del self._piece[:WINDOW_BYTES]
            self._end_ms += WINDOW_MS
            self._send("feed", window)

    def reset(self) -> None:
        """Forget what was heard so far; times go on."""
        self._send("reset")

    def close(self) -> None:
        """No more callbacks. Closing twice is allowed."""
        self._closed = True
        if self._worker:
            self._worker.close(self._stream)
            self._worker = None

    def replied(self, reply: Reply) -> None:
        """From the worker."""
        if not self._closed and reply.verb == "probability" and 0 <= reply.value <= 1 and reply.end_ms <= self._end_ms:
            self._on_probability(reply.end_ms, reply.value)

    def lost(self, _error: EngineError) -> None:
        """From the worker: it is gone. The next window opens a stream on its successor, once there is one."""
        self._worker = None

    def _send(self, verb: Any, window: bytes = b"") -> None:
        if self._closed:
            return
        try:
            if self._worker is None:
                worker = self._detector.worker()
                self._stream = worker.open(self)
                self._worker = worker
            self._worker.send(Message(self._stream, verb, window, self._end_ms))
        except EngineError:
            return  # `healthy` tells; turn-taking goes on with what webrtcvad says


class SpeechDetector(Pool):
    """Silero in one worker process for all calls; `healthy` while windows are being answered."""

    def __init__(self) -> None:
        super().__init__(_FACTORY, {})

    def stream(self, on_probability: Callable[[int, float], None]) -> DetectorStream:
        """A stream for one call."""
        return DetectorStream(self, on_probability)

    def worker(self) -> Worker:
        """The running worker. Raises EngineError while there is none."""
        return self.least_loaded()
