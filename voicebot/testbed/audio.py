"""Pure arithmetic on 8 kHz audio: levels, tones, noise, resampling, WAV files, and finding a known answer in a recording.

Never starts a program (that is synth.py) and never knows a call.
"""

from __future__ import annotations

import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

from voicebot.testbed.g711 import Samples

RATE_HZ = 8_000
FRAME_S = 0.02
FRAME_SAMPLES = 160
VOICED_DB = -45.0
"""A 20 ms frame at or above this level (dB of full scale, RMS) counts as voiced. G.711 noise of a silent line lies below -60 dB."""
PROBE_S = 0.7
"""How much of a reference `locate` looks for: little enough to find an answer that barge-in cut short."""
_BLOCK_S = 0.1
_DTMF_HZ = {
    key: (row, column)
    for row, keys in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for key, column in zip(keys, (1209, 1336, 1477, 1633), strict=True)
}


@dataclass(frozen=True, slots=True)
class Match:
    """Where a reference begins in a recording (seconds; negative if its start was cut off), how alike its first 0.7 s are (0–1), and how many seconds
    of it were heard without a break (to the next 0.1 s, and with a pause that follows)."""

    offset_s: float
    score: float
    heard_s: float


def silence(duration_s: float) -> Samples:
    return np.zeros(round(duration_s * RATE_HZ), np.int16)


def tone(hz: float, duration_s: float, level_db: float = -12.0) -> Samples:
    """A sine whose RMS is `level_db` below full scale."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return _int16(32_768 * _amplitude(level_db) * np.sqrt(2) * np.sin(2 * np.pi * hz * time_s))


def dtmf_tone(key: str, duration_s: float = 0.1) -> Samples:
    """The two tones of a key, -13 dB each. Raises KeyError for what is not a key. Source: ITU-T Q.23."""
    low_hz, high_hz = _DTMF_HZ[key]
    return tone(low_hz, duration_s, -13) + tone(high_hz, duration_s, -13)


def levels_db(samples: Samples) -> NDArray[np.float64]:
    """RMS of each whole 20 ms frame, in dB of full scale; digital silence is -120."""
    whole = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(np.float64)
    power = np.mean(whole * whole, axis=1) / 32_768**2
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))
    return levels


def voiced(samples: Samples, threshold_db: float = VOICED_DB) -> NDArray[np.bool_]:
    """One flag for each whole 20 ms frame."""
    return levels_db(samples) >= threshold_db


def trim(samples: Samples, threshold_db: float = VOICED_DB) -> Samples:
    """Without the unvoiced frames at both ends; empty when nothing is voiced."""
    frames = np.flatnonzero(voiced(samples, threshold_db))
    return samples[frames[0] * FRAME_SAMPLES : (frames[-1] + 1) * FRAME_SAMPLES] if len(frames) else samples[:0]


def mix(speech: Samples, noise: Samples, snr_db: float) -> Samples:
    """`noise` (repeated or cut to length) under `speech`, whose level is taken over its voiced frames. Raises ValueError if `noise` is silent."""
    wanted = levels_db(speech)[voiced(speech)]
    speech_db = 10 * np.log10(np.mean(10 ** (wanted / 10))) if len(wanted) else VOICED_DB
    under = np.resize(noise, len(speech)).astype(np.float64) if len(noise) else np.zeros(len(speech))
    if not under.any():
        raise ValueError("noise is silent: give a noise that has a level")
    under *= 32_768 * _amplitude(speech_db - snr_db) / np.sqrt(np.mean(under * under))
    return _int16(speech + under)


def resample(samples: Samples, rate_hz: int, to_hz: int = RATE_HZ) -> Samples:
    """`samples` at `rate_hz`, whole utterance at once."""
    if rate_hz == to_hz:
        return samples
    return _int16(soxr.resample(samples.astype(np.float32), rate_hz, to_hz, quality="HQ"))


def read_wav(path: Path) -> Samples:
    """A 16-bit WAV file, first channel, at 8 kHz. Raises ValueError naming the file for any other sample width."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: {8 * file.getsampwidth()}-bit samples; convert it to 16-bit WAV")
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return resample(data[:: file.getnchannels()].astype(np.int16), file.getframerate())


