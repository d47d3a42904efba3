"""What a test caller says: flite, Festival and espeak-ng run as separate programs, cached on disk by voice and text.

Never used by the bot itself; never keeps audio at any rate but 8 kHz.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from voicebot.errors import EngineError
from voicebot.testbed import audio
from voicebot.testbed.g711 import Samples

_COMMANDS: dict[str, Callable[[str, str, str], list[str]]] = {
    "flite": lambda voice, text, wav: ["flite", "-voice", voice, "-f", text, "-o", wav],
    "festival": lambda voice, text, wav: ["text2wave", "-eval", f"(voice_{voice})", "-o", wav, text],
    "espeak-ng": lambda voice, text, wav: ["espeak-ng", "-v", voice, "-f", text, "-w", wav],
}


async def synth(text: str, voice: str, cache: Path) -> Samples:
    """`text` in `voice`, named "engine:voice" ("flite:slt", "festival:kal_diphone", "espeak-ng:en-us", "espeak-ng:cmn-latn-pinyin"), silence trimmed.

    Files in the folder `cache` are reused. Raises EngineError naming the program that is missing, failed, or made no sound.
    """
    kept = cache / f"{hashlib.sha256((voice + chr(10) + text).encode()).hexdigest()[:32]}.wav"
    if not _is_kept(kept):
        await _render(text, voice, kept)
    return audio.read_wav(kept)


async def synth_with_pause(text: str, voice: str, cache: Path, *, after_words: int, pause_ms: int) -> Samples:
    """As `synth`, with exactly `pause_ms` of silence after the first `after_words` words: each side is spoken for itself and trimmed."""
    words = text.split()
    if not 0 < after_words < len(words):
        raise ValueError(f"after_words is {after_words}; the text has {len(words)} words, so take 1 to {len(words) - 1}")
    first = await synth(" ".join(words[:after_words]), voice, cache)
    second = await synth(" ".join(words[after_words:]), voice, cache)
    return np.concatenate((first, audio.silence(pause_ms / 1000), second))


async def _render(text: str, voice: str, kept: Path) -> None:
    engine, _, name = voice.partition(":")
    if engine not in _COMMANDS or not name:
        raise EngineError(f"voice {voice!r}: name it as engine:voice, with one of {', '.join(_COMMANDS)}")
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        source, wav = Path(folder, "text"), Path(folder, "wav")
        _write(source, text)
        await _run(_COMMANDS[engine](name, str(source), str(wav)))
        if not _keep(wav, kept):
            raise EngineError(f"{voice} made no sound of {text!r}; is that voice installed?")


def _is_kept(kept: Path) -> bool:
    kept.parent.mkdir(parents=True, exist_ok=True)
    return kept.exists()


def _write(source: Path, text: str) -> None:
    source.write_text(text + "\n", encoding="utf-8")


def _keep(wav: Path, kept: Path) -> bool:
    """Trim, and move into the cache in one step, so that no other process ever reads half a file."""
    spoken = audio.trim(audio.read_wav(wav)) if wav.exists() else audio.silence(0)
    if len(spoken):
        audio.write_wav(wav, spoken)
        wav.replace(kept)
    return len(spoken) > 0


async def _run(command: Sequence[str]) -> None:
    try:
        program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)
    except FileNotFoundError:
        raise EngineError(f"{command[0]} is not installed; try: apt-get install flite festival espeak-ng") from None
    try:
        _, complaint = await program.communicate()
    except asyncio.CancelledError:
        program.kill()
        await program.wait()
        raise
    if program.returncode:
        raise EngineError(f"{command[0]} failed ({program.returncode}): {complaint.decode(errors='replace').strip()[:200]}")
