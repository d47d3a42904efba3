"""`scripts/bench`: figures of a voicebot under test calls, as a table or as JSON. It starts one of its own, or calls the one named by --at."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from voicebot.errors import VoicebotError, innermost, told
from voicebot.testbed import (
    bench_conversations,
    bench_curve,
    bench_desks,
    bench_faults,
    bench_fuzz,
    bench_llm,
    bench_log,
    bench_mandarin,
    bench_silent,
    bench_soak,
    bench_turns,
    bench_wall,
    bench_whisper,
)
from voicebot.testbed import bench_runs as runs
from voicebot.testbed.badlines import BAD_LINES, BadLine
from voicebot.testbed.bench_command import AsJson, At, Seed, Trials, Wordings, drawn, finished, on_rig, on_target, progress, show, target_at
from voicebot.testbed.bench_figures import Result, table, to_json
from voicebot.testbed.bench_load import NO_LIMITS
from voicebot.testbed.questions import Question
from voicebot.testbed.rig import Target
from voicebot.testbed.strikes import FAULTS

CURVE_WORDINGS = 60
"""How many questions the callers of a curve have between them; each asks all of them in an order of its own, again and again."""

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
    show(f"{number} silent calls", lambda: on_rig(lambda own: bench_silent.silent(own, number, seconds, progress), bench_silent.SETTINGS), as_json)


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
    show(f"soak, seed {seed}", lambda: on_rig(lambda own: bench_soak.soak(own, size, progress), bench_soak.SETTINGS), as_json)


@app.command("barge-in")
def barge_in(trials: Trials = 20, seed: Seed = 1, at: At = None, as_json: AsJson = False) -> None:
    """From the caller's voice to the bot's silence."""
    show("barge-in", lambda: on_target(at, lambda target: runs.barge_in(target, drawn(target, trials, seed), seed, progress)), as_json)


@app.command()
def backchannel(trials: Trials = 20, seed: Seed = 1, as_json: AsJson = False) -> None:
    """Does the bot go on after "mm-hm"?"""
    show("backchannel", lambda: on_rig(lambda own: runs.backchannel(own, drawn(own, trials, seed), seed, progress)), as_json)


@app.command()
def turns(trials: Trials = 200, seed: Seed = 1, as_json: AsJson = False) -> None:
    """Interruptions, murmurs and noises over the bot, without a telephone."""
    show(f"turns, seed {seed}", lambda: bench_turns.turns(trials, seed, progress), as_json)


@app.command()
def pauses(trials: Trials = 40, seed: Seed = 1, as_json: AsJson = False) -> None:
    """Does a pause of 500 ms between two words end the turn?"""
    show("pauses", lambda: on_rig(lambda own: runs.pauses(own, drawn(own, trials, seed), seed, progress)), as_json)


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


@app.command()
def handover(trials: Trials = 10, seed: Seed = 1, as_json: AsJson = False) -> None:
    """From the decision for a person to the queue."""
    show("handover", lambda: on_rig(lambda own: runs.handover(own, drawn(own, trials, seed), seed, progress)), as_json)


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


def counts(text: str) -> tuple[int, ...]:
    """Numbers of calls, written "1,2,5"."""
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise typer.BadParameter(f"{text!r}: write numbers of calls with commas between them, such as 1,2,5,10", param_hint="--curve")
    return tuple(int(number) for number in numbers)


def show_curve(numbers: Sequence[int], course: Callable[[Target, Sequence[int]], bench_curve.Course], as_json: bool) -> None:
    """Run the levels and print the curve with its knee; it has no bar to miss."""
    levels = finished(on_rig(lambda own: bench_curve.curve(own, course(own, numbers), progress), NO_LIMITS))
    result = bench_curve.result(levels)
    if as_json:
        print(to_json({"curve": result}))
    else:
        Console().print(bench_curve.shown(levels), table("knee", result.figures))


async def _turns(
    at: str | None, draw: Callable[[Target], tuple[Question, ...]], concurrent: int, bars: dict[str, float], line: BadLine = BAD_LINES["good"]
) -> Result:
    async with target_at(at) as target:
        target.line = line
        took, load = await runs.turns(target, draw(target), concurrent, progress)
    return runs.turn_result(took, load, bars)


app.command("conversations")(bench_conversations.command(finished, progress))
app.command("desks")(bench_desks.command(show, progress))
app.command("llm")(bench_llm.command(show, progress))
app.command("log")(bench_log.command(show, progress))
app.command("wall")(bench_wall.command(show, progress))

if __name__ == "__main__":
    main()
