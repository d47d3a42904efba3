"""Options that many commands have, said once. Nothing here acts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file; voicebot.toml in this folder when left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
