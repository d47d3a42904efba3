"""What /proc says of running processes: who started whom, CPU time used, files open. Linux only; it changes nothing.

Source: proc(5).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
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
    kinds: Counter[str] = Counter()
    for entry in (PROC / str(pid) / "fd").iterdir():
        try:
            kind, colon, _ = os.readlink(entry).partition(":")
        except OSError:
            continue  # closed while we looked
        kinds[kind if colon and "/" not in kind else "file"] += 1
    return kinds
