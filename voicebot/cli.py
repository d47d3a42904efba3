"""The `voicebot` command. Each command is a few lines: settings in, one part of the bot run, errors as one line."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Coroutine
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import uvloop

from voicebot.errors import VoicebotError, told
from voicebot.settings import Settings, load


class G711(StrEnum):
    """Codec of a telephone line."""

    ALAW = "alaw"
    ULAW = "ulaw"


class Known(StrEnum):
    """What an evaluation lets the bot know of a speaker beforehand."""

    CALM = "calm"
    NONE = "none"
    ANGRY = "angry"


SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file; voicebot.toml in this folder when left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, help="A telephony voice bot for Asterisk call centres.")
kb = typer.Typer(no_args_is_help=True, help="The knowledge base.")
calls = typer.Typer(no_args_is_help=True, help="The call log.")
store = typer.Typer(no_args_is_help=True, help="The journal's database.")
evaluate = typer.Typer(no_args_is_help=True, help="How good the bot's judgements are, on recordings of your own.")
app.add_typer(kb, name="kb")
app.add_typer(calls, name="calls")
app.add_typer(store, name="store")
app.add_typer(evaluate, name="evaluate")


def main() -> None:
    """Entry point: a VoicebotError is one line on standard error and exit status 1."""
    try:
        app()
    except (VoicebotError, BaseExceptionGroup) as error:
        for one in (ours := told(error)):
            print(f"voicebot: {one}", file=sys.stderr)
        if not ours:
            raise
        raise SystemExit(1) from None


@app.command()
def serve(settings_file: SettingsFile = None) -> None:
    """Run the controller: the server that Asterisk's control and media sockets come to."""
    gc.disable()  # all that is imported stays: to look at it again and again is a tenth of the start
    from voicebot.app import serve as serving

    gc.freeze()
    gc.enable()
    settings = _ready(settings_file)
    _run(serving(settings))


@app.command()
def up(settings_file: SettingsFile = None) -> None:
    """Run the private Asterisk and the controller until Ctrl-C."""
    from voicebot.up import up as running

    _run(running(_ready(settings_file), settings_file, lambda plan: print(f"ready: SIP on {plan.sip_host}:{plan.sip_port}", flush=True)))


@app.command()
def pbx(settings_file: SettingsFile = None) -> None:
    """Run the private Asterisk alone until Ctrl-C."""
    _run(_pbx(_ready(settings_file)))


@app.command()
def agents(settings_file: SettingsFile = None) -> None:
    """Show the SIP accounts of the agents' phones."""
    from voicebot.telephony.pbx_plan import plan

    found = plan(load(settings_file))
    for number, password in found.agents.items():
        print(f"{number}  {password}  sip:{number}@{found.sip_host}:{found.sip_port}")


@kb.command("check")
def kb_check(folder: Annotated[Path | None, typer.Argument(help="Folder of entries; the one in the settings when left out.")] = None) -> None:
    """Check every entry; each fault is named with its file and line."""
    from voicebot.dialogue.knowledge import check
    from voicebot.dialogue.knowledge import load as entries

    chosen = folder or load().kb.folder
    faults = check(chosen)
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)
    found = entries(chosen)
    languages = sorted({entry.language for entry in found.entries})
    print(f"{len(found.entries)} entries in {', '.join(languages)}, version {found.version}: no faults")


@kb.command("ask")
def kb_ask(text: str, language: str = "en", as_json: AsJson = False) -> None:
    """Show which entries a question matches, and how surely."""
    from voicebot.dialogue.knowledge import load as entries
    from voicebot.dialogue.matching import Matcher

    knowledge = entries(load().kb.folder)
    if not knowledge.language(language):
        raise VoicebotError(
            f"the knowledge base has no entries in {language!r}; languages: {', '.join(sorted({e.language for e in knowledge.entries}))}"
        )
    matches = Matcher.build(knowledge.language(language)).match(text)
    if as_json:
        print(json.dumps([{"entry_id": match.entry_id, "confidence": round(match.confidence, 4)} for match in matches]))
        return
    for match in matches:
        entry = knowledge.entry(match.entry_id, language)
        print(f"{match.confidence:.2f}  {match.entry_id:<24} {entry.answer if entry else ''}")


