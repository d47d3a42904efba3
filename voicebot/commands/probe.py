"""`voicebot probe`: one synthetic call, for a timer. Exit status 0 when a caller was greeted and answered; its figures go to Prometheus by a file."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from voicebot.commands.options import AsJson, SettingsFile
from voicebot.errors import VoicebotError
from voicebot.settings import load


def probe(
    *,
    hotline: Annotated[str, typer.Option(help="Number to dial.")] = "100",
    at: Annotated[str, typer.Option(help="host:port of the Asterisk; the private one of the settings when left out.")] = "",
    entry: Annotated[str, typer.Option(help="Entry to ask for; the first in the menu when left out.")] = "",
    textfile: Annotated[Path | None, typer.Option(help="File for Prometheus' node exporter, NAME.prom in its folder.")] = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Call a hotline, hear the greeting, ask a question of the knowledge base, expect its answer; exit status 1 when a caller would complain."""
    from voicebot.dialogue import knowledge
    from voicebot.testbed import probe as probing
    from voicebot.testbed.rig import Target, attached

    settings = load(settings_file)
    if hotline not in settings.hotlines:
        raise VoicebotError(f"{hotline}: no such hotline; there are {', '.join(settings.hotlines)}")
    address = attached(at).address if at else (settings.pbx.sip_host, settings.pbx.sip_port)
    valid = knowledge.load(settings.kb.folder).on(datetime.now(UTC).astimezone().date())
    question = probing.chosen(valid.entries, entry, settings.hotlines[hotline].language)
    found = asyncio.run(probing.probe(Target(address, settings), hotline, question, settings.speech.cache / "callers"))
    if textfile:
        probing.write(textfile, probing.figures(found, time.time()))
    if as_json:
        print(json.dumps({**asdict(found), "failed": found.failed}))
    elif found.failed:
        raise VoicebotError(f"probe of {hotline}: {found.failed}")
    else:
        print(f"{hotline}: greeted, and {question.entry_id} answered after {found.answer_s or 0:.1f} s")
    if found.failed:
        raise typer.Exit(1)
