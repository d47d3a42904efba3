"""`voicebot evaluate turns`: when a caller's turn is taken for over, and when the bot lets itself be interrupted, on recordings of your own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from voicebot.commands.options import AsJson
from voicebot.settings import load


def evaluate_turns(
    recordings: Annotated[Path | None, typer.Argument(help="Folder of .wav, one turn each; left out: synthetic voices.")] = None,
    *,
    trials: Annotated[int, typer.Option(help="How many turns.", min=1)] = 200,
    language: Annotated[str, typer.Option(help="What is spoken.")] = "en",
    codec: Annotated[str, typer.Option(help="alaw or ulaw.")] = "ulaw",
    noise: Annotated[Path | None, typer.Option(help="A recording to hear behind the caller.")] = None,
    snr: Annotated[float, typer.Option(help="dB of speech above the noise.")] = 15.0,
    echo: Annotated[float, typer.Option(help="dB of the bot's echo while it speaks, below 0.", max=0)] = -15.0,
    echo_ms: Annotated[float, typer.Option(help="How late the echo comes.", min=0, max=2_000)] = 120.0,
    loss: Annotated[float, typer.Option(help="Percent of 20 ms packets lost.", min=0, max=100)] = 0.0,
    seed: Annotated[int, typer.Option(help="Which turns, pauses, packets.", min=0)] = 1,
    plot: Annotated[Path | None, typer.Option(help="Folder for turns.png.")] = None,
    settings_file: Annotated[Path | None, typer.Option("--settings", help="Names the recogniser and the holds.")] = None,
    as_json: AsJson = False,
) -> None:
    """End-of-turn delay against turns cut off, adaptive and fixed holds; interruptions taken by mistake and missed. Exit status 1 past the goal."""
    from voicebot.evaluate import turn_run, turns
    from voicebot.evaluate.telephone import Line
    from voicebot.logs import configure

    settings = load(settings_file)
    configure("error", "console")
    line = Line("PCMA" if codec == "alaw" else "PCMU", noise=noise, snr_db=snr, loss=loss / 100, seed=seed)
    found = asyncio.run(turn_run.run(settings, language, recordings, trials=trials, line=line, echo=turn_run.Echo(echo, echo_ms), seed=seed))
    points = turns.curves(found.turns, settings.turns)
    print(json.dumps({"points": turns.plain(points), "over_the_bot": found.over_bot}) if as_json else f"{turns.table(points)}\n{found.told()}")
    if beaten := turns.unbeaten(points):
        typer.echo(f"fixed holds the adaptive one does not beat: {', '.join(beaten)}", err=True)
    if plot:
        turn_run.draw(plot, points)
    raise typer.Exit(0 if turns.met(points) else 1)
