"""`scripts/bench fuzz`: each parser under Atheris in a process of its own, two at a time, and what came of it as figures.

An input that breaks a parser is kept as a file; `--input FILE` puts that one file to the parser again.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from voicebot.errors import VoicebotError
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.fuzz import PARSERS

FOLDER = Path("run/fuzz")
AT_ONCE = 2
_COVERED = re.compile(r"cov: (\d+)")
_CULPRIT = re.compile(r"^\w[\w.]*(?:Error|Exception)\b.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What became of one parser. `fault`: the error that should not have come out, or that the run broke off; empty when all went well."""

    name: str
    parsed: int
    refused: int
    covered: int
    took_s: float
    fault: str = ""

    @property
    def inputs(self) -> int:
        return self.parsed + self.refused


async def fuzz(names: Sequence[str], inputs: int, seed: int, progress: Callable[[str], None], folder: Path = FOLDER) -> Result:
    """Put `inputs` inputs to each parser. Raises VoicebotError for a name that is none, or when Atheris is not installed."""
    if unknown := [name for name in names if name not in PARSERS]:
        raise VoicebotError(f"no parser {', '.join(unknown)}; there are {', '.join(PARSERS)}")
    if find_spec("atheris") is None:
        raise VoicebotError("Atheris is not installed for this machine (it comes for Linux on x86-64); the short run in scripts/test needs none")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    at_once, found = asyncio.Semaphore(AT_ONCE), []

    async def one(name: str) -> None:
        async with at_once:
            found.append(await _fuzzed(name, inputs, seed, folder))
            progress(f"{name}: {found[-1].fault or f'{found[-1].inputs:,} inputs in {found[-1].took_s:.0f} s'}")

    async with asyncio.TaskGroup() as scope:
        for name in names or PARSERS:
            scope.create_task(one(name))
    return result(sorted(found, key=lambda each: list(PARSERS).index(each.name)), inputs)


def result(found: Sequence[Fuzzed], inputs: int) -> Result:
    """The figures of a run in which each parser was to take `inputs` inputs."""
    figures: list[Figure] = []
    for each in found:
        told = f"{each.parsed:,} parsed, {each.refused:,} refused by name, {each.covered} branches seen"
        figures += [
            Figure(f"{each.name}: inputs ({told})", each.inputs, bar=inputs, at_most=False),
            Figure(f"{each.name}: undocumented errors{f' ({each.fault})' if each.fault else ''}", int(bool(each.fault)), bar=0),
        ]
    return Result(tuple(figures))


def again(name: str, data: bytes) -> str:
    """Put one input to one parser: "parsed" or "refused: why". What breaks the parser comes out as it is."""
    if name not in PARSERS:
        raise VoicebotError(f"no parser {name}; there are {', '.join(PARSERS)}")
    parser = PARSERS[name]
    with parser.opened() as take:
        try:
            take(data)
        except parser.refusals as refusal:
            return f"refused: {refusal}"
    return "parsed"


async def _fuzzed(name: str, inputs: int, seed: int, folder: Path) -> Fuzzed:
    command = [sys.executable, "-m", "voicebot.testbed.fuzz_one", name, str(inputs), str(seed), str(folder)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("VOICEBOT_")}
    began_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        printed, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return read(name, printed.decode(), told.decode(errors="replace"), process.returncode, time.monotonic() - began_s)


def read(name: str, printed: str, told: str, status: int | None, took_s: float) -> Fuzzed:
    """What one fuzzing process said of its run."""
    counts = next((json.loads(line) for line in printed.splitlines() if line.startswith("{")), {"parsed": 0, "refused": 0})
    covered = [int(number) for number in _COVERED.findall(told)]
    fault = ""
    if status:
        culprits = _CULPRIT.findall(printed + told)
        fault = culprits[0] if culprits else f"ended with status {status}"
    return Fuzzed(name, counts["parsed"], counts["refused"], max(covered, default=0), took_s, fault)
