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

from voicebot.commands.anger import evaluate_calls, evaluate_words
from voicebot.commands.asr import evaluate_asr
from voicebot.commands.customers import customers
from voicebot.commands.doctor import doctor
from voicebot.commands.kb import kb
from voicebot.commands.models import app as models
from voicebot.commands.options import AsJson, SettingsFile
from voicebot.commands.privacy import evaluate_redaction, privacy
from voicebot.commands.probe import probe
from voicebot.commands.staff import staff
from voicebot.commands.turns import evaluate_turns
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


app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    help="A telephony voice bot for Asterisk call centres.",
)
calls = typer.Typer(no_args_is_help=True, help="The call log.")
store = typer.Typer(no_args_is_help=True, help="The journal's database.")
evaluate = typer.Typer(no_args_is_help=True, help="How good the bot's judgements are, on recordings of your own.")
app.add_typer(kb, name="kb")
app.add_typer(customers, name="customers")
app.command()(doctor)
app.command()(probe)
app.add_typer(models, name="models")
app.add_typer(calls, name="calls")
app.add_typer(store, name="store")
app.add_typer(evaluate, name="evaluate")
evaluate.command("asr")(evaluate_asr)
evaluate.command("redaction")(evaluate_redaction)
evaluate.command("turns")(evaluate_turns)
evaluate.command("words")(evaluate_words)
evaluate.command("calls")(evaluate_calls)
app.add_typer(staff, name="staff")
app.add_typer(privacy, name="privacy")


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
def up(
    settings_file: SettingsFile = None, desk: Annotated[bool, typer.Option(help="The web desk of agents and supervisors as well.")] = True
) -> None:
    """Run the private Asterisk, the controller and the desk until Ctrl-C."""
    from voicebot.up import up as running

    _run(running(_ready(settings_file), settings_file, lambda plan: print(f"ready: SIP on {plan.sip_host}:{plan.sip_port}", flush=True), desk))


@app.command()
def pbx(settings_file: SettingsFile = None) -> None:
    """Run the private Asterisk alone until Ctrl-C."""
    _run(_pbx(_ready(settings_file)))


@app.command()
def desk(settings_file: SettingsFile = None) -> None:
    """Run the web desk of agents and supervisors until Ctrl-C."""
    from voicebot.desk.app import run as serving

    _run(serving(_ready(settings_file)))


@app.command("settings")
def settings_reference() -> None:
    """Print every setting with its default and its meaning, as a settings file."""
    from voicebot.settings.reference import reference

    print(reference(), end="")


@app.command()
def agents(settings_file: SettingsFile = None) -> None:
    """Show the SIP accounts of the agents' phones."""
    from voicebot.telephony.pbx_plan import plan

    found = plan(load(settings_file))
    for number, password in found.agents.items():
        print(f"{number}  {password}  sip:{number}@{found.sip_host}:{found.sip_port}")


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="Recordings (WAV, the caller on the left) and transcripts (txt, csv, json) of your own calls.")],
    language: str = "en",
    page: Annotated[Path, typer.Option(help="Where the page is written.")] = Path("replay.html"),
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """What the bot would have answered, asked, escalated and contained in calls that you have had; no telephone is needed."""
    from voicebot.replay.command import replay as replaying
    from voicebot.replay.rehearsal import totals
    from voicebot.replay.report import lines
    from voicebot.replay.report import page as drawn

    version, found = asyncio.run(replaying(folder, language, _ready(settings_file)))
    page.write_text(drawn(found, totals(found), version), encoding="utf-8")
    print(json.dumps([asdict(call) for call in found], ensure_ascii=False) if as_json else "\n".join([*lines(totals(found)), f"page: {page}"]))


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
    """Rebuild what is derived from the journal: the list of calls and what it is searched by."""
    from voicebot.store.projection import rebuild
    from voicebot.store.search_keeper import rebuild_at

    url = load(settings_file).store.url
    print(f"{asyncio.run(rebuild(url))} calls rebuilt from the journal")
    asyncio.run(rebuild_at(url))


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


@evaluate.command("matching")
def evaluate_matching(
    *,
    train: Annotated[Path, typer.Option(help="CSV with the columns text and category: what is learnt.")],
    test: Annotated[Path, typer.Option(help="The same columns: what is asked.")],
    shots: Annotated[int | None, typer.Option(help="Learn only so many examples of each category.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Draws these examples.", min=0)] = 0,
    out_of_scope: Annotated[str | None, typer.Option(help="The category of questions that have no answer.")] = None,
    language: str = "en",
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """How often the matcher of the calls is right on a labelled corpus, and how fast."""
    from voicebot.dialogue.embedding import embedding
    from voicebot.evaluate import matching

    settings, rows = load(settings_file), matching.read(train)
    learner = matching.Learner(language, embedding(language, settings), out_of_scope)
    found = asdict(matching.measure(matching.few(rows, shots, seed) if shots else rows, matching.read(test), learner))
    told = {name: value for name, value in found.items() if value is not None}
    print(json.dumps(told) if as_json else "\n".join(f"{name:<20}{value:.4g}" for name, value in told.items()))


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
