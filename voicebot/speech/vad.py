"""Is the caller speaking in this 20 ms frame? webrtcvad gates, the level trims its tail, Silero confirms when its answer arrives.

Pure: it is fed frames and probabilities and keeps no clock; its time is the audio it was given. It never runs Silero: that is a worker's job.
"""

from __future__ import annotations

import math

import numpy as np
import webrtcvad

from voicebot.errors import MediaError
from voicebot.values import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ

SILENT_DB = -96.0
"""What `level_db` gives for a frame of zeros: below one step of 16-bit audio."""


def level_db(pcm: bytes) -> float:
    """Root-mean-square level of `pcm` (not empty) in dB below full scale; SILENT_DB for digital silence."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    mean_square = float(np.dot(samples, samples)) / len(samples) / 32_768**2
    return max(SILENT_DB, 10 * math.log10(mean_square)) if mean_square else SILENT_DB


class Floor:
    """The level of the line when nobody speaks: falls at once, rises slowly, so speech does not lift it and a new noise does in seconds."""

    RISE_DB_PER_S = 6.0
    HIGHEST_DB = -40.0

    def __init__(self) -> None:
        self.db = -60.0

    def frame(self, frame_db: float) -> float:
        """Take the level of one frame and return the floor."""
        risen = min(self.db + self.RISE_DB_PER_S * FRAME_MS / 1000, self.HIGHEST_DB)
        self.db = max(min(frame_db, risen), SILENT_DB)
        return self.db


class Gate:
    """Voice activity of one call, one frame at a time.

    A frame is voiced when webrtcvad says so, its level stands clear of the line's noise, and the last known Silero probability is at least
    `START` (`GO_ON` while voiced). A worker that owes an answer for more than PATIENCE_MS of audio is left out until it answers again; then
    ALONE_MS of open gate stand for its evidence. So one voiced frame already means about 100 ms of voice.
    """

    MODE = 3
    """webrtcvad's strictest: on G.711 speech it misses nothing and has half the false voice of mode 2."""
    START = 0.4
    GO_ON = 0.35
    PATIENCE_MS = 150
    ALONE_MS = 80
    PREROLL_MS = 300
    """When `wants_silero` turns true, Silero should first be given this much audio from before: it then misses none of 120 clips, without it six."""
    LINGER_MS = 1_000
    """Silero goes on being asked this long after the gate closes: its state survives a pause between words."""
    CLEAR_DB = 4.0
    QUIETEST_DB = -54.0

    def __init__(self) -> None:
        self._webrtc = webrtcvad.Vad(self.MODE)
        self._floor = Floor()
        self.now_ms = 0
        self._closed_ms = self.LINGER_MS
        self._open_ms = 0
        self._asked_since_ms = 0
        self._owed_ms = 0
        self._probability: float | None = None
        self.level_db = SILENT_DB
        self.voiced = False

    @property
    def floor_db(self) -> float:
        """Level of the line when nobody speaks, in dB below full scale."""
        return self._floor.db

    @property
    def stirring(self) -> bool:
        """True when the last frame stands clear of the line's noise: voice may be starting that webrtcvad and Silero have not confirmed yet."""
        return self.level_db >= max(self._floor.db + self.CLEAR_DB, self.QUIETEST_DB)

    @property
    def wants_silero(self) -> bool:
        """True while the frames given to this gate should also go to Silero (ask after `frame`). When it turns false the stream may be reset."""
        return self._closed_ms < self.LINGER_MS

    @property
    def alone(self) -> bool:
        """True while Silero owes an answer for too long and webrtcvad decides alone."""
        return self._owed_ms > self.PATIENCE_MS

    def frame(self, pcm: bytes, lost: bool = False) -> bool:
        """Take the next 20 ms of `pcm` and return whether the caller is speaking. A `lost` frame is silence, and tells nothing about the line's
        noise. Raises MediaError for a frame of any other length."""
        if len(pcm) != FRAME_BYTES:
            raise MediaError(f"a frame of {len(pcm)} bytes reached voice detection; cut the audio into {FRAME_BYTES}-byte frames (20 ms, 16 kHz)")
        self.now_ms += FRAME_MS
        self.level_db = SILENT_DB if lost else level_db(pcm)
        self._ask(not lost and self._open(pcm))
        self.voiced = self._open_ms > 0 and self._confirmed()
        return self.voiced

    def probability(self, end_ms: int, p: float) -> None:
        """Take Silero's probability of speech in the 32 ms that end at `end_ms` of this gate's audio. May come late; ignored when it is from
        before the last time Silero was first asked."""
        self._owed_ms = 0
        if end_ms > self._asked_since_ms:
            self._probability = p

    def _open(self, pcm: bytes) -> bool:
        self._floor.frame(self.level_db)
        return self._webrtc.is_speech(pcm, SAMPLE_RATE_HZ) and self.stirring

    def _ask(self, is_open: bool) -> None:
        if is_open and not self.wants_silero:
            self._asked_since_ms = self.now_ms - FRAME_MS
            self._probability = None
        self._open_ms, self._closed_ms = (self._open_ms + FRAME_MS, 0) if is_open else (0, self._closed_ms + FRAME_MS)
        self._owed_ms += FRAME_MS if self.wants_silero else 0

    def _confirmed(self) -> bool:
        if self.alone:
            return self.voiced or self._open_ms >= self.ALONE_MS
        return self._probability is not None and self._probability >= (self.GO_ON if self.voiced else self.START)
