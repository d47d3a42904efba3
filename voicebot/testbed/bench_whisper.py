"""`scripts/bench whisper`: how long one pass of a Whisper of real size takes on one thread. Its weights are random: it measures speed, nothing else.

A process of its own does the passes, with the environment of a worker.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from voicebot.errors import EngineError
from voicebot.scratch import scratch
from voicebot.speech.asr.terms import TERMS
from voicebot.speech.asr.whisper_model import WhisperModel
from voicebot.speech.workers import ENVIRONMENT
from voicebot.testbed.bench_figures import Figure, Result, spread
from voicebot.testbed.random_whisper import BASE, build
from voicebot.values import SAMPLE_RATE_HZ

UTTERANCE_S, TOKENS = 3.0, 14
BARS_MS: Mapping[float, float | None] = {4.0: 150.0, 10.0: 300.0, 30.0: None}
"""By window. A pass over 30 s is made only when a shorter one is in doubt."""
TOLD_WINDOW_S = 10.0
"""The window that is also measured with words the decoder is told to expect."""

_WARM_UP = 2
Times = Mapping[str, Sequence[tuple[float, float]]]
"""Milliseconds of each pass, by the clock and of the processor, by window; "told": with words to expect."""


async def whisper(passes: int, progress: Callable[[str], None]) -> Result:
    """Times of `passes` passes over each window. Raises EngineError when the process that measures fails."""
    progress(f"making a Whisper of base size with random weights, {passes} passes each")
    with scratch(Path(tempfile.gettempdir())) as folder:
        await asyncio.to_thread(build, folder, BASE)
        times = await _measured(folder, passes)
    return Result(tuple(_figures(times)))


def _figures(times: Times) -> Iterator[Figure]:
    """By the clock; and what the processor worked of it, which other work on the machine does not change."""
    for window_s, bar in BARS_MS.items():
        name, each = f"3 s of speech, window {window_s:g} s", times[f"{window_s:g}"]
        yield from spread(name, [clock for clock, _ in each], {"p50": bar} if bar else {})
        yield Figure(f"{name}, processor", float(np.median([worked for _, worked in each])), "ms")
    yield from spread(f"window {TOLD_WINDOW_S:g} s, {TERMS} words expected", [clock for clock, _ in times["told"]], {})


async def _measured(folder: Path, passes: int) -> Times:
    command = (sys.executable, "-m", "voicebot.testbed.bench_whisper", str(folder), str(passes))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **ENVIRONMENT})
    said, _ = await process.communicate()
    if process.returncode:
        raise EngineError(f"the process that measures Whisper ended with status {process.returncode}")
    found: Times = json.loads(said)
    return found


def passes_ms(folder: Path, passes: int) -> Times:
    """Times of `passes` passes over each window of the model in `folder`."""
    samples = np.random.default_rng(0).standard_normal(round(UTTERANCE_S * SAMPLE_RATE_HZ)).astype(np.float32) * np.float32(0.05)

    def timed(model: WhisperModel, window_s: float) -> list[tuple[float, float]]:
        times = []
        for _ in range(_WARM_UP + passes):
            began_s, worked_s = perf_counter(), process_time()
            model.hear(samples, window_s, TOKENS, forced=True)
            times.append(((perf_counter() - began_s) * 1000, (process_time() - worked_s) * 1000))
        return times[_WARM_UP:]

    plain, told = WhisperModel(folder, "en"), WhisperModel(folder, "en", [f"expected{n}" for n in range(TERMS)])
    return {**{f"{window_s:g}": timed(plain, window_s) for window_s in BARS_MS}, "told": timed(told, TOLD_WINDOW_S)}


if __name__ == "__main__":
    print(json.dumps(passes_ms(Path(sys.argv[1]), int(sys.argv[2]))))
