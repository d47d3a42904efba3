"""`scripts/bench`: figures of a voicebot under test calls, as a table or as JSON. It starts one of its own, or calls the one named by --at."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from voicebot.dialogue.knowledge import load as load_knowledge
from voicebot.errors import KnowledgeError, VoicebotError, innermost, told
from voicebot.testbed import (
    bench_conversations,
    bench_curve,
    bench_faults,
    bench_fuzz,
    bench_llm,
    bench_log,
    bench_mandarin,
    bench_silent,
    bench_soak,
    bench_turns,
    bench_whisper,
)
from voicebot.testbed import bench_runs as runs
from voicebot.testbed.badlines import BAD_LINES, BadLine
from voicebot.testbed.bench_figures import Result, table, to_json
from voicebot.testbed.bench_load import NO_LIMITS
from voicebot.testbed.questions import UNSEEN_EN, Question, choose, known, routine, unanswerable, unseen
from voicebot.testbed.rig import Rig, Target, attached, rig
from voicebot.testbed.strikes import FAULTS

Seed = Annotated[int, typer.Option(help="Which questions, voices, codecs and pauses are drawn.")]
Trials = Annotated[int, typer.Option(min=1, help="How many trials.")]
At = Annotated[str | None, typer.Option("--at", metavar="HOST:PORT", help="Call a voicebot that runs already; otherwise one is started for this.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output, with every trial.")]
Wordings = Annotated[Path | None, typer.Option(help="CSV of entry_id, wording; 'kb': the knowledge base's own. Left out: unseen ones.")]

CURVE_WORDINGS = 60
"""How many questions the callers of a curve have between them; each asks all of them in an order of its own, again and again."""
T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, help="Measure turns on the wire.")


@app.command()
def latency(
    *,
    trials: Trials = 20,
    line: Annotated[str, typer.Option(metavar="NAME", help=f"What the caller's line does: {', '.join(BAD_LINES)}.")] = "good",
    seed: Seed = 1,
    at: At = None,
    wordings: Wordings = None,
    as_json: AsJson = False,
) -> None:
    """Mouth-to-ear of one call at a time."""
    if line not in BAD_LINES:
        raise typer.BadParameter(f"no line {line}; the lines are {', '.join(BAD_LINES)}", param_hint="--line")
    draw = functools.partial(drawn, trials=trials, seed=seed, wordings=wordings)
    name = "latency" if line == "good" else f"latency, line {line}"
    show(name, lambda: _turns(at, draw, 1, {"p50": 700, "p95": 1_100}, BAD_LINES[line]), as_json)


@app.command()
def calls(
    *,
    concurrent: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 10,
    trials: Trials = 60,
    numbers: Annotated[str, typer.Option("--curve", metavar="N,N,…", help="Instead: one level for each number of calls, callers talking on.")] = "",
    talk: Annotated[float, typer.Option(min=5, max=80, help="With --curve: per cent of the time that a caller speaks.")] = 40,
    seconds: Annotated[float, typer.Option(min=10, help="With --curve: how long a level is measured at least.")] = 60,
    seed: Seed = 1,
    at: At = None,
    wordings: Wordings = None,
    as_json: AsJson = False,
) -> None:
    """Mouth-to-ear, answers and CPU per call of many calls at once."""
    if numbers:
        show_curve(counts(numbers), lambda own, each: bench_curve.Course(each, talk, seconds, drawn(own, CURVE_WORDINGS, seed, wordings)), as_json)
    else:
        draw = functools.partial(drawn, trials=trials, seed=seed, wordings=wordings)
        show(f"{concurrent} calls at once", lambda: _turns(at, draw, concurrent, {"p95": 1_500}), as_json)


@app.command()
def silent(
    number: Annotated[int, typer.Option("--calls", min=1, help="Calls at once; every second one plays hold music.")] = 100,
    seconds: Annotated[float, typer.Option(min=5, help="How long is measured.")] = 60,
    as_json: AsJson = False,
) -> None:
    """What calls cost in which nobody speaks."""
    show(f"{number} silent calls", lambda: _on_rig(lambda own: bench_silent.silent(own, number, seconds, progress), bench_silent.SETTINGS), as_json)


@app.command()
def soak(
    number: Annotated[int, typer.Option("--calls", min=1, help="How many calls.")] = 2_000,
    parallel: Annotated[int, typer.Option(min=1, help="Calls at a time.")] = 8,
    minutes: Annotated[float, typer.Option(min=0.1, help="No call is begun later than this; fewer than --calls then fail the run.")] = 30,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Calls hung up at random moments, and what is left of them."""
    size = bench_soak.Size(number, parallel, seed, minutes)
    show(f"soak, seed {seed}", lambda: _on_rig(lambda own: bench_soak.soak(own, size, progress), bench_soak.SETTINGS), as_json)


