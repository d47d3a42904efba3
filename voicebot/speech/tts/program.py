"""A synthesiser that runs as a program of its own: text goes in as a file, a WAV file comes out.

No shell, and no text on the command line, so that no text can become an option. It never outlives its deadline, its caller or this process.
"""

from __future__ import annotations

import asyncio
import functools
import re
import subprocess
import unicodedata
import wave
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from voicebot.errors import EngineError
from voicebot.process import end_with_parent
from voicebot.scratch import scratch
from voicebot.speech.tts.shaping import Samples

LONGEST_BYTES = 64 << 20
"""A WAV file beyond this is no phrase."""
COMPLAINT_BYTES = 400


@dataclass(frozen=True, slots=True)
class Program:
    """How to call one synthesiser: `out_option` is its option for the WAV file to write; text files go by `-f`."""

    command: str
    package: str
    out_option: str
    deadline_s: float = 10.0

    def version(self) -> str:
        """Its version number, asked once. Raises EngineError naming the Debian package when it is not installed."""
        return _version(self.command, self.package)

    async def speak(self, options: tuple[str, ...], text: str) -> tuple[Samples, int]:
        """Mono samples in -1..1 and their rate in Hz. Raises EngineError: missing, failed, late, or wrote no audio."""
        with scratch(Path(gettempdir())) as folder:
            said, heard = folder / "said.txt", folder / "heard.wav"
            _write(said, text)
            await self._run(*options, "-f", str(said), self.out_option, str(heard))
            return read_wav(heard, self.command)

    async def _run(self, *arguments: str) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                self.command, *arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, preexec_fn=end_with_parent
            )
        except (FileNotFoundError, PermissionError):
            raise _missing(self.command, self.package) from None
        except OSError as error:
            raise EngineError(f"{self.command} cannot be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(self.deadline_s):
                complaint = await _complaint(process)
                await process.wait()
        except TimeoutError:
            raise EngineError(f"{self.command} did not finish within {self.deadline_s:g} s; shorten the text or lower the load") from None
        finally:
            await _end(process)
        if process.returncode:
            words = complaint.decode(errors="replace").strip() or "no message"
            raise EngineError(f"{self.command} failed with exit status {process.returncode}: {words}")


def read_wav(path: Path, command: str) -> tuple[Samples, int]:
    """What `command` wrote: mono samples in -1..1 and their rate in Hz. Raises EngineError for anything but 16-bit mono of a phrase's length."""
    try:
        if path.stat().st_size > LONGEST_BYTES:
            raise EngineError(f"{command} wrote over {LONGEST_BYTES >> 20} MB for one phrase; shorten the text")
        with wave.open(str(path), "rb") as audio:
            shape, raw, rate_hz = (audio.getnchannels(), audio.getsampwidth()), audio.readframes(audio.getnframes()), audio.getframerate()
    except (OSError, wave.Error, EOFError):
        raise EngineError(f"{command} wrote no readable WAV file; check that the folder for temporary files has space") from None
    if shape != (1, 2):
        raise EngineError(f"{command} wrote {shape[0]} channels of {8 * shape[1]} bits; it must write one of 16")
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32_768), rate_hz


def plain(text: str) -> str:
    """`text` in one line without control characters, which synthesisers take for commands. Raises EngineError when no letter or digit is left."""
    cleaned = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    if not any(each.isalnum() for each in cleaned):
        raise EngineError(f"nothing to say in {text[:40]!r}; give it words")
    return " ".join(cleaned.split())


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


async def _complaint(process: Process) -> bytes:
    """The beginning of what it says on standard error, until it closes that. Of one that never stops talking no more is kept than this."""
    kept = b""
    while process.stderr and (said := await process.stderr.read(1 << 16)):
        kept = (kept + said)[:COMPLAINT_BYTES]
    return kept


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await _complaint(process)  # unread output would keep `wait` waiting
        await process.wait()


@functools.cache
def _version(command: str, package: str) -> str:
    try:
        answer = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, PermissionError):
        raise _missing(command, package) from None
    except subprocess.TimeoutExpired:
        raise EngineError(f"{command} --version did not answer within 10 s; reinstall the Debian package {package}") from None
    found = re.search(r"\d+(\.\d+)+", answer.stdout)
    return found.group() if found else "unknown"


def _missing(command: str, package: str) -> EngineError:
    return EngineError(f"{command} is not installed; run: apt-get install {package}")
