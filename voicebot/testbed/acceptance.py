"""`scripts/acceptance [NAME…]`: each check that the project promises to pass, with its target, the figure measured now, and the verdict.

It calls the voicebot as a caller would, over SIP; it shares nothing with the bot's own measurements but the journal where a figure needs it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from voicebot.errors import VoicebotError, innermost
from voicebot.settings import load
from voicebot.testbed import acceptance_errors, bench_anger, bench_conversations, bench_curve, bench_faults, bench_silent, bench_soak, bench_whisper
from voicebot.testbed import bench_runs as runs
from voicebot.testbed.bench import CURVE_WORDINGS, counts
from voicebot.testbed.bench_command import AsJson, At, Seed, drawn, finished, progress
from voicebot.testbed.bench_figures import Figure, Result, table, to_json
from voicebot.testbed.bench_load import NO_LIMITS
from voicebot.testbed.g711 import Codec
from voicebot.testbed.rig import Rig, Target, at_home, attached, rig

QUESTIONS = 10
LIVE_CALLS = 10
HANG_UPS = 50
WHISPER_PASSES = 20
SILENT_CALLS, SILENT_S = 100, 60.0
TALK, LEVEL_S = 40.0, 60.0
"""Callers of `curve` speak so many per cent of the time; each level lasts so long at least."""
MANDARIN = "conversations-zh"
"""Needs a model, and is left out of all checks where none is given."""


@dataclass(frozen=True)
class Scale:
    """What is drawn, and how far the long checks go."""

    seed: int = 1
    soak_calls: int = 300
    curve: tuple[int, ...] = (1, 5, 10)
    mandarin: Path | None = None
    """The folder of a Mandarin PocketSphinx model; None: the one in the settings."""


@dataclass(frozen=True)
class OnTarget:
    """A check that hears only what a caller hears: it can be put to any voicebot."""

    run: Callable[[Target, Scale], Awaitable[Result]]


@dataclass(frozen=True)
class OnRig:
    """A check that also needs journal, console or processes of a voicebot of our own; `fresh`: of one that nothing else has used, with `settings`."""

    run: Callable[[Rig, Scale], Awaitable[Result]]
    fresh: bool = False
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Alone:
    """A check that needs no voicebot that runs, or that breaks one of its own."""

    run: Callable[[], Awaitable[Result]]


@dataclass(frozen=True)
class Seeded:
    """A check that draws, and sets up a voicebot of its own."""

    run: Callable[[Scale], Awaitable[Result]]


Check = OnTarget | OnRig | Alone | Seeded


async def questions(target: Target, seed: int, codec: Codec) -> Result:
    """Ten questions in wordings the knowledge base does not have: at least nine right answers heard."""
    took, _ = await runs.turns(target, drawn(target, QUESTIONS, seed, codecs=(codec,)), 1, progress)
    return runs.right_result(took, 90)


async def turns(target: Target, seed: int, concurrent: int, trials: int, bars: Mapping[str, float]) -> Result:
    """Mouth-to-ear for one call, or for many at once."""
    took, load = await runs.turns(target, drawn(target, trials, seed), concurrent, progress)
    return runs.turn_result(took, load, bars)


async def soak(own: Rig, seed: int, calls: int) -> Result:
    """Calls hung up at random moments: afterwards nothing is left of them."""
    return await bench_soak.soak(own, bench_soak.Size(calls, seed=seed), progress)


async def curve(own: Rig, scale: Scale) -> Result:
    """Mouth-to-ear against the number of calls."""
    course = bench_curve.Course(scale.curve, TALK, LEVEL_S, drawn(own, CURVE_WORDINGS, scale.seed))
    return bench_curve.result(await bench_curve.curve(own, course, progress))


async def conversations(language: str, scale: Scale) -> Result:
    """The lead's conversations: nine of ten to their stated end, the others to a person, nobody in silence."""
    return await bench_conversations.conversations(bench_conversations.Choice(language, seed=scale.seed, model=scale.mandarin), progress)


