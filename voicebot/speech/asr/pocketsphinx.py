"""PocketSphinx behind the RecogniserEngine interface, inside a worker process. It decodes while the caller speaks and keeps nothing afterwards.

Which language it hears is decided by the files it is given: acoustic model folder, pronunciation dictionary, n-gram model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx
import soxr
from numpy.typing import NDArray

from voicebot.errors import EngineError
from voicebot.speech.asr import Recogniser, RecogniserService, digits
from voicebot.speech.asr.language_model import build
from voicebot.speech.asr.mandarin import ModelFolder
from voicebot.speech.asr.mandarin import build as mandarin_build
from voicebot.values import SAMPLE_RATE_HZ, Transcript

MOST_UTTERANCES = 24
"""Utterances one process takes at a time."""
TELEPHONE_MEAN = (35.9, 9.9, -15.2, 28.9, -6.6, -8.0, 12.9, -20.3, 10.9, -5.5, -3.2, 11.6, -11.2)
"""Mean cepstrum of G.711 speech as prepared here, at REFERENCE_LEVEL, for the English model of the pocketsphinx package: measured over five voices in
µ-law and A-law. PocketSphinx starts each utterance from it; its own default belongs to wideband recordings and costs a third more errors."""
MANDARIN_MEAN = (43.5, -2.7, 0.3, -3.0, -1.5, -1.2, -0.8, 0.0, -0.4, -0.3, -0.3, -0.3, -0.3)
"""The same for 8 kHz speech with the Mandarin model of the CMU Sphinx project (tdt_sc_8k)."""
REFERENCE_LEVEL = 2_500.0
DITHER = 70.0
"""Noise under narrowband speech, 53 dB below full scale: where a synthetic voice or a codec is perfectly silent the model hears what no
line has, and makes twice as many errors."""

_LEVEL_MS = 800
_LEVEL_RANGE = (150.0, 9_000.0)
_FRAME_SAMPLES = 320
_PIECE_SAMPLES = 3_200
_MIRROR = 0.05
_NOISE = np.random.default_rng(1).normal(0, DITHER, _PIECE_SAMPLES).astype(np.float32)


def english(wordings: Sequence[str], folder: Path, processes: int) -> Recogniser:
    """A recogniser for English telephone speech that expects `wordings` most. Builds its language model in `folder` when it is not there:
    seconds of work, so call it in a thread. Raises EngineError."""
    files = build(wordings, folder)
    arguments = {
        "acoustic_model": pocketsphinx.get_model_path("en-us/en-us"),
        "dictionary": str(files.dictionary),
        "language_model": str(files.language_model),
        "mean": TELEPHONE_MEAN,
        "spelling": "en",
    }
    return Recogniser("voicebot.speech.asr.pocketsphinx:service", arguments, processes)


def mandarin(wordings: Sequence[str], model: Path, folder: Path, processes: int) -> Recogniser:
    """A recogniser for Mandarin telephone speech with the 8 kHz `model` folder. Builds its language model in `folder` when it is not there:
    seconds of work, so call it in a thread. Raises EngineError naming what is missing."""
    found = ModelFolder.of(model)
    files = mandarin_build(wordings, found, folder)
    arguments = {
        "acoustic_model": str(found.acoustic),
        "dictionary": str(files.dictionary),
        "language_model": str(files.language_model),
        "sample_rate_hz": 8_000,
        "mean": MANDARIN_MEAN,
        "joint": "",
        "spelling": "zh",
    }
    return Recogniser("voicebot.speech.asr.pocketsphinx:service", arguments, processes)


def service(**arguments: Any) -> RecogniserService:
    """What a worker process is started with; `arguments` are those of PocketSphinx."""
    return RecogniserService(PocketSphinx(**arguments))


@dataclass(slots=True)
class _Utterance:
    decoder: Any
    pcm: bytearray = field(default_factory=bytearray)
    begun: bool = False
    decoded_bytes: int = 0
    digits: int = 0
    """How many the caller owes, if he does."""
    transcript: Transcript | None = None


class PocketSphinx:
    """A RecogniserEngine. `acoustic_model` is a folder, `sample_rate_hz` the rate it was trained for (8 or 16 kHz), `mean` the cepstrum its
    utterances start from, `search` decoder options by name (https://pocketsphinx.readthedocs.io/en/latest/config_params.html),
    `joint` what stands between words, `spelling` the language in which callers read numbers out, "" for none."""

    def __init__(
        self,
        acoustic_model: str,
        dictionary: str,
        language_model: str,
        *,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        mean: Sequence[float] = (),
        search: Mapping[str, object] | None = None,
        joint: str = " ",
        spelling: str = "",
    ) -> None:
        for path in (acoustic_model, dictionary, language_model):
            if not Path(path).exists():
                raise EngineError(f"pocketsphinx: {path} is missing; remove the cache folder it is in and start again")
        files = {"hmm": acoustic_model, "dict": dictionary, "lm": language_model}
        self._options = {**files, "samprate": sample_rate_hz, "loglevel": "FATAL", **(search or {})}
        self._rate_hz = sample_rate_hz
        self._mean = tuple(mean)
        self._joint, self._spelling = joint, spelling
        self._utterances: dict[int, _Utterance] = {}
        self._idle = [self._new_decoder()]

    def expect_digits(self, stream: int, count: int) -> None:
        """The caller owes a number of `count` digits."""
        (self._utterances.get(stream) or self._open(stream)).digits = count

    def feed(self, stream: int, pcm: bytes) -> None:
        """Append, and decode at most ten times as much as is new: catching up after a `settle` that was not the end leaves room for others."""
        utterance = self._utterances.get(stream) or self._open(stream)
        utterance.pcm += pcm
        if utterance.transcript:
            utterance.transcript, utterance.begun = None, False
        if utterance.begun or len(utterance.pcm) >= _LEVEL_MS * SAMPLE_RATE_HZ // 500:
            self._decode(utterance, 10 * len(pcm))

    def settle(self, stream: int) -> Transcript:
        """Decode what is left, run the final passes."""
        utterance = self._utterances.get(stream) or self._open(stream)
        if utterance.transcript is None:
            self._decode(utterance, len(utterance.pcm))
            utterance.decoder.end_utt()
            heard = _transcript(utterance.decoder, self._joint)
            utterance.transcript = self._spelt(utterance, heard) if self._owed(utterance, heard) else heard
        return utterance.transcript

    def drop(self, stream: int) -> None:
        """Free the stream's decoder for the next utterance."""
        utterance = self._utterances.pop(stream, None)
        if utterance:
            if utterance.begun and utterance.transcript is None:
                utterance.decoder.end_utt()
            self._idle.append(utterance.decoder)

    def _open(self, stream: int) -> _Utterance:
        if len(self._utterances) >= MOST_UTTERANCES:
            raise EngineError(f"pocketsphinx: over {MOST_UTTERANCES} utterances at once in one process; start more worker processes")
        self._utterances[stream] = _Utterance(self._idle.pop() if self._idle else self._new_decoder())
        return self._utterances[stream]

    def _decode(self, utterance: _Utterance, most_bytes: int) -> None:
        if not utterance.begun:
            utterance.begun, utterance.decoded_bytes = True, 0
            if self._mean:
                utterance.decoder.set_cmn(_starting_mean(self._mean, bytes(utterance.pcm)))
            utterance.decoder.start_utt()
        end = min(len(utterance.pcm), utterance.decoded_bytes + most_bytes) // 4 * 4
        for start in range(utterance.decoded_bytes, end, _PIECE_SAMPLES * 2):
            samples = np.frombuffer(utterance.pcm[start : min(start + _PIECE_SAMPLES * 2, end)], np.int16)
            utterance.decoder.process_raw(_prepared(samples, self._rate_hz))
        utterance.decoded_bytes = end

    def _owed(self, utterance: _Utterance, heard: Transcript) -> bool:
        return bool(utterance.digits and self._spelling) and digits.SPELLINGS[self._spelling].count(heard.text) >= digits.LEAST

    def _spelt(self, utterance: _Utterance, heard: Transcript) -> Transcript:
        """The utterance once more, as a number of so many digits, or as it was `heard` when it is none."""
        decoder, search, before = utterance.decoder, f"digits{utterance.digits}", utterance.decoder.current_search()
        if decoder.get_fsg(search) is None:
            self._learn(decoder, search, digits.grammar(self._spelling, utterance.digits))
        decoder.activate_search(search)
        utterance.begun = False
        self._decode(utterance, len(utterance.pcm))
        decoder.end_utt()
        spelt = _transcript(decoder, self._joint)
        decoder.activate_search(before)
        return Transcript(spelt.text, max(spelt.confidence, heard.confidence)) if spelt.text else heard

    def _learn(self, decoder: Any, search: str, grammar: str) -> None:
        try:
            decoder.add_jsgf_string(search, grammar)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"pocketsphinx: the dictionary lacks a word that numbers are read out in: {error}") from None

    def _new_decoder(self) -> Any:
        try:
            return pocketsphinx.Decoder(pocketsphinx.Config(**self._options))
        except RuntimeError as error:
            raise EngineError(f"pocketsphinx: cannot load {self._options['hmm']} with {self._options['lm']}: {error}") from None


