"""`scripts/bench llm GGUF`: what a local language model costs: loading, first token, tokens a second, how soon it stops, how soon it is back.

No accuracy: what it says is not looked at. The prompt is that of a composed answer, its rules already computed as in a call.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import typer

from voicebot.dialogue.grounding import OPENING, Source, prompt
from voicebot.errors import EngineError
from voicebot.llm import Ask
from voicebot.llm.llama import Llama
from voicebot.testbed.bench_figures import Figure, Result, spread

TOKENS = 64
CANCEL_BAR_MS = 100
PATIENCE_S = 120.0
SOURCE = Source(
    "bill-higher",
    ("A bill is usually higher because of calls or data outside your plan, roaming, a price change, or a part month after a plan change.",),
)
QUESTIONS = ("why is my bill so high", "i was charged more than last month", "my bill doubled", "what is this extra amount", "explain my bill to me")


def command(show: Callable[[str, Callable[[], Coroutine[Any, Any, Result]], bool], None], progress: Callable[[str], None]) -> Callable[..., None]:
    """The command line of `llm`, for `scripts/bench`."""

    def language_model(
        model: Annotated[Path, typer.Argument(help="A GGUF file.")],
        *,
        threads: Annotated[int, typer.Option(min=1, help="As llm.threads.")] = 1,
        context: Annotated[int, typer.Option(min=256, help="As llm.context_tokens.")] = 2_048,
        trials: Annotated[int, typer.Option(min=1, help="How many trials.")] = 20,
        as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output, with every trial.")] = False,
    ) -> None:
        """A local language model: loading, first token, tokens a second, how soon it stops and comes back."""
        show(f"language model {model.name}", lambda: llm(model, threads, context, trials, progress), as_json)

    return language_model


async def llm(model: Path, threads: int, context_tokens: int, trials: int, progress: Callable[[str], None]) -> Result:
    """Load `model` in a process of its own and measure it. Raises EngineError."""
    began_s = _now_s()
    async with Llama(model, threads, context_tokens, OPENING) as loaded:
        await loaded.loaded
        load_ms = _ms_since(began_s)
        progress(f"loaded in {load_ms:,.0f} ms")
        answers = [await _answer(loaded, trial) for trial in range(trials)]
        progress(f"{trials} answers")
        stops_ms = [await _stop(loaded, trial) for trial in range(trials)]
        progress(f"{trials} stopped")
        back_ms = await _killed(loaded)
    first_ms, per_s = [first for first, _ in answers], statistics.median(rate for _, rate in answers)
    return Result(
        (
            Figure("loaded and warm", load_ms, "ms"),
            *spread("first token", first_ms, {}),
            Figure(f"tokens a second (median of {trials})", per_s),
            *spread("dropped, and free again", stops_ms, {"worst": CANCEL_BAR_MS}),
            Figure("killed, and ready again", back_ms, "ms"),
        ),
        tuple({"first_ms": first, "tokens_per_s": rate, "stopped_ms": stop} for (first, rate), stop in zip(answers, stops_ms, strict=True)),
    )


def _ask(trial: int) -> Ask:
    return Ask(prompt((SOURCE,), QUESTIONS[trial % len(QUESTIONS)], "en"), PATIENCE_S, longest_tokens=TOKENS)


async def _answer(model: Llama, trial: int) -> tuple[float, float]:
    """When the first token came, in ms, and tokens a second after it."""
    began_s, first_s, pieces = _now_s(), 0.0, 0
    async for _ in model.pieces(_ask(trial)):
        pieces += 1
        first_s = first_s or _now_s()
    if not pieces:
        raise EngineError(f"{model.name}: said nothing at all")
    return (first_s - began_s) * 1000, (pieces - 1) / max(_now_s() - first_s, 1e-6)


async def _stop(model: Llama, trial: int) -> float:
    """From the moment nobody wants an answer to the moment the next could begin: in its first tokens, and while its prompt is computed, by turns."""
    async with aclosing(model.pieces(_ask(trial))) as stream, asyncio.TaskGroup() as scope:
        reading = scope.create_task(_begun(stream))
        await asyncio.wait({reading}, timeout=None if trial % 2 else 0.02)
        began_s = _now_s()
        reading.cancel()
    await _until(lambda: not model.busy, 0.0005)
    return _ms_since(began_s)


async def _begun(stream: AsyncGenerator[str, None]) -> None:
    await anext(stream)


async def _killed(model: Llama) -> float:
    began_s, pid = _now_s(), model.pid
    os.kill(pid, signal.SIGKILL)
    await _until(lambda: model.ready and model.pid != pid, 0.005)
    return _ms_since(began_s)


async def _until(true: Callable[[], bool], look_s: float) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if true():
                return
            await asyncio.sleep(look_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _ms_since(began_s: float) -> float:
    return (_now_s() - began_s) * 1000
