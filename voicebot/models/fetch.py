"""Fetches weights from a server or a folder, going on where it was broken off. A file has its name only once it is whole and verified.

It runs when a person asks for it, never during a call.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import httpx

from voicebot.errors import ModelError
from voicebot.models import File, Model, State, checksum, file_state, part

TRIES = 4
"""So often in a row a connection may break before it brought anything. One that brought something is made anew where it ended."""
TIMEOUT_S = 20.0
"""Without a byte."""
SPARE_BYTES = 64 << 20
"""What must be left on the disk."""

_CHUNK_BYTES = 1 << 18
_PARTIAL, _PAST_THE_END = 206, 416
Progress = Callable[[File, int], None]
"""Told how many bytes of a file are there."""


def pull(model: Model, folder: Path, mirror: str, on_progress: Progress = lambda _file, _bytes: None) -> None:
    """Make every file of `model` whole in `folder`; what is whole already is left alone. Raises ModelError naming the file and the fix."""
    home = folder / model.name
    try:
        home.mkdir(parents=True, exist_ok=True)
        for file in model.files:
            if file_state(file, home) not in {State.WHOLE, State.UNKNOWN}:
                _fetch(file, home, _source(model, file, mirror), on_progress)
            on_progress(file, (home / file.name).stat().st_size)
    except OSError as error:
        raise _on_disk(home, error) from None


def _source(model: Model, file: File, mirror: str) -> str | Path:
    if "://" in mirror:
        return f"{mirror.rstrip('/')}/{model.repository}/resolve/{model.revision}/{file.path}"
    return Path(mirror) / model.name / file.name


def _fetch(file: File, home: Path, source: str | Path, on_progress: Progress) -> None:
    target = home / file.name
    unfinished = part(target)
    with unfinished.open("ab") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ModelError(f"{target}: another `voicebot models pull` is fetching it; wait for it") from None
        if not file.sha256 or (file.size and out.tell() > file.size):
            _empty(out)  # what cannot be verified in the end is not pieced together
        _check_space(file, home, out.tell())
        if isinstance(source, Path):
            _copy(source, out)
        else:
            _download(file, source, out, on_progress)
        out.flush()
        os.fsync(out.fileno())
        _verify(file, unfinished)
        unfinished.replace(target)


def _copy(source: Path, out: IO[bytes]) -> None:
    try:
        with source.open("rb") as given:
            _empty(out)
            shutil.copyfileobj(given, out, _CHUNK_BYTES)
    except FileNotFoundError:
        raise ModelError(f"{source}: no such file; [models] mirror must be a folder that holds NAME/FILE, or a URL") from None


def _download(file: File, url: str, out: IO[bytes], on_progress: Progress) -> None:
    failure, in_vain = "", 0
    while in_vain < TRIES:
        before = out.tell()
        try:
            for _ in _chunks(url, out):
                on_progress(file, out.tell())
        except httpx.HTTPError as error:
            failure = str(error) or type(error).__name__
            in_vain = in_vain + 1 if out.tell() == before else 0
        else:
            return
    there = f"{out.tell():,} bytes of it are kept; run the command again to go on" if out.tell() else "check the network, or set [models] mirror"
    raise ModelError(f"{url}: cannot be fetched ({failure}); {there}")


def _chunks(url: str, out: IO[bytes]) -> Iterator[int]:
    """Appends what is still missing, or all of it when the server gives no parts."""
    have = out.tell()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT_S) as answer:
        if have and answer.status_code == _PAST_THE_END:
            return
        if answer.is_error:
            raise ModelError(f"{url}: the server answers {answer.status_code} {answer.reason_phrase}; is [models] mirror right?")
        if have and answer.status_code != _PARTIAL:
            _empty(out)
        for data in answer.iter_raw():
            out.write(data)
            yield len(data)


def _empty(out: IO[bytes]) -> None:
    out.seek(0)
    out.truncate()


def _verify(file: File, path: Path) -> None:
    """Raises ModelError, and removes what is there, when it is not what the manifest says: going on would not mend it."""
    size = path.stat().st_size
    if file.size and size != file.size:
        wrong = f"has {size:,} bytes instead of {file.size:,}"
    elif file.sha256 and checksum(path) != file.sha256:
        wrong = "has the wrong checksum"
    else:
        return
    path.unlink()
    raise ModelError(f"{path.with_suffix('')}: what came {wrong}; run the command again, or try another [models] mirror")


def _check_space(file: File, home: Path, have: int) -> None:
    free, wanted = shutil.disk_usage(home).free, file.size - have
    if file.size and free < wanted + SPARE_BYTES:
        raise ModelError(f"{home}: {file.name} needs {wanted / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free; make room or set [models] folder")


def _on_disk(home: Path, error: OSError) -> ModelError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    fix = "make room or set [models] folder; what was fetched is kept" if full else "set [models] folder to one that can be written"
    return ModelError(f"{home}: {error.strerror or error}; {fix}")