def _prepared(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    """For an 8 kHz model, resampled and never quite silent. For a wideband model, with a faint mirror image of the telephone band above 4 kHz,
    where the model would otherwise find a silence that no speech it was trained on had."""
    if rate_hz != SAMPLE_RATE_HZ:
        narrow = soxr.resample(samples.astype(np.float32), SAMPLE_RATE_HZ, rate_hz)
        return bytes(np.clip(narrow + _NOISE[: len(narrow)], -32_768, 32_767).astype(np.int16).tobytes())
    mirrored = samples.astype(np.float32)
    mirrored[1::2] *= (1 - _MIRROR) / (1 + _MIRROR)
    return mirrored.astype(np.int16).tobytes()


def _starting_mean(mean: Sequence[float], pcm: bytes) -> str:
    """`mean` moved to the level of this line, which only its first coefficient knows of: it grows by 10 for each e-fold of amplitude."""
    samples = np.frombuffer(pcm[: _LEVEL_MS * SAMPLE_RATE_HZ // 500 // 2 * 2], np.int16).astype(np.float32)
    frames = samples[: len(samples) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    loud = float(np.quantile(np.sqrt(np.square(frames).mean(axis=1)), 0.9)) if len(frames) else 0.0
    level = min(max(loud, _LEVEL_RANGE[0]), _LEVEL_RANGE[1])
    return ",".join(f"{value:.2f}" for value in (mean[0] + 10 * math.log(level / REFERENCE_LEVEL), *mean[1:]))


def _transcript(decoder: Any, joint: str) -> Transcript:
    """Words of the best hypothesis; confidence is the mean of their posterior probabilities, weighted by duration."""
    words = [segment for segment in decoder.seg() or () if not segment.word.startswith(("<", "[", "+"))]
    frames = sum(word.end_frame - word.start_frame + 1 for word in words)
    if not frames:
        return Transcript("", 0.0)
    certain = sum(word.prob * (word.end_frame - word.start_frame + 1) for word in words)
    return Transcript(joint.join(word.word.split("(")[0] for word in words), round(certain / frames, 3))
