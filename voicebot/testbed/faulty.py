"""Faults on demand inside workers and voice programs: crash, hang, nonsense, lateness, out of memory, each at a point of a running conversation.

A file `PART.POINT` in a folder, holding the fault's name, makes the next process that comes by that point fail so, and is gone then; a lasting one
strikes until it is disarmed. Nothing in the product knows of this but one environment variable (`serving.SERVED_BY`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from voicebot.errors import VoicebotError
from voicebot.speech import serving
from voicebot.speech.serving import MEMORY_MB, SERVED_BY, Engine, Message, Reply, frame

Part = Literal["recogniser", "silero", "prosodist", "flite", "espeak-ng"]
Point = Literal["start", "ping", "feed", "settle", "speak"]
"""When the worker has loaded its model, at a sign of life, at audio, at the end of an utterance; a voice program has `speak` alone."""
Fault = Literal["crash", "killed", "hang", "loop", "slow", "garbage", "lengthy", "truncated", "flood", "wrong", "memory"]

FOLDER = "WORKER_FAULTS"
SLOW_S = 3.0
LASTING = " lasting"
_OTHERS: Mapping[str, Part] = {"voicebot.speech.silero": "silero", "voicebot.prosodist": "prosodist"}
"""Both are fed the audio that the recogniser is fed: a fault that is armed for it must not strike them."""


class Faults:
    """What may befall the workers and voice programs of a process started with `environment`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made, and in it stand-ins for the voice programs that are installed."""
        self._folder = folder
        bin_folder = folder / "bin"
        bin_folder.mkdir(parents=True, exist_ok=True)
        for program in ("flite", "espeak-ng"):
            if real := shutil.which(program):
                _stand_in(bin_folder / program, real)

    @property
    def environment(self) -> Mapping[str, str]:
        """To be added to the environment of `voicebot serve` or `voicebot up`."""
        path = os.pathsep.join((str(self._folder / "bin"), os.environ.get("PATH", os.defpath)))
        return {SERVED_BY: f"{__name__}:serve", FOLDER: str(self._folder), "PATH": path}

    def arm(self, part: Part, point: Point, fault: Fault, lasting: bool = False) -> None:
        """The next of `part` to reach `point` fails; each one until `disarm` when `lasting`."""
        draft = self._folder / f".{part}.{point}"
        draft.write_text(fault + LASTING * lasting, encoding="ascii")
        draft.replace(self._folder / f"{part}.{point}")

    def armed(self, part: Part, point: Point) -> bool:
        """Whether it waits still."""
        return (self._folder / f"{part}.{point}").exists()

    def disarm(self) -> None:
        """Nothing strikes any more."""
        for each in self._folder.glob("*.*"):
            each.unlink(missing_ok=True)


def serve(link: socket.socket, engine: Engine) -> None:
    """`serving.serve`, with the faults of the folder in FOLDER. Raises VoicebotError when that is not set."""
    if not (folder := os.environ.get(FOLDER)):
        raise VoicebotError(f"{FOLDER} names no folder; set it to the one faults are armed in")
    faulty = _Faulty(engine, Path(folder), part_of(engine), link)
    faulty.pass_by("start", 0)
    serving.serve(link, faulty)


def part_of(engine: Engine) -> Part:
    """Which part an engine is, by where it is made: whoever recognises is one, whatever its name."""
    return _OTHERS.get(type(engine).__module__, "recogniser")


class _Faulty:
    """An engine that fails where it is told to."""

    def __init__(self, engine: Engine, folder: Path, part: str, link: socket.socket) -> None:
        self._engine, self._folder, self._part, self._link = engine, folder, part, link

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        for message in batch:
            self.pass_by(message.verb, message.stream)
        yield from self._engine.handle(batch)

    def pass_by(self, point: str, stream: int) -> None:
        if fault := _taken(self._folder / f"{self._part}.{point}"):
            _STRIKES[fault](self._link, stream)


def _taken(path: Path) -> str:
    """The fault armed at `path`, for one process alone unless it lasts; empty when there is none."""
    with contextlib.suppress(FileNotFoundError):
        armed = path.read_text(encoding="ascii")
        if not armed.endswith(LASTING):
            path.unlink()
        return armed.removesuffix(LASTING)
    return ""


def _crash(_link: socket.socket, _stream: int) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _killed(_link: socket.socket, _stream: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(_link: socket.socket, _stream: int) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _loop(_link: socket.socket, _stream: int) -> None:
    while True:
        pass


def _slow(_link: socket.socket, _stream: int) -> None:
    time.sleep(SLOW_S)


def _garbage(link: socket.socket, _stream: int) -> None:
    link.sendall((16).to_bytes(4, "big") + os.urandom(16))


def _lengthy(link: socket.socket, _stream: int) -> None:
    link.sendall(b"\xff\xff\xff\xf0" + bytes(64))


def _truncated(link: socket.socket, stream: int) -> None:
    link.sendall(frame(Reply(stream, "transcript", "half of"))[:-3])
    os._exit(0)


def _flood(link: socket.socket, stream: int) -> None:
    while True:
        link.sendall(frame(Reply(stream, "transcript", "again")) * 1_000)


def _wrong(link: socket.socket, stream: int) -> None:
    link.sendall(frame(Reply(stream, "probability", value=float("nan"), end_ms=-1)))


def _memory(_link: socket.socket, _stream: int) -> None:
    bytearray(4 * MEMORY_MB << 20)


_STRIKES: Mapping[str, Callable[[socket.socket, int], None]] = {
    "crash": _crash,
    "killed": _killed,
    "hang": _hang,
    "loop": _loop,
    "slow": _slow,
    "garbage": _garbage,
    "lengthy": _lengthy,
    "truncated": _truncated,
    "flood": _flood,
    "wrong": _wrong,
    "memory": _memory,
}

# A voice program is asked for its version at start, and that goes through. The file it writes is its last argument.
_PROGRAM = """#!/bin/sh
armed="${folder}/{name}.speak"
if [ "$1" != --version ] && [ -e "$armed" ]; then
    read -r fault lasting < "$armed"
    [ "$lasting" ] || rm -f "$armed"
    for file; do :; done
    case $fault in
        crash | memory) kill -SEGV $$ ;;
        killed) kill -KILL $$ ;;
        hang) kill -STOP $$ ;;
        loop) while :; do :; done ;;
        slow) sleep {slow_s} ;;
        garbage | wrong) echo nonsense > "$file"; exit 0 ;;
        lengthy) printf 'RIFF\\377\\377\\377\\377WAVEfmt ' > "$file"; exit 0 ;;
        truncated) {real} "$@" && head -c 30 "$file" > "$file.part" && mv "$file.part" "$file"; exit 0 ;;
        flood) exec yes nonsense >&2 ;;
    esac
fi
exec {real} "$@"
"""


def _stand_in(path: Path, real: str) -> None:
    script = _PROGRAM.replace("${folder}", f"${FOLDER}").replace("{name}", path.name).replace("{real}", real).replace("{slow_s}", f"{SLOW_S:g}")
    path.write_text(script, encoding="ascii")
    path.chmod(0o755)
