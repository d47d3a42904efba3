"""`voicebot doctor`: the report, for a person or a program. The exit status is 1 when something is broken."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from voicebot.commands.options import AsJson, SettingsFile
from voicebot.settings import load

STYLES = {"best": "green", "lower": "yellow", "broken": "bold red"}


def doctor(settings_file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show what each part stands on, what that costs, and how to climb; exit status 1 when something is broken."""
    from voicebot.doctor import broken, examine
    from voicebot.doctor.jobs import JOBS
    from voicebot.doctor.machine import MACHINE

    findings = examine(load(settings_file), {**JOBS, **MACHINE})
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        shown = Table(box=None, pad_edge=False, title="green: the best there is; yellow: works, could be better; red: broken", title_justify="left")
        for column in ("job", "stands on", "what that costs", "to climb"):
            shown.add_column(column, overflow="fold")
        for finding in findings:
            style = STYLES[finding.standing.value]
            shown.add_row(finding.job, f"[{style}]{escape(finding.rung)}[/]", escape(finding.costs), escape(finding.climb))
        Console().print(shown)
    if broken(findings):
        raise typer.Exit(1)
