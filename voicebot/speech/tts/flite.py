"""English by flite, Debian's small synthesiser (https://github.com/festvox/flite), run as a program of its own.

It reads ASCII only: typographic characters are turned into plain ones first.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from voicebot.speech.tts.manner import NEUTRAL
from voicebot.speech.tts.program import Program, plain
from voicebot.speech.tts.shaping import shape

FLITE = Program("flite", package="flite", out_option="-o")

_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": " ", "”": " ", "–": ", ", "—": ", ", "…": ". ", "£": " pounds ", "€": " euros ", "&": " and "})


@dataclass(frozen=True, slots=True)
class Flite:
    """One flite voice. `stretch` < 1 speaks faster. An unknown voice would silently become flite's default, so the type names those Debian ships."""

    voice: Literal["slt", "rms", "awb", "kal16"] = "slt"
    stretch: float = 0.78
    program: Program = FLITE

    @property
    def language(self) -> str:
        return "en"

    @property
    def name(self) -> str:
        """Engine, version and settings: it changes whenever the sound would."""
        return f"flite {self.program.version()} {self.voice} {self.stretch:g} {NEUTRAL.pause_ms}"

    async def render(self, text: str) -> bytes:
        """Speak `text`; pcm shaped as `shaping.shape` says. Raises EngineError."""
        options = ("-voice", self.voice, "--setf", f"duration_stretch={self.stretch:g}")
        return shape(*await self.program.speak(options, _ascii(plain(text))))


def _ascii(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return plain(folded.encode("ascii", "ignore").decode())
