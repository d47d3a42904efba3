"""Recordings of an operator's calls, cut into the caller's utterances as a call would cut them, and recognised. No telephone, no clock.

A WAV file with two channels holds the caller on the left; in one with a single channel everybody is taken for the caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voicebot.errors import EngineError, EvaluationError
from voicebot.replay.transcripts import Told
from voicebot.settings import Turns
from voicebot.speech.asr import Recogniser
from voicebot.speech.endpointing import Endpointing, SpeechStarted, UtteranceEnded
from voicebot.speech.vad import Gate
from voicebot.values import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ, SILENCE_FRAME

_BYTES_PER_MS = FRAME_BYTES // FRAME_MS
_TAIL_FRAMES = 100
"""Silence after the end of the recording, so that its last words end too."""


async def heard(path: Path, recogniser: Recogniser, turns: Turns) -> Told:
    """The words of one recording. Raises EvaluationError for a file that is none; an utterance that cannot be recognised has no words."""
    said = [await _recognised(recogniser, pcm) for pcm in utterances(_audio(path), turns)]
    return Told(path.stem, tuple((text, confidence) for text, confidence in said if text))


def utterances(pcm: bytes, turns: Turns) -> Iterator[bytes]:
    """The stretches of `pcm` (16 kHz) that a call would take for utterances."""
    gate, endpointing, from_ms = Gate(), Endpointing(turns), 0
    whole = pcm + bytes(-len(pcm) % FRAME_BYTES) + SILENCE_FRAME * _TAIL_FRAMES
    for at in range(0, len(whole), FRAME_BYTES):
        voiced = gate.frame(whole[at : at + FRAME_BYTES])
        for event in endpointing.frame(voiced, gate.stirring):
            match event:
                case SpeechStarted(audio_from_ms=audio_from_ms):
                    from_ms = max(0, audio_from_ms)
                case UtteranceEnded():
                    yield whole[from_ms * _BYTES_PER_MS : at]


async def _recognised(recogniser: Recogniser, pcm: bytes) -> tuple[str, float]:
    stream = recogniser.stream()
    try:
        stream.feed(pcm)
        words = await stream.settle()
    except EngineError:
        return "", 0.0
    finally:
        stream.close()
    return words.text, words.confidence


def _audio(path: Path) -> bytes:
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise EvaluationError(f"{path}: cannot be read as a recording ({error}); give a WAV file") from None
    if len(samples) == 0:
        return b""
    caller = soxr.resample(samples[:, 0], rate_hz, SAMPLE_RATE_HZ)
    return bytes((np.clip(caller, -1, 1) * 32_767).astype("<i2").tobytes())
