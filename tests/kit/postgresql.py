"""A PostgreSQL of the test's own: a new cluster on a free port of loopback, gone afterwards. As root it runs as `nobody`, since it refuses root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def programs() -> Path | None:
    """The folder with initdb and postgres; None where PostgreSQL is not installed. Debian keeps them off PATH."""
    found = [Path(path).parent for path in (shutil.which("initdb"),) if path] + sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder.resolve() for folder in found if (folder / "postgres").exists()), None)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of an empty database in `folder`, whose parent is the test's own. Skips where there is no PostgreSQL."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    data, port = folder / "data", _free_port()
    folder.mkdir(mode=0o755, exist_ok=True)
    data.mkdir(mode=0o700)
    if os.getuid() == 0:
        folder.parent.chmod(0o755)
        shutil.chown(data, "nobody")
    _run(data, binaries / "initdb", "--pgdata", data, "--username=voicebot", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
    settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
    _run(data, binaries / "pg_ctl", "--pgdata", data, "--wait", "--log", data / "log", "--options", settings, "start")
    try:
        yield f"postgresql+asyncpg://voicebot@127.0.0.1:{port}/postgres"
    finally:
        _run(data, binaries / "pg_ctl", "--pgdata", data, "--wait", "--mode=immediate", "stop")


def _run(folder: Path, *command: object) -> None:
    user = "nobody" if os.getuid() == 0 else None
    subprocess.run(
        [str(part) for part in command], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
