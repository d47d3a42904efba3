"""`voicebot evaluate asr`: how well callers are understood, on recordings of your own, over lines as bad as you choose."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.commands.options import AsJson
from voicebot.errors import EvaluationError
from voicebot.settings import Settings, load

if TYPE_CHECKING:
    from voicebot.evaluate.asr import Heard, Recording
    from voicebot.evaluate.telephone import Line
    from voicebot.testbed.g711 import Codec

CODECS: Mapping[str, Codec] = {"alaw": "PCMA", "ulaw": "PCMU"}


def evaluate_asr(
    recordings: Annotated[Path, typer.Argument(help="CSV with columns path and text, or a folder of .wav and .txt of the same name.")],
    *,
    language: Annotated[str, typer.Option(help="What is spoken.")] = "en",
    codec: Annotated[str, typer.Option(help="alaw, ulaw, or both with a comma between.")] = "alaw,ulaw",
    gain: Annotated[float, typer.Option(help="dB before the codec.", min=-40, max=40)] = 0.0,
    noise: Annotated[Path | None, typer.Option(help="A recording to hear behind the speech.")] = None,
    snr: Annotated[str, typer.Option(help="dB of speech above the noise; several with commas between.")] = "15",
    echo: Annotated[float | None, typer.Option(help="dB of an echo, below 0.", max=0)] = None,
    echo_ms: Annotated[float, typer.Option(help="How late the echo comes.", min=0, max=2_000)] = 120.0,
    echo_of: Annotated[Path | None, typer.Option(help="What echoes, such as a phrase of the bot; the speech itself when left out.")] = None,
    loss: Annotated[float, typer.Option(help="Percent of 20 ms packets lost.", min=0, max=100)] = 0.0,
    seed: Annotated[int, typer.Option(help="Which packets and which part of the noise.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="CSV of what was heard of each recording.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Folder for errors.png and confidence.png.")] = None,
    settings_file: Annotated[Path | None, typer.Option("--settings", help="Names the recogniser and the knowledge base.")] = None,
    as_json: AsJson = False,
) -> None:
    """Word and character error of the recogniser that the settings name, over telephone lines."""
    from voicebot.evaluate import asr
    from voicebot.evaluate.telephone import Line
    from voicebot.logs import configure

    settings = load(settings_file)
    configure(settings.log.level, "console")
    lines = {
        name: Line(kind, gain, noise, level, loss / 100, echo_db=echo, echo_ms=echo_ms, echo_of=echo_of, seed=seed)
        for name, kind, level in _lines(codec, noise, snr, echo, loss)
    }
    heard = asyncio.run(_listen(settings, language, asr.recordings(recordings), lines))
    found = [asr.figures(name, each, seed) for name, each in heard.items()]
    print(json.dumps([asr.plain(one) for one in found]) if as_json else asr.table(found))
    if out:
        asr.write(out, heard)
    if plot:
        from voicebot.evaluate.asr_plots import draw

        draw(plot, found, [one for each in heard.values() for one in each])


def _lines(codec: str, noise: Path | None, snr: str, echo: float | None, loss: float) -> list[tuple[str, Codec, float]]:
    """Name, codec and signal-to-noise ratio of each line that is asked for. Raises EvaluationError."""
    names = [name.strip() for name in codec.split(",")]
    if unknown := [name for name in names if name not in CODECS]:
        raise EvaluationError(f"no codec {', '.join(unknown)}; the codecs are alaw and ulaw")
    try:
        levels = [float(level) for level in snr.split(",")] if noise else [0.0]
    except ValueError:
        raise EvaluationError(f"{snr!r} is no signal-to-noise ratio; write dB, such as 20,10,5") from None
    for path in filter(None, [noise]):
        if not path.is_file():
            raise EvaluationError(f"{path}: no such recording of noise")
    more = [f"echo {echo:g} dB"] if echo is not None else []
    more += [f"{loss:g} % lost"] if loss else []
    behind = {level: [f"{noise.stem} {level:g} dB"] if noise else [] for level in levels}
    return [(", ".join([name, *behind[level], *more]), CODECS[name], level) for name, level in product(names, levels)]


async def _listen(settings: Settings, language: str, found: list[Recording], lines: dict[str, Line]) -> dict[str, list[Heard]]:
    """Start the recogniser as a call would have it, and let it hear every line. Raises EvaluationError when the language has none."""
    from voicebot.dialogue.knowledge import load as knowledge
    from voicebot.evaluate import asr
    from voicebot.languages import Ladder, wordings

    entries = knowledge(settings.kb.folder).language(language)
    async with AsyncExitStack() as stack:
        ladder = Ladder(stack, settings, language, await asyncio.to_thread(wordings, entries, language))
        recogniser = await ladder.ready(await ladder.launched())
        if recogniser is None:
            raise EvaluationError(f"no recogniser for {language!r}; `voicebot doctor` says how to get one")
        return {name: await asr.listen(recogniser, found, line, _progress) for name, line in lines.items()}


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{of} recordings", end="\n" if done == of else "", file=sys.stderr, flush=True)
