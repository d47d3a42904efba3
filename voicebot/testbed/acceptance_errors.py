"""Acceptance of error messages: set something up wrong, start the bot, and read what it says. Each must be one line naming the thing and the fix.

Nothing outside the temporary folder is touched; nothing that starts is left running.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicebot.errors import PbxError
from voicebot.settings import Settings
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.rig import settings_text

LONGEST_S = 60.0
MODULE = "res_musiconhold.so"
"""The module that the tree lacks: without it a caller in the queue hears nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something wrong, and words that the error must hold: the thing, and the fix."""

    name: str
    command: str
    words: tuple[str, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it wrote on standard error; `status` is None when it had to be stopped."""

    status: int | None
    lines: tuple[str, ...]


def fault(case: Case, said: Said) -> str:
    """What is wrong with how an error was told; empty when nothing is."""
    if said.status is None:
        return "it started all the same"
    if said.status == 0:
        return "exit status 0"
    if any("Traceback" in line for line in said.lines):
        return "a traceback"
    if len(said.lines) != 1:
        return f"{len(said.lines)} lines instead of one"
    if missing := [word for word in case.words if word not in said.lines[0]]:
        return f"does not name {', '.join(missing)}"
    return ""


async def errors(settings: Settings, progress: Callable[[str], None]) -> Result:
    """Each case as a trial; `settings` tells where Asterisk and the speech cache are."""
    rows: list[Mapping[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="voicebot-") as name, contextlib.ExitStack() as taken:
        for case in _cases(Path(name), settings, taken):
            progress(case.name)
            said = await _run(case, Path(name), settings)
            rows.append({"case": case.name, "fault": fault(case, said), "status": said.status, "said": "\n".join(said.lines[:5])})
    faults = [row for row in rows if row["fault"]]
    told = Figure(f"errors told in one line that names thing and fix, of {len(rows)}", len(rows) - len(faults), bar=len(rows), at_most=False)
    return Result((told, *(Figure(f"{row['case']}: {row['fault']}", 1, bar=0) for row in faults)), tuple(rows))


def _cases(folder: Path, settings: Settings, taken: contextlib.ExitStack) -> tuple[Case, ...]:
    knowledge = folder / "kb"
    (knowledge / "en").mkdir(parents=True)
    (knowledge / "en" / "opening-hours.md").write_text("opening hours, without the lines that every entry needs\n", encoding="utf-8")
    tcp, udp = (taken.enter_context(_taken(kind)) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
    return (
        Case("broken knowledge base", "serve", ("opening-hours.md:1",), {"kb.folder": str(knowledge)}),
        Case("unknown settings key", "serve", ("serve.prot", "port"), {"serve.prot": 8088}),
        Case("controller's port in use", "serve", (str(tcp), "[serve] port"), {"serve.port": tcp}),
        Case("SIP port in use", "pbx", (str(udp), "[pbx] sip_port"), {"pbx.sip_port": udp}),
        Case(
            "missing Asterisk module", "pbx", (MODULE, "scripts/setup"), environment={"VOICEBOT_PBX__TREE": str(_lacking(settings.pbx.tree, folder))}
        ),
    )


def _taken(kind: socket.SocketKind) -> contextlib.AbstractContextManager[int]:
    """A loopback port that is in use until the block is left."""

    @contextlib.contextmanager
    def held() -> Any:
        with socket.socket(socket.AF_INET, kind) as holder:
            holder.bind(("127.0.0.1", 0))
            if kind is socket.SOCK_STREAM:
                holder.listen()
            yield holder.getsockname()[1]

    return held()


def _lacking(tree: Path, folder: Path) -> Path:
    """The Asterisk tree as links, but for MODULE. Raises PbxError when there is no such tree or module."""
    module = next((tree / "usr/lib").glob(f"*/asterisk/modules/{MODULE}"), None)
    if module is None:
        raise PbxError(f"no {MODULE} in {tree}; run scripts/setup")
    copy = folder / "tree"
    original = tree.resolve()
    for depth in range(len(module.relative_to(tree).parts)):
        step = Path(*module.relative_to(tree).parts[:depth])
        (copy / step).mkdir()
        kept = module.relative_to(tree).parts[depth]
        for each in (original / step).iterdir():
            if each.name != kept:
                (copy / step / each.name).symlink_to(each)
    return copy


async def _run(case: Case, folder: Path, settings: Settings) -> Said:
    settings_file = folder / "voicebot.toml"
    settings_file.write_text(settings_text(folder, {"log.level": "error", **case.overrides}), encoding="utf-8")
    shared = {"VOICEBOT_PBX__TREE": str(settings.pbx.tree), "VOICEBOT_SPEECH__CACHE": str(settings.speech.cache)}
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicebot", case.command, "--settings", str(settings_file)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**os.environ, **shared, **case.environment},
    )
    return await _outcome(program)


async def _outcome(program: asyncio.subprocess.Process) -> Said:
    ended = True
    try:
        async with asyncio.timeout(LONGEST_S):
            _, written = await program.communicate()
    except TimeoutError:
        ended = False
        program.terminate()
        _, written = await program.communicate()
    lines = tuple(line for line in written.decode(errors="replace").splitlines() if line.strip())
    return Said(program.returncode if ended else None, lines)