@app.command("barge-in")
def barge_in(trials: Trials = 20, seed: Seed = 1, at: At = None, as_json: AsJson = False) -> None:
    """From the caller's voice to the bot's silence."""
    show("barge-in", lambda: _on_target(at, lambda target: runs.barge_in(target, drawn(target, trials, seed), seed, progress)), as_json)


@app.command()
def backchannel(trials: Trials = 20, seed: Seed = 1, as_json: AsJson = False) -> None:
    """Does the bot go on after "mm-hm"?"""
    show("backchannel", lambda: _on_rig(lambda own: runs.backchannel(own, drawn(own, trials, seed), seed, progress)), as_json)


@app.command()
def turns(trials: Trials = 200, seed: Seed = 1, as_json: AsJson = False) -> None:
    """Interruptions, murmurs and noises over the bot, without a telephone."""
    show(f"turns, seed {seed}", lambda: bench_turns.turns(trials, seed, progress), as_json)


@app.command()
def pauses(trials: Trials = 40, seed: Seed = 1, as_json: AsJson = False) -> None:
    """Does a pause of 500 ms between two words end the turn?"""
    show("pauses", lambda: _on_rig(lambda own: runs.pauses(own, drawn(own, trials, seed), seed, progress)), as_json)


@app.command()
def whisper(passes: Annotated[int, typer.Option(min=1, help="How many passes over each window.")] = 20, as_json: AsJson = False) -> None:
    """How long one thread takes for a pass of a Whisper of base size; random weights."""
    show("whisper", lambda: bench_whisper.whisper(passes, progress), as_json)


