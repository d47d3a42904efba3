"""`scripts/acceptance [NAME…]`: each check that the project promises to pass, with its target, the figure measured now, and the verdict.

It calls the voicebot as a caller would, over SIP; it shares nothing with the bot's own measurements but the journal where a figure needs it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from voicebot.errors import VoicebotError, innermost
from voicebot.settings import load
from voicebot.testbed import acceptance_errors, acceptance_faults
from voicebot.testbed import bench_runs as runs
from voicebot.testbed.bench import AsJson, At, Seed, drawn, finished, progress
from voicebot.testbed.bench_figures import Figure, Result, table, to_json
from voicebot.testbed.g711 import Codec
from voicebot.testbed.rig import Rig, Target, at_home, attached, rig
from voicebot.testbed.synth import synth

QUESTIONS = 10


@dataclass(frozen=True)
class OnTarget:
    """A check that hears only what a caller hears: it can be put to any voicebot."""

    run: Callable[[Target, int], Awaitable[Result]]


@dataclass(frozen=True)
class OnRig:
    """A check that also needs journal, console or processes of a voicebot of our own; `fresh`: of one that nothing else has used."""

    run: Callable[[Rig, int], Awaitable[Result]]
    fresh: bool = False


@dataclass(frozen=True)
class Alone:
    """A check that needs no voicebot that runs."""

    run: Callable[[], Awaitable[Result]]


Check = OnTarget | OnRig | Alone


async def questions(target: Target, seed: int, codec: Codec) -> Result:
    """Ten questions in wordings the knowledge base does not have: at least nine right answers heard."""
    took, _ = await runs.turns(target, drawn(target, QUESTIONS, seed, codecs=(codec,)), 1, progress)
    return runs.right_result(took, 90)


async def turns(target: Target, seed: int, concurrent: int, trials: int, bars: Mapping[str, float]) -> Result:
    """Mouth-to-ear for one call, or for many at once."""
    took, load = await runs.turns(target, drawn(target, trials, seed), concurrent, progress)
    return runs.turn_result(took, load, bars)


async def hangups(own: Rig, seed: int) -> Result:
    """See acceptance_faults."""
    question = await synth("how can I pay my bill", "flite:rms", runs.SPEECH)
    return await acceptance_faults.hangups(own, seed, progress, question)


CHECKS: Mapping[str, Check] = {
    "questions-ulaw": OnTarget(lambda target, seed: questions(target, seed, "PCMU")),
    "questions-alaw": OnTarget(lambda target, seed: questions(target, seed + 1, "PCMA")),
    "turns-1": OnTarget(lambda target, seed: turns(target, seed, 1, 20, {"p50": 700, "p95": 1_100})),
    "turns-10": OnTarget(lambda target, seed: turns(target, seed, 10, 60, {"p95": 1_500})),
    "barge-in": OnTarget(lambda target, seed: runs.barge_in(target, drawn(target, 20, seed), seed, progress)),
    "backchannel": OnRig(lambda own, seed: runs.backchannel(own, drawn(own, 20, seed), seed, progress)),
    "pauses": OnRig(lambda own, seed: runs.pauses(own, drawn(own, 40, seed), seed, progress)),
    "handover": OnRig(lambda own, seed: runs.handover(own, drawn(own, 10, seed), seed, progress)),
    "kill": OnRig(lambda own, seed: acceptance_faults.kill(own, seed, progress), fresh=True),
    "controller-down": OnRig(lambda own, seed: acceptance_faults.controller_down(own, seed, progress), fresh=True),
    "hangups": OnRig(hangups, fresh=True),
    "errors": Alone(lambda: acceptance_errors.errors(at_home(load()), progress)),
}


class Stage:
    """The voicebots that checks run against: one shared, started when first needed, and fresh ones."""

    def __init__(self, stack: AsyncExitStack, at: str | None) -> None:
        self._stack = stack
        self._at = at
        self._shared: Rig | None = None

    async def result(self, check: Check, seed: int) -> Result:
        """Raises VoicebotError when the check cannot be run here."""
        match check:
            case Alone(run):
                return await run()
            case OnTarget(run) if self._at is not None:
                return await run(attached(self._at), seed)
            case OnTarget(run):
                return await run(await self._own(), seed)
            case OnRig() if self._at is not None:
                raise VoicebotError("needs the journal and the processes of a voicebot of its own; leave out --at")
            case OnRig(run, fresh=False):
                return await run(await self._own(), seed)
            case OnRig(run):
                async with rig() as fresh:
                    return await run(fresh, seed)

    async def _own(self) -> Rig:
        if self._shared is None:
            progress("starting a voicebot")
            self._shared = await self._stack.enter_async_context(rig())
        return self._shared


async def results(names: Sequence[str], at: str | None, seed: int, on_result: Callable[[str, Result], None]) -> dict[str, Result]:
    """Run the checks one after the other; one that could not be run has failed."""
    found: dict[str, Result] = {}
    async with AsyncExitStack() as stack:
        stage = Stage(stack, at)
        for name in names:
            progress(name)
            try:
                found[name] = await stage.result(CHECKS[name], seed)
            except (VoicebotError, ExceptionGroup) as error:
                found[name] = _failed(error)
            on_result(name, found[name])
    return found


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Which checks: {', '.join(CHECKS)}. All when left out.")] = None,
    seed: Seed = 1,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Measure what the project promises; exit status 1 when any check fails."""
    if unknown := [name for name in names or () if name not in CHECKS]:
        raise typer.BadParameter(f"no check {', '.join(unknown)}; the checks are {', '.join(CHECKS)}")
    told = _quiet if as_json else _tell
    found = finished(results(names or list(CHECKS), at, seed, told))
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