CHECKS: Mapping[str, Check] = {
    "questions-ulaw": OnTarget(lambda target, scale: questions(target, scale.seed, "PCMU")),
    "questions-alaw": OnTarget(lambda target, scale: questions(target, scale.seed + 1, "PCMA")),
    "turns-1": OnTarget(lambda target, scale: turns(target, scale.seed, 1, 20, {"p50": 700, "p95": 1_100})),
    "turns-10": OnTarget(lambda target, scale: turns(target, scale.seed, 10, 60, {"p95": 1_500})),
    "barge-in": OnTarget(lambda target, scale: runs.barge_in(target, drawn(target, 20, scale.seed), scale.seed, progress)),
    "backchannel": OnRig(lambda own, scale: runs.backchannel(own, drawn(own, 20, scale.seed), scale.seed, progress)),
    "pauses": OnRig(lambda own, scale: runs.pauses(own, drawn(own, 40, scale.seed), scale.seed, progress)),
    "handover": OnRig(lambda own, scale: runs.handover(own, drawn(own, 10, scale.seed), scale.seed, progress)),
    "kill": Alone(lambda: bench_faults.measured("kill", LIVE_CALLS, 1, progress)),
    "controller-down": Alone(lambda: bench_faults.measured("invite-down", LIVE_CALLS, 1, progress)),
    "hangups": OnRig(lambda own, scale: soak(own, scale.seed, HANG_UPS), fresh=True, settings=bench_soak.SETTINGS),
    "soak": OnRig(lambda own, scale: soak(own, scale.seed, scale.soak_calls), fresh=True, settings=bench_soak.SETTINGS),
    "silent": OnRig(lambda own, _: bench_silent.silent(own, SILENT_CALLS, SILENT_S, progress), fresh=True, settings=bench_silent.SETTINGS),
    "curve": OnRig(curve, fresh=True, settings=NO_LIMITS),
    "whisper": Alone(lambda: bench_whisper.whisper(WHISPER_PASSES, progress)),
    "anger": Alone(lambda: bench_anger.anger(load().speech.cache, progress)),
    "conversations-en": Seeded(lambda scale: conversations("en", scale)),
    MANDARIN: Seeded(lambda scale: conversations("zh", scale)),
    "errors": Alone(lambda: acceptance_errors.errors(at_home(load()), progress)),
}


class Stage:
    """The voicebots that checks run against: one shared, started when first needed, and fresh ones."""

    def __init__(self, stack: AsyncExitStack, at: str | None) -> None:
        self._stack = stack
        self._at = at
        self._shared: Rig | None = None

    async def result(self, check: Check, scale: Scale) -> Result:
        """Raises VoicebotError when the check cannot be run here."""
        match check:
            case Alone(run):
                return await run()
            case Seeded(run):
                return await run(scale)
            case OnTarget(run) if self._at is not None:
                return await run(attached(self._at), scale)
            case OnTarget(run):
                return await run(await self._own(), scale)
            case OnRig() if self._at is not None:
                raise VoicebotError("needs the journal and the processes of a voicebot of its own; leave out --at")
            case OnRig(run, fresh=False):
                return await run(await self._own(), scale)
            case OnRig(run, settings=settings):
                async with rig(settings) as fresh:
                    return await run(fresh, scale)

    async def _own(self) -> Rig:
        if self._shared is None:
            progress("starting a voicebot")
            self._shared = await self._stack.enter_async_context(rig())
        return self._shared


async def results(names: Sequence[str], at: str | None, scale: Scale, on_result: Callable[[str, Result], None]) -> dict[str, Result]:
    """Run the checks one after the other; one that could not be run has failed."""
    found: dict[str, Result] = {}
    async with AsyncExitStack() as stack:
        stage = Stage(stack, at)
        for name in names:
            progress(name)
            try:
                found[name] = await stage.result(CHECKS[name], scale)
            except (VoicebotError, ExceptionGroup) as error:
                found[name] = _failed(error)
            on_result(name, found[name])
    return found


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Which checks: {', '.join(CHECKS)}. All when left out.")] = None,
    *,
    seed: Seed = 1,
    soak_calls: Annotated[int, typer.Option(min=1, help="How many calls `soak` places; all of the promise is 2000.")] = 300,
    numbers: Annotated[str, typer.Option("--curve", metavar="N,N,…", help="The numbers of calls of `curve`.")] = "1,5,10",
    mandarin: Annotated[Path | None, typer.Option(help=f"For {MANDARIN}: the folder of an 8 kHz PocketSphinx model.")] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Measure what the project promises; exit status 1 when any check fails."""
    if unknown := [name for name in names or () if name not in CHECKS]:
        raise typer.BadParameter(f"no check {', '.join(unknown)}; the checks are {', '.join(CHECKS)}")
    told = _quiet if as_json else _tell
    chosen = names or [name for name in CHECKS if name != MANDARIN or mandarin or "zh" in load().speech.pocketsphinx]
    found = finished(results(chosen, at, Scale(seed, soak_calls, counts(numbers), mandarin), told))
    if as_json:
        print(to_json(found))
    failed = [name for name, result in found.items() if not result.passed]
    which = f"; failed: {', '.join(failed)}" if failed else ""
    print(f"acceptance: {len(found) - len(failed)} of {len(found)} checks passed{which}", file=sys.stderr)
    raise typer.Exit(1 if failed else 0)


def _tell(name: str, result: Result) -> None:
    Console().print(table(f"{name}: {'pass' if result.passed else 'FAIL'}", result.figures))


def _quiet(_name: str, _result: Result) -> None:
    """JSON comes at the end, in one piece."""


def _failed(error: BaseException) -> Result:
    cause = innermost(error)
    if not isinstance(cause, VoicebotError | TimeoutError):
        raise error
    return Result((Figure(f"could not be measured: {cause or 'time ran out'}", math.nan, bar=0),))


if __name__ == "__main__":
    typer.run(main)