@app.command()
def mandarin(
    model: Annotated[Path, typer.Option(help="Folder of an 8 kHz PocketSphinx model: acoustic model, .dic, .arpa.gz.")],
    trials: Trials = 10,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Mandarin questions in the knowledge base's wording, and in others."""
    show(f"Mandarin, seed {seed}", lambda: bench_mandarin.mandarin(model, trials, seed, progress), as_json)


@app.command("conversations")
def lead_conversations(
    language: Annotated[str, typer.Argument(help="en or zh: a language whose hotline listens.")] = "en",
    *,
    only: Annotated[str, typer.Option(help="Those whose title holds this.")] = "",
    parallel: Annotated[int, typer.Option(min=1, help="Calls at a time.")] = 3,
    as_json: AsJson = False,
) -> None:
    """The lead's conversations, each to its stated end."""
    show(f"conversations, {language}", lambda: bench_conversations.conversations(language, only, parallel, progress), as_json)


@app.command()
def handover(trials: Trials = 10, seed: Seed = 1, as_json: AsJson = False) -> None:
    """From the decision for a person to the queue."""
    show("handover", lambda: _on_rig(lambda own: runs.handover(own, drawn(own, trials, seed), seed, progress)), as_json)


@app.command("fuzz")
def fuzz_parsers(
    parsers: Annotated[list[str] | None, typer.Argument(help="Which; all when left out.")] = None,
    *,
    inputs: Annotated[int, typer.Option(min=1, help="How many inputs a parser.")] = 1_000_000,
    seed: Seed = 1,
    again: Annotated[Path | None, typer.Option("--input", help="Put this one file to the one parser named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put inputs made by Atheris to each parser: parsed, or refused by a documented error."""
    if again is not None:
        print(bench_fuzz.again((parsers or [""])[0], again.read_bytes()))
        return
    show("fuzz", lambda: bench_fuzz.fuzz(parsers or [], inputs, seed, progress), as_json)


@app.command()
def faults(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Which: {', '.join(FAULTS)}. All when left out.")] = None,
    *,
    calls: Annotated[int, typer.Option(min=1, help="Live calls as each fault strikes.")] = 10,
    repeat: Annotated[int, typer.Option(min=1, help="How often each fault strikes.")] = 1,
    as_json: AsJson = False,
) -> None:
    """What becomes of the callers when something breaks; exit status 1 when one is stranded, lost or too late."""
    if unknown := [name for name in names or () if name not in FAULTS]:
        raise typer.BadParameter(f"no fault {', '.join(unknown)}; the faults are {', '.join(FAULTS)}")
    found = finished(bench_faults.faults(names or list(FAULTS), calls, repeat, progress))
    if as_json:
        print(to_json(found))
    else:
        Console(width=None if sys.stdout.isatty() else bench_faults.WIDTH).print(bench_faults.overview(found))
    raise typer.Exit(0 if all(each.passed for each in found.values()) else 1)


def main() -> None:
    """Entry point: a VoicebotError is one line on standard error and exit status 1."""
    try:
        app()
    except (VoicebotError, BaseExceptionGroup) as error:
        if not told(error):
            raise
        print(f"bench: {innermost(error)}", file=sys.stderr)
        raise SystemExit(1) from None


def show(name: str, run: Callable[[], Coroutine[Any, Any, Result]], as_json: bool) -> None:
    """Run, print, and exit with 1 when a figure misses its bar."""
    result = finished(run())
    if as_json:
        print(to_json({name: result}))
    else:
        Console().print(table(name, result.figures))
    if not result.passed:
        raise typer.Exit(1)


def counts(text: str) -> tuple[int, ...]:
    """Numbers of calls, written "1,2,5"."""
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise typer.BadParameter(f"{text!r}: write numbers of calls with commas between them, such as 1,2,5,10", param_hint="--curve")
    return tuple(int(number) for number in numbers)


def show_curve(numbers: Sequence[int], course: Callable[[Target, Sequence[int]], bench_curve.Course], as_json: bool) -> None:
    """Run the levels and print the curve with its knee; it has no bar to miss."""
    levels = finished(_on_rig(lambda own: bench_curve.curve(own, course(own, numbers), progress), NO_LIMITS))
    result = bench_curve.result(levels)
    if as_json:
        print(to_json({"curve": result}))
    else:
        Console().print(bench_curve.shown(levels), table("knee", result.figures))


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


async def _until_terminated(run: Coroutine[Any, Any, T]) -> T:
    async with asyncio.TaskGroup() as scope:
        task = scope.create_task(run)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return task.result()


async def _turns(
    at: str | None, draw: Callable[[Target], tuple[Question, ...]], concurrent: int, bars: dict[str, float], line: BadLine = BAD_LINES["good"]
) -> Result:
    async with target_at(at) as target:
        target.line = line
        took, load = await runs.turns(target, draw(target), concurrent, progress)
    return runs.turn_result(took, load, bars)


async def _on_target(at: str | None, run: Callable[[Target], Coroutine[Any, Any, Result]]) -> Result:
    async with target_at(at) as target:
        return await run(target)


async def _on_rig(run: Callable[[Rig], Coroutine[Any, Any, T]], overrides: Mapping[str, Any] | None = None) -> T:
    progress("starting a voicebot")
    async with rig(overrides) as own:
        return await run(own)


app.command("llm")(bench_llm.command(show, progress))
app.command("log")(bench_log.command(show, progress))

if __name__ == "__main__":
    main()
