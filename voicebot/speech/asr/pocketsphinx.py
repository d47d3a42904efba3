"""PocketSphinx behind the RecogniserEngine interface; runs inside a worker process only. It decodes while the caller speaks and keeps no audio of a dropped stream.

Which language it hears is decided by the files it is given: acoustic model folder, pronunciation dictionary, n-gram model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pocketsphinx
import soxr

from voicebot.errors import EngineError
from voicebot.speech.asr import RecogniserService
from voicebot.values import SAMPLE_RATE_HZ, Transcript

MOST_DECODERS = 24
"""Utterances one process takes at a time."""
PIECE_BYTES = 6_400
"""Audio goes to the decoder in pieces of 200 ms at most, so that catching up on one stream does not keep the others waiting."""
SEARCH: dict[str, object] = {"bestpath": True, "fwdflat": True}


@dataclass(slots=True)
class _Utterance:
    decoder: Any
    resampler: Any
    pcm: bytearray = field(default_factory=bytearray)
    decoded: int = 0
    transcript: Transcript | None = None


class PocketSphinx:
    """A RecogniserEngine. `acoustic_model` is a folder, `sample_rate_hz` the rate it was trained for; `search` overrides decoder options by name."""

    def __init__(
        self,
        acoustic_model: str,
        dictionary: str,
        language_model: str,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        search: dict[str, object] | None = None,
        decoders: int = 2,
    ) -> None:
        for path in (acoustic_model, dictionary, language_model):
            if not Path(path).exists():
                raise EngineError(f"pocketsphinx: {path} is missing; run scripts/setup, or `voicebot kb build`")
        self._rate_hz = sample_rate_hz
        self._options = {
            "hmm": acoustic_model, "dict": dictionary, "lm": language_model, "samprate": sample_rate_hz, "loglevel": "FATAL", **SEARCH, **(search or {})
        }  # fmt: skip
        self._utterances: dict[int, _Utterance] = {}
        self._idle = [self._new_decoder() for _ in range(decoders)]

    def feed(self, stream: int, pcm: bytes) -> None:
        """Append, and decode as far as ten times the new audio: more is only waiting after a `settle` was followed by more speech."""
        utterance = self._utterances.get(stream) or self._open(stream)
        utterance.pcm += pcm
        if utterance.transcript:
            utterance.transcript, utterance.decoded = None, 0
            self._begin(utterance)
        self._decode(utterance, 10 * len(pcm))

    def settle(self, stream: int) -> Transcript:
        """Decode what is left, run the final passes."""
        utterance = self._utterances.get(stream) or self._open(stream)
        if utterance.transcript is None:
            self._decode(utterance, len(utterance.pcm))
            utterance.decoder.end_utt()
            utterance.transcript = _transcript(utterance.decoder)
        return utterance.transcript

    def drop(self, stream: int) -> None:
        """Free the stream's decoder for the next utterance."""
        utterance = self._utterances.pop(stream, None)
        if utterance:
            if utterance.transcript is None:
                utterance.decoder.end_utt()
            self._idle.append(utterance.decoder)

    def _open(self, stream: int) -> _Utterance:
        if len(self._utterances) >= MOST_DECODERS:
            raise EngineError(f"pocketsphinx: over {MOST_DECODERS} utterances at once in one process; start more worker processes")
        decoder = self._idle.pop() if self._idle else self._new_decoder()
        utterance = self._utterances[stream] = _Utterance(decoder)
        self._begin(utterance)
        return utterance

    def _begin(self, utterance: _Utterance) -> None:
        utterance.decoder.set_cmn(self._cepstral_mean)
        utterance.decoder.start_utt()

    def _decode(self, utterance: _Utterance, most_bytes: int) -> None:
        end = min(len(utterance.pcm), utterance.decoded + most_bytes)
        for at in range(utterance.decoded, end, PIECE_BYTES):
            utterance.decoder.process_raw(bytes(utterance.pcm[at : min(at + PIECE_BYTES, end)]))
        utterance.decoded = end

    def _new_decoder(self) -> Any:
        try:
            return pocketsphinx.Decoder(pocketsphinx.Config(**self._options))
        except RuntimeError as error:
            raise EngineError(f"pocketsphinx: cannot load {self._options['hmm']} with {self._options['lm']}: {error}") from None
