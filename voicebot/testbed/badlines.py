"""What can be wrong with a caller's phone or line for a whole call, by name: what the bench offers as `--line` and the tests play.

It only sets up a call; the line itself is impair.py, the packets are rtp.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voicebot.testbed.impair import Impairment
from voicebot.testbed.rtp import Silence
from voicebot.testbed.talk import Talk


@dataclass(frozen=True, slots=True)
class BadLine:
    """What the line does, what the phone sends while its owner says nothing, and how much audio it puts into a packet."""

    line: Impairment | None = None
    silence: Silence = "send"
    ptime_ms: int = 20

    def befall(self, call: Talk) -> None:
        """From now on `call` is on such a line."""
        call.impair(self.line)
        call.stream.silence, call.stream.ptime_ms = self.silence, self.ptime_ms


BAD_LINES: Mapping[str, BadLine] = {
    "good": BadLine(),
    "loss": BadLine(Impairment(loss=0.05)),
    "bursts": BadLine(Impairment(loss=0.05, burst=4)),
    "jitter": BadLine(Impairment(jitter_ms=40)),
    "loss-jitter": BadLine(Impairment(loss=0.05, jitter_ms=40)),
    "reorder": BadLine(Impairment(reorder=0.05)),
    "duplicates": BadLine(Impairment(duplicate=0.2)),
    "stalls": BadLine(Impairment(stall_ms=300, stall_every_ms=3_000)),
    "fast-500ppm": BadLine(Impairment(drift_ppm=500)),
    "slow-500ppm": BadLine(Impairment(drift_ppm=-500)),
    "fast-5pc": BadLine(Impairment(drift_ppm=50_000)),
    "slow-5pc": BadLine(Impairment(drift_ppm=-50_000)),
    "dtx": BadLine(silence="dtx"),
    "comfort-noise": BadLine(silence="cn"),
    "ptime-10": BadLine(ptime_ms=10),
    "ptime-30": BadLine(ptime_ms=30),
    "ptime-40": BadLine(ptime_ms=40),
}
"""The names, and what each means."""
