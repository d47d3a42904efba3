"""A telephone line for recordings: what a file sounds like after 8 kHz G.711, with gain, noise behind the caller, an echo and lost packets.

Never chooses by chance: what is lost and which noise is heard follow from the name of the recording and the seed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from voicebot.errors import EvaluationError
from voicebot.testbed import g711
from voicebot.testbed.audio import RATE_HZ, mix
from voicebot.testbed.g711 import Codec, Samples
from voicebot.values import SAMPLE_RATE_HZ

PACKET_SAMPLES = 160
_BAND_HZ = (250, 3_500)
_RAW_RATE_HZ = 8_000


@dataclass(frozen=True, slots=True)
class Line:
    """`gain_db` before the codec; `noise` at `snr_db` below the speech; `loss` is the share of 20 ms packets lost, heard as silence. An echo of
    `echo_of` (what the bot says meanwhile; left out: of the speech itself) comes `echo_ms` later at `echo_db`, below 0, of its own level."""

    codec: Codec = "PCMU"
    gain_db: float = 0.0
    noise: Path | None = None
    snr_db: float = 15.0
    loss: float = 0.0
    echo_db: float | None = None
    echo_ms: float = 120.0
    echo_of: Path | None = None
    seed: int = 0


def through(line: Line, path: Path) -> bytes:
    """The recording as the bot would hear it: 16 kHz pcm. Raises EvaluationError naming the file when it cannot be read."""
    samples = _echoed(line, _to_int16(read(path) * 10 ** (line.gain_db / 20)))
    seed = zlib.crc32(path.name.encode()) ^ line.seed
    if line.noise is not None and samples.any():
        samples = mix(samples, _excerpt(_read_once(line.noise), len(samples), seed), line.snr_db)
    heard = _lose(g711.decode(g711.encode(samples, line.codec), line.codec), line.loss, seed)
    return _to_int16(soxr.resample(heard.astype(np.float32) / 32_768, RATE_HZ, SAMPLE_RATE_HZ)).astype("<i2").tobytes()


def read(path: Path) -> NDArray[np.float32]:
    """A recording within the telephone band, mono, 8 kHz, ±1. `.raw` files are 8 kHz 16-bit. Raises EvaluationError naming the file."""
    try:
        if path.suffix == ".raw":
            found, rate_hz = np.frombuffer(path.read_bytes(), "<i2").astype(np.float32)[:, None] / 32_768, _RAW_RATE_HZ
        else:
            found, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        raise EvaluationError(f"{path}: cannot be read as audio ({error}); give a WAV or FLAC file") from error
    band = butter(4, _BAND_HZ, btype="band", fs=RATE_HZ, output="sos")
    limited: NDArray[np.float32] = sosfilt(band, soxr.resample(found.mean(axis=1), rate_hz, RATE_HZ)).astype(np.float32)
    return limited


def _echoed(line: Line, samples: Samples) -> Samples:
    if line.echo_db is None:
        return samples
    source = _read_once(line.echo_of) if line.echo_of else samples
    echo = np.zeros(len(samples))
    late = min(round(line.echo_ms * RATE_HZ / 1000), len(echo))
    heard = source[: len(echo) - late]
    echo[late : late + len(heard)] = heard * 10 ** (line.echo_db / 20)
    return np.clip(np.rint(samples + echo), -32_768, 32_767).astype(np.int16)


@cache
def _read_once(path: Path) -> Samples:
    return _to_int16(read(path))


def _excerpt(noise: Samples, length: int, seed: int) -> Samples:
    return np.roll(noise, -(seed % max(1, len(noise))))[:length]


def _lose(samples: Samples, share: float, seed: int) -> Samples:
    packets = -(-len(samples) // PACKET_SAMPLES)
    kept = np.random.default_rng(seed).random(packets) >= share
    return np.where(np.repeat(kept, PACKET_SAMPLES)[: len(samples)], samples, 0).astype(np.int16)


def _to_int16(samples: NDArray[np.floating]) -> Samples:
    clipped: Samples = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)
    return clipped
