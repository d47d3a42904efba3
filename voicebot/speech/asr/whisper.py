"""Whisper behind the RecogniserEngine interface, inside a worker process. It hears whole utterances: each `settle` is a pass over all so far.

The first pause of a caller asks for a pass, and so most answers are ready when the turn ends; who goes on speaking makes it void. Text that nobody
said is refused. It keeps nothing of an utterance that was dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import webrtcvad

from voicebot.errors import EngineError
from voicebot.speech.asr import RecogniserService
from voicebot.speech.asr.hypothesis import NOTHING, Hypothesis, doubtful, invented
from voicebot.speech.asr.whisper_files import LONGEST_S
from voicebot.speech.asr.whisper_model import Samples, WhisperModel
from voicebot.speech.serving import Message, Reply
from voicebot.values import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ, Transcript

MOST_UTTERANCES = 24
"""Utterances one process takes at a time."""
TOKENS_PER_S = 12
"""What fast speech needs, in English and in Mandarin; a pass that wants more has lost its way, and is ended before it costs others their time."""
SPARE_TOKENS = 8

_STRICT = 2
_SHORTEST_MS = 100


class Listener(Protocol):
    """What hears one window; see WhisperModel."""

    def hear(self, samples: Samples, window_s: float, most_tokens: int) -> Hypothesis: ...


def service(folder: str, language: str, terms: Sequence[str] = (), window_s: float = 10.0, device: str = "cpu") -> RecogniserService:
    """What a worker process is started with. Warm when it returns: the first pass of a process takes twice as long."""
    model = WhisperModel(Path(folder), language, terms, device)
    model.hear(np.zeros(SAMPLE_RATE_HZ, np.float32), window_s, 1)
    return WhisperService(Whisper(model, window_s))


class WhisperService(RecogniserService):
    """As any, but an utterance that is dropped in the same breath costs no pass: a pass is too dear for nobody to hear it."""

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        """One reply per settle of a stream that goes on, one per failed stream."""
        gone = {message.stream for message in batch if message.verb == "drop"}
        return super().handle([message for message in batch if message.verb == "drop" or message.stream not in gone])


@dataclass(slots=True)
class _Utterance:
    pcm: bytearray = field(default_factory=bytearray)
    transcript: Transcript | None = None


class Whisper:
    """A RecogniserEngine. `window_s` is the shortest window a pass is made over: shorter is faster and, on telephone audio, less accurate."""

    def __init__(self, model: Listener, window_s: float) -> None:
        self._model = model
        self._window_s = min(window_s, LONGEST_S)
        self._utterances: dict[int, _Utterance] = {}

    def expect_digits(self, stream: int, count: int) -> None:
        """Nothing to be done: it hears numbers among all else."""

    def feed(self, stream: int, pcm: bytes) -> None:
        """Append; what a settle has found so far is void."""
        utterance = self._utterances.get(stream) or self._open(stream)
        if len(utterance.pcm) + len(pcm) > LONGEST_S * SAMPLE_RATE_HZ * 2:
            raise EngineError(f"whisper: an utterance of over {LONGEST_S} s; set [turns] max_utterance_ms below it")
        utterance.pcm += pcm
        utterance.transcript = None

    def settle(self, stream: int) -> Transcript:
        """A pass over everything fed so far, unless nothing came since the last one."""
        utterance = self._utterances.get(stream) or self._open(stream)
        if utterance.transcript is None:
            utterance.transcript = self._heard(bytes(utterance.pcm))
        return utterance.transcript

    def drop(self, stream: int) -> None:
        """Forget the utterance."""
        self._utterances.pop(stream, None)

    def _open(self, stream: int) -> _Utterance:
        if len(self._utterances) >= MOST_UTTERANCES:
            raise EngineError(f"whisper: over {MOST_UTTERANCES} utterances at once in one process; start more worker processes")
        self._utterances[stream] = _Utterance()
        return self._utterances[stream]

    def _heard(self, pcm: bytes) -> Transcript:
        """The text of a short window, of the whole 30 s when that one is in doubt, or nothing when both are."""
        length_s, spoken_s = len(pcm) / SAMPLE_RATE_HZ / 2, voiced_s(pcm)
        if not spoken_s or length_s * 1000 < _SHORTEST_MS:
            return NOTHING
        samples: Samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32) / np.float32(32_768)
        window_s, most = max(self._window_s, length_s), SPARE_TOKENS + round(TOKENS_PER_S * length_s)
        heard = self._model.hear(samples, window_s, most)
        if doubtful(heard) and window_s < LONGEST_S:
            heard = self._model.hear(samples, LONGEST_S, most)
        return NOTHING if invented(heard, spoken_s) else heard.transcript


def voiced_s(pcm: bytes) -> float:
    """Seconds of 16 kHz `pcm` that webrtcvad takes for voice."""
    detector: Any = webrtcvad.Vad(_STRICT)
    frames = (pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES))
    return sum(bool(detector.is_speech(frame, SAMPLE_RATE_HZ)) for frame in frames) * FRAME_MS / 1000
