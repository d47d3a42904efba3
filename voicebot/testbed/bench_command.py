"""What the commands of `scripts/bench` share: their options, the voicebot that is measured, the questions drawn, and how a result is shown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from voicebot.dialogue.knowledge import load as load_knowledge
from voicebot.errors import KnowledgeError
from voicebot.testbed import bench_runs as runs
from voicebot.testbed.bench_figures import Result, table, to_json
from voicebot.testbed.questions import UNSEEN_EN, Question, choose, known, routine, unanswerable, unseen
from voicebot.testbed.rig import Rig, Target, attached, rig

Seed = Annotated[int, typer.Option(help="Which questions, voices, codecs and pauses are drawn.")]
Trials = Annotated[int, typer.Option(min=1, help="How many trials.")]
At = Annotated[str | None, typer.Option("--at", metavar="HOST:PORT", help="Call a voicebot that runs already; otherwise one is started for this.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output, with every trial.")]
Wordings = Annotated[Path | None, typer.Option(help="CSV of entry_id, wording; 'kb': the knowledge base's own. Left out: unseen ones.")]
T = TypeVar("T")


def show(name: str, run: Callable[[], Coroutine[Any, Any, Result]], as_json: bool) -> None:
    """Run, print, and exit with 1 when a figure misses its bar."""
    result = finished(run())
    if as_json:
        print(to_json({name: result}))
    else:
        Console().print(table(name, result.figures))
    if not result.passed:
        raise typer.Exit(1)


def finished(run: Coroutine[Any, Any, T]) -> T:
    """What `run` gives. SIGTERM ends it as Ctrl-C does, so that nothing it started is left, and the command exits with 143."""
    try:
        return asyncio.run(_until_terminated(run))
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


def progress(what: str) -> None:
    """One line for who waits."""
    print(f"  {what}", file=sys.stderr, flush=True)


def drawn(target: Target, trials: int, seed: int, wordings: Path | None = None, **limits: Any) -> tuple[Question, ...]:
    """Questions for a run. Raises KnowledgeError when a wording asks for an entry the knowledge base lacks."""
    entries = load_knowledge(target.settings.kb.folder).language(runs.LANGUAGE)
    chosen = known(entries) if wordings == Path("kb") else unseen(wordings or UNSEEN_EN)
    if missing := unanswerable(chosen, entries):
        raise KnowledgeError(f"{wordings or UNSEEN_EN}: no entry {', '.join(missing)} in {target.settings.kb.folder}; add it or drop the wording")
    return choose(routine(chosen, runs.LANGUAGE), trials, seed, **limits)


@contextlib.asynccontextmanager
async def target_at(at: str | None) -> AsyncIterator[Target]:
    """The voicebot at `at`, or one of our own."""
    if at is not None:
        yield attached(at)
        return
    progress("starting a voicebot")
    async with rig() as own:
        yield own


async def on_target(at: str | None, run: Callable[[Target], Coroutine[Any, Any, Result]]) -> Result:
    """What `run` finds on the voicebot at `at`, or on one of our own."""
    async with target_at(at) as target:
        return await run(target)


async def on_rig(run: Callable[[Rig], Coroutine[Any, Any, T]], overrides: Mapping[str, Any] | None = None) -> T:
    """What `run` finds on a voicebot of our own, with settings by dotted key."""
    progress("starting a voicebot")
    async with rig(overrides) as own:
        return await run(own)


async def _until_terminated(run: Coroutine[Any, Any, T]) -> T:
    async with asyncio.TaskGroup() as scope:
        task = scope.create_task(run)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return task.result()