def write_wav(path: Path, samples: Samples) -> None:
    """8 kHz mono, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


def locate(reference: Samples, recording: Samples) -> Match:
    """Find the first 0.7 s of `reference` (from its first voiced frame) in `recording` by normalised cross-correlation.

    The same audio scores above 0.95 through G.711 and at 10 dB of noise; other words in the same voice score 0.2–0.4, at most 0.58 (flite, Festival,
    espeak-ng) unless they begin alike. Score 0 when either holds no voice.
    """
    return Search(recording).locate(reference)


class Search:
    """A recording in which many references are looked for; what all of them need is made once."""

    def __init__(self, recording: Samples) -> None:
        self._recording = recording
        self._size = fft.next_fast_len(len(recording) + round(PROBE_S * RATE_HZ), real=True)
        self._spectrum = fft.rfft(recording.astype(np.float32), self._size)
        self._energy = np.concatenate(([0.0], np.cumsum(recording.astype(np.float64) ** 2)))

    def locate(self, reference: Samples) -> Match:
        """As the function of that name."""
        lead, probe = _probe(reference)
        if not len(probe) or len(self._recording) < len(probe):
            return Match(0.0, 0.0, 0.0)
        score = self._correlation(probe)
        best = int(np.argmax(score))
        start = best - lead
        return Match(start / RATE_HZ, float(score[best]), _heard_s(reference, self._recording, start, best))

    def _correlation(self, probe: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normalised by the energy of each window; windows below the voiced level cannot score by being small."""
        lags = len(self._recording) - len(probe) + 1
        products = fft.irfft(self._spectrum * np.conj(fft.rfft(probe.astype(np.float32), self._size)), self._size)[:lags]
        window = self._energy[len(probe) :] - self._energy[:lags]
        floor = len(probe) * (32_768 * _amplitude(VOICED_DB)) ** 2
        normalised: NDArray[np.float64] = products / np.sqrt(np.maximum(window, floor) * np.sum(probe * probe))
        return normalised


def recognise(references: Mapping[str, Samples], recording: Samples, least_score: float = 0.7) -> tuple[str, Match] | None:
    """The name and place of the reference that `recording` holds most of, or None. References that begin alike are told apart by what follows."""
    search = Search(recording)
    matches = [(name, search.locate(reference)) for name, reference in references.items()]
    good = [item for item in matches if item[1].score >= least_score]
    return max(good, key=lambda item: (item[1].heard_s, item[1].score), default=None)


def _probe(reference: Samples) -> tuple[int, NDArray[np.float64]]:
    frames = np.flatnonzero(voiced(reference))
    lead = int(frames[0]) * FRAME_SAMPLES if len(frames) else 0
    probe = reference[lead : lead + round(PROBE_S * RATE_HZ)] if len(frames) else reference[:0]
    return lead, probe.astype(np.float64)


def _heard_s(reference: Samples, recording: Samples, start: int, first: int) -> float:
    """How far the two agree, block by block, until two voiced blocks in a row differ (one alone may be noise)."""
    block = round(_BLOCK_S * RATE_HZ)
    agreed = begin = first
    while begin - start < len(reference) and begin + block <= len(recording) and begin - agreed < 2 * block:
        wanted = reference[begin - start : begin - start + block].astype(np.float64)
        heard = recording[begin : begin + len(wanted)].astype(np.float64)
        begin += len(wanted)
        agreed = begin if _agree(wanted, heard) else agreed
    return (agreed - start) / RATE_HZ


def _agree(wanted: NDArray[np.float64], heard: NDArray[np.float64]) -> bool:
    norm = np.sqrt(np.sum(wanted * wanted) * np.sum(heard * heard))
    return not _is_voiced(wanted) or bool(norm > 0 and np.sum(wanted * heard) / norm >= 0.5)


def _is_voiced(samples: NDArray[np.float64]) -> bool:
    return bool(np.mean(samples * samples) >= (32_768 * _amplitude(VOICED_DB)) ** 2)


def _amplitude(level_db: float) -> float:
    return float(10 ** (level_db / 20))


def _int16(samples: NDArray[np.floating]) -> Samples:
    clipped: Samples = np.clip(np.rint(samples), -32_768, 32_767).astype(np.int16)
    return clipped
