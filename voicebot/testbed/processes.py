"""What /proc says of running processes: who started whom, CPU time and memory used, files open. Linux only; it changes nothing.

Source: proc(5).
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CORES = os.cpu_count() or 1
TICKS_HZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it stood when asked for."""

    pid: int
    parent: int
    command: str
    cpu_s: float


def process(pid: int) -> Process | None:
    """The process `pid`, or None when it is gone."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else Process(pid, int(fields[1]), command, (int(fields[11]) + int(fields[12])) / TICKS_HZ)


def heap_bytes(pid: int) -> int:
    """Resident memory of its own, what is mapped from files left out: that comes and goes with the page cache. 0 when the process is gone."""
    try:
        lines = (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def busy_s() -> float:
    """CPU seconds that all cores together have worked since the machine started."""
    fields = (PROC / "stat").read_text(encoding="utf-8").splitlines()[0].split()
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in fields[1:8])
    return (user + nice + system + irq + softirq) / TICKS_HZ


def offspring(pid: int) -> tuple[Process, ...]:
    """All living descendants of `pid`, parents before children."""
    everyone = [found for entry in PROC.iterdir() if entry.name.isdigit() and (found := process(int(entry.name)))]
    family, generation = [], {pid}
    while generation:
        born = [each for each in everyone if each.parent in generation]
        family += born
        generation = {each.pid for each in born}
    return tuple(family)


def open_files(pid: int) -> Counter[str]:
    """How many file descriptors `pid` has open, by kind: `socket`, `pipe`, `anon_inode`, or `file` for all that has a path."""
    kinds = (target.partition(":") for target in open_targets(pid))
    return Counter(kind if colon and "/" not in kind else "file" for kind, colon, _ in kinds)


def open_targets(pid: int) -> list[str]:
    """What each file descriptor of `pid` leads to: a path, or `socket:[…]` and the like."""
    found = []
    for entry in (PROC / str(pid) / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed while we looked
            found.append(os.readlink(entry))
    return found
