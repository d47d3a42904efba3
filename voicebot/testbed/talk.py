"""The audio side of a call: what the person holding the phone says and hears. No signalling.

Times are monotonic seconds on the wire.
"""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from voicebot.testbed import audio, packets, rtp
from voicebot.testbed.g711 import Samples
from voicebot.testbed.impair import Impairment, Line
from voicebot.testbed.recording import Recording
from voicebot.testbed.sip import PhoneError


class Talk:
    """Mouth and ear of one call."""

    def __init__(self, stream: rtp.Stream) -> None:
        self.stream = stream
        self.ended = asyncio.Event()

    @property
    def heard(self) -> Recording:
        """What the ear got."""
        return self.stream.heard

    @property
    def sent(self) -> Recording:
        """What was said, before any impairment of the line."""
        return self.stream.sent

    @property
    def keys(self) -> list[rtp.KeyPress]:
        """DTMF keys received, by telephone-event or SIP INFO."""
        return self.stream.keys

    def speak(self, samples: Samples) -> rtp.Playing:
        """Start saying `samples` now, instead of what is being said; `.stop()` falls silent, `await .done` gives the wire times."""
        return self.stream.start(packets.speech_frames(samples, self.stream.codec, self.stream.ptime_ms))

    async def play(self, samples: Samples) -> rtp.Played:
        """Say `samples` to the end. Cancelled: falls silent."""
        return await _to_the_end(self.speak(samples))

    def impair(self, impairment: Impairment | None) -> None:
        """Make our side of the line bad from now on; None mends it."""
        self.stream.line = Line(impairment) if impairment else None

    async def until_voice(self, from_s: float, timeout_s: float) -> float:
        """Wait for voice heard at or after `from_s`; its wire time. Raises TimeoutError, or PhoneError if the call ends first."""
        async with asyncio.timeout(timeout_s):
            while (onset_s := self.heard.onset_s(from_s)) is None:
                await self._next_frame("voice")
        return onset_s

    async def until_quiet(self, quiet_s: float, timeout_s: float) -> float:
        """Wait until nothing voiced was heard for `quiet_s`; wire time of the last voice (of the start of listening if none)."""
        last_s = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while time.monotonic() - last_s < quiet_s:
                await self._next_frame("quiet")
                last_s = self.heard.last_voiced_s(last_s) or last_s
        return last_s

    async def press(self, key: str, how: Literal["rfc4733", "inband"], key_ms: int, gap_ms: int) -> None:
        """Press a key in the audio stream, then be silent for `gap_ms`. Raises PhoneError when the other side takes no telephone-events."""
        await _to_the_end(self.stream.start(self._key_frames(key, how, key_ms)))
        await self.play(audio.silence(gap_ms / 1000))

    def _key_frames(self, key: str, how: Literal["rfc4733", "inband"], key_ms: int) -> list[packets.Frame]:
        if how == "inband":
            return packets.speech_frames(audio.dtmf_tone(key, key_ms / 1000), self.stream.codec)
        if self.stream.event_type is None:
            raise PhoneError("the other side takes no telephone-events; press keys with how='dtmf-relay' or 'inband'")
        return packets.key_frames(key, self.stream.event_type, key_ms)

    async def _next_frame(self, awaited: str) -> None:
        if self.ended.is_set():
            raise PhoneError(f"the call ended while waiting for {awaited}")
        await asyncio.sleep(audio.FRAME_S)


async def _to_the_end(playing: rtp.Playing) -> rtp.Played:
    try:
        return await asyncio.shield(playing.done)
    except asyncio.CancelledError:
        playing.stop()
        raise