@calls.command("list")
def calls_list(settings_file: SettingsFile = None, limit: int = 20, as_json: AsJson = False) -> None:
    """List the latest calls."""
    from voicebot.store.calls import recent
    from voicebot.store.render import render_list, to_json

    found = asyncio.run(recent(load(settings_file).store.url, limit))
    if as_json:
        print(to_json(found))
    else:
        from rich.console import Console

        Console().print(render_list(found))


@calls.command("show")
def calls_show(call_id: str, settings_file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show one call: what was said, heard, decided and why, and how long each step took."""
    from voicebot.store.calls import show
    from voicebot.store.render import render_call, to_json

    found = asyncio.run(show(load(settings_file).store.url, call_id))
    if as_json:
        print(to_json(found))
    else:
        from rich.console import Console

        Console().print(render_call(found))


@store.command("rebuild")
def store_rebuild(settings_file: SettingsFile = None) -> None:
    """Rebuild what is derived from the journal: the list of calls."""
    from voicebot.store.projection import rebuild

    print(f"{asyncio.run(rebuild(load(settings_file).store.url))} calls rebuilt from the journal")


@store.command("check")
def store_check(settings_file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Check that the record of every call tells what may happen in a call; exit status 1 when one does not."""
    from voicebot.store.check import check, told
    from voicebot.store.render import printable

    found = asyncio.run(check(load(settings_file).store.url))
    print(printable(msgspec.json.encode(found).decode()) if as_json else "\n".join(map(printable, told(found))))
    if found.wrong:
        raise typer.Exit(1)


@evaluate.callback()
def evaluating() -> None:
    """How good the bot's judgements are, on recordings of your own."""


@evaluate.command("anger")
def evaluate_anger(
    *,
    manifest: Annotated[Path, typer.Option(help="CSV: path, speaker, label (anger|other), kind, language, text, baseline, and sex if known.")],
    out: Annotated[Path | None, typer.Option(help="The manifest again, with a score for each row.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Folder for roc.png and reliability.png.")] = None,
    codec: Annotated[G711, typer.Option(help="The line.")] = G711.ULAW,
    gain: Annotated[float, typer.Option(help="dB before the codec.", min=-40, max=40)] = 0.0,
    noise: Annotated[Path | None, typer.Option(help="A recording to hear behind the speech.")] = None,
    snr: Annotated[float, typer.Option(help="dB of speech above the noise.", min=-20, max=60)] = 15.0,
    loss: Annotated[float, typer.Option(help="Percent of 20 ms packets lost.", min=0, max=100)] = 0.0,
    reference: Annotated[Known, typer.Option(help="Heard of each speaker before: two baseline utterances, none, two angry ones.")] = Known.CALM,
    parameters: Annotated[Path | None, typer.Option(help="Parameters of the voice model; the shipped ones when left out.")] = None,
    seed: Annotated[int, typer.Option(help="Draws the reference utterances.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Score each recording's anger from the voice, as heard over a telephone line, and show how well that tells anger."""
    from voicebot.emotion.voice import FITTED, Voice
    from voicebot.evaluate import anger, plots
    from voicebot.evaluate import manifest as listed
    from voicebot.evaluate.telephone import Line

    rows, voice = listed.read(manifest), Voice.load(parameters or FITTED)
    heard = anger.listen(rows, manifest, Line("PCMA" if codec is G711.ALAW else "PCMU", gain, noise, snr, loss / 100))
    scored = anger.score(rows, heard, reference.value, lambda _: voice, seed)
    found = anger.report(scored)
    print(json.dumps({"unheard": scored.unheard, "figures": [asdict(part) for part in found]}) if as_json else anger.table(found, scored.unheard))
    if out:
        anger.write_scores(out, manifest, scored)
    if plot:
        plots.draw(plot, *scored.kept()[1:])


def _ready(settings_file: Path | None) -> Settings:
    from voicebot.logs import configure

    settings = load(settings_file)
    configure(settings.log.level, settings.log.format)
    return settings


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    uvloop.run(coroutine)


async def _pbx(settings: Settings) -> None:
    from voicebot.telephony.pbx import PrivateAsterisk
    from voicebot.telephony.pbx_plan import plan
    from voicebot.up import stopped_by_signal

    stop = stopped_by_signal()
    async with PrivateAsterisk(plan(settings)) as asterisk:
        print(f"ready: SIP on {asterisk.plan.sip_host}:{asterisk.sip_port}", flush=True)
        await stop.wait()
