"""What one whole utterance sounds like: pitch, level, effort, timbre and tempo as named figures. Never judges them and never knows the caller.

All figures are taken inside the telephone band, so a wide-band recording and its telephone copy give nearly the same. Only `level_db` and
`peak_db` change with the gain of the line; everything else is measured against the utterance's own loudest tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import butter, find_peaks, hilbert, sosfilt

from voicebot.emotion.figures import CEPSTRA, Floats, Prosody
from voicebot.emotion.pitch import FRAME_SAMPLES, HOP_SAMPLES, RATE_HZ, mel_filters, pitch_hz
from voicebot.values import SAMPLE_RATE_HZ

Flags = NDArray[np.bool_]

LEAST_MS = 300
"""Shorter speech says nothing about a voice."""

_WINDOW = 320
_HOP_S = HOP_SAMPLES / RATE_HZ
_LOUD_DB = 30.0  # speech lies within this of the loudest frames
_FLOOR_DB = 50.0  # what lies further below the loudest frames is the codec's noise
_LEAST_VOICED = 8  # frames
_ENOUGH_VOICED = 30


@dataclass(frozen=True, slots=True)
class _Frames:
    """Figures of each 10 ms frame, between the first and the last frame of speech."""

    level_db: Floats
    power: Floats
    pitch_hz: Floats
    periodicity: Floats
    voiced: Flags
    speech: Flags


def analyse(pcm: bytes) -> Prosody | None:
    """Figures of 16 kHz `pcm`, or None when it holds too little voice to say anything: too short, silent, or noise without pitch."""
    wide = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32) / 32_768
    if len(wide) < SAMPLE_RATE_HZ * LEAST_MS // 1000 or not wide.any():
        return None
    samples = sosfilt(_band(250, 3_500), soxr.resample(wide, SAMPLE_RATE_HZ, RATE_HZ)).astype(np.float32)
    frames = _frames(samples)
    return None if frames is None else _figures(frames, samples)


def _frames(samples: NDArray[np.float32]) -> _Frames | None:
    windows = sliding_window_view(samples, _WINDOW)[::HOP_SAMPLES]
    level = 10 * np.log10(np.mean(windows.astype(np.float64) ** 2, axis=1) + 1e-12)
    loudest = float(np.percentile(level, 95))
    where = np.flatnonzero(level > loudest - _LOUD_DB)
    first, last = int(where[0]), int(where[-1]) + 1
    if last - first < _LEAST_VOICED:
        return None
    spoken = samples[first * HOP_SAMPLES : (last - 1) * HOP_SAMPLES + _WINDOW]
    power = np.abs(np.fft.rfft(windows[first:last] * np.hanning(_WINDOW), FRAME_SAMPLES, axis=1)) ** 2
    # librosa centres its frames on the hops, ours begin there: two hops on is the same stretch.
    pitch = pitch_hz(spoken)[2 : 2 + last - first]
    periodicity = _periodicity(spoken, pitch)
    level = level[first:last]
    voiced = (periodicity > 0.6) & (level > loudest - 25)
    if np.count_nonzero(voiced) < _LEAST_VOICED:
        return None
    floor = np.sum(power, axis=1).max() * 10 ** (-_FLOOR_DB / 10) / power.shape[1]
    return _Frames(level, power + floor, pitch, periodicity, voiced, level > loudest - _LOUD_DB)


def _periodicity(samples: NDArray[np.float32], pitch: Floats) -> Floats:
    """How well each frame repeats after one period of its pitch: the normalised correlation, 1 for a pure tone."""
    longest = RATE_HZ // 70 + 1
    span = FRAME_SAMPLES - longest
    padded = np.pad(samples, FRAME_SAMPLES // 2)
    windows = sliding_window_view(padded, FRAME_SAMPLES)[2 * HOP_SAMPLES :: HOP_SAMPLES][: len(pitch)].astype(np.float64)
    lag = np.clip(np.rint(RATE_HZ / pitch).astype(int), 16, longest)
    now, then = windows[:, :span], np.take_along_axis(windows, np.arange(span)[None, :] + lag[:, None], axis=1)
    result: Floats = np.sum(now * then, axis=1) / np.sqrt(np.sum(now * now, axis=1) * np.sum(then * then, axis=1) + 1e-12)
    return result


def _figures(frames: _Frames, samples: NDArray[np.float32]) -> Prosody:
    voiced, count = frames.voiced, int(np.count_nonzero(frames.voiced))
    level, power = frames.level_db[voiced], frames.power[voiced]
    pitch, move = _pitch(frames)
    bins = np.fft.rfftfreq(FRAME_SAMPLES, 1 / RATE_HZ)
    mel = np.log(frames.power @ _mel().T)
    cepstra = dct(mel[voiced], axis=1, norm="ortho")[:, 1 : 1 + CEPSTRA]
    low, steady = _between(power, 250, 500), float(np.mean(frames.periodicity[voiced]))
    jaw = (bins > 300) & (bins < 1_100)
    top, bottom = np.percentile(pitch, [90, 10])
    return Prosody(
        level_db=float(np.mean(level)),
        level_spread_db=float(np.std(level)),
        peak_db=float(np.percentile(level, 95)),
        pitch_st=float(np.median(pitch)),
        pitch_top_st=float(top),
        pitch_range_st=float(top - bottom),
        pitch_move_st=move,
        effort_db=float(np.mean(_between(power, 1_000, 3_400) - _between(power, 250, 1_000))),
        tilt_db=float(np.mean(_between(power, 2_000, 3_400) - low)),
        centroid_hz=float(np.mean(power @ bins / np.sum(power, axis=1))),
        openness_hz=float(np.percentile(power[:, jaw] @ bins[jaw] / np.sum(power[:, jaw], axis=1), 90)),
        flux=float(np.median(np.sqrt(np.mean(np.diff(mel, axis=0) ** 2, axis=1)))),
        beat_db=_beat_db(samples),
        rate_hz=_rate_hz(frames),
        pause_share=float(1 - np.mean(frames.speech)),
        voiced_share=float(np.mean(voiced)),
        voiced_s=count * _HOP_S,
        timbre=tuple(float(x) for x in np.mean(cepstra, axis=0)),
        reliability=min(1.0, count / _ENOUGH_VOICED) * float(np.clip((steady - 0.6) / 0.1, 0, 1)),
    )


def _pitch(frames: _Frames) -> tuple[Floats, float]:
    """Semitones of the voiced frames without octave errors, and how far the pitch moves from frame to frame."""
    semitones = 12 * np.log2(frames.pitch_hz / 100)
    voiced = semitones[frames.voiced]
    near = voiced[np.abs(voiced - np.percentile(voiced, 50, method="nearest")) < 10]
    steps = np.abs(np.diff(semitones))[frames.voiced[1:] & frames.voiced[:-1]]
    steps = steps[steps < 4]
    return near, float(np.mean(steps)) if len(steps) else 0.0


def _between(power: Floats, low_hz: float, high_hz: float) -> Floats:
    bins = np.fft.rfftfreq(FRAME_SAMPLES, 1 / RATE_HZ)
    result: Floats = 10 * np.log10(np.sum(power[:, (bins >= low_hz) & (bins < high_hz)], axis=1))
    return result


def _beat_db(samples: NDArray[np.float32]) -> float:
    envelope = np.abs(hilbert(sosfilt(_band(1_000, 3_400), samples)))
    slow, pulses = np.abs(sosfilt(butter(2, 25, fs=RATE_HZ, output="sos"), envelope)), sosfilt(_band(70, 300, 2), envelope)
    loud = slow > np.percentile(slow, 60)
    return float(10 * np.log10((np.mean(pulses[loud] ** 2) + 1e-15) / (np.mean(slow[loud] ** 2) + 1e-15)))


def _rate_hz(frames: _Frames) -> float:
    shape = np.hanning(9)
    smooth = np.convolve(frames.level_db, shape / shape.sum(), "same")
    peaks, _ = find_peaks(smooth, prominence=2.5, height=float(np.percentile(frames.level_db, 95)) - 20, distance=8)
    spoken = sum(bool(frames.voiced[max(0, peak - 2) : peak + 3].any()) for peak in peaks)
    return spoken / (len(smooth) * _HOP_S)


@cache
def _band(low_hz: float, high_hz: float, order: int = 4) -> Floats:
    sections: Floats = butter(order, [low_hz, high_hz], btype="band", fs=RATE_HZ, output="sos")
    return sections


@cache
def _mel() -> Floats:
    return mel_filters(26, 200.0, 3_600.0).astype(np.float64)
