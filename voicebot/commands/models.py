"""`voicebot models`: what weights there are, fetch them, verify them, say where they lie."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot import models
from voicebot.commands.options import AsJson, SettingsFile
from voicebot.models import Model, State
from voicebot.settings import load

if TYPE_CHECKING:
    from rich.table import Table

    from voicebot.models.fetch import Progress

Which = Annotated[str, typer.Argument(metavar="TIER|NAME", help=f"{', '.join(models.TIERS)}, or the name of one model.")]

SETTING = {
    "whisper": '[speech] whisper_model = "{name}"',
    "piper": '[speech.voices] {language} = "{name}"',
    "llama": '[llm] engine = "llama", model = "{path}"',
}
"""What to write into the settings for a model to be used."""

app = typer.Typer(no_args_is_help=True, help="Weights: what there is, fetch it, verify it. None is needed to run.")


@app.command("list")
def list_models(settings_file: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show every model of the manifest and whether it is here."""
    folder = load(settings_file).models.folder
    found = {model: models.state(model, folder, read_through=False) for model in models.read()}
    if as_json:
        print(json.dumps([_plain(model, state) for model, state in found.items()]))
    else:
        from rich.console import Console

        Console().print(_table(found))


@app.command()
def pull(what: Which = "small", settings_file: SettingsFile = None) -> None:
    """Fetch what is missing of a tier or a model; go on where the last pull was broken off."""
    from voicebot.models import fetch

    settings = load(settings_file).models
    wanted = models.chosen(models.read(), what)
    with _progress(wanted) as told:
        for model in wanted:
            fetch.pull(model, settings.folder, settings.mirror, told(model))
    for model in wanted:
        path = settings.folder / model.name
        print(f"{model.name}: {SETTING[model.engine].format(name=model.name, language=model.languages[0], path=path / model.files[0].name)}")


@app.command()
def verify(
    what: Annotated[str, typer.Argument(metavar="[TIER|NAME]", help="All that is here when left out.")] = "",
    settings_file: SettingsFile = None,
) -> None:
    """Compare sizes and checksums with the manifest; exit status 1 when a file is missing or wrong."""
    folder, known = load(settings_file).models.folder, models.read()
    wanted = models.chosen(known, what) if what else tuple(model for model in known if (folder / model.name).is_dir())
    broken = False
    for model in wanted:
        for file in model.files:
            state = models.file_state(file, folder / model.name)
            broken = broken or state not in {State.WHOLE, State.UNKNOWN}
            print(f"{model.name}/{file.name}: {state.value}")
    if not wanted:
        print(f"no model of the manifest lies in {folder}; `voicebot models pull` fetches some")
    if broken:
        raise typer.Exit(1)


@app.command()
def path(name: str, settings_file: SettingsFile = None) -> None:
    """Print the folder of a model; exit status 1 when it is not whole there."""
    folder = load(settings_file).models.folder
    (model,) = models.chosen(models.read(), name)[:1]
    print(folder / model.name)
    if models.state(model, folder, read_through=False) is not State.WHOLE:
        raise typer.Exit(1)


def _plain(model: Model, state: State) -> dict[str, object]:
    return {
        "name": model.name,
        "engine": model.engine,
        "tiers": list(model.tiers),
        "languages": list(model.languages),
        "bytes": model.size if all(file.size for file in model.files) else None,
        "licence": model.licence,
        "state": state.value,
    }


def _table(found: Mapping[Model, State]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for column in ("name", "engine", "tiers", "languages", "size", "licence", "here", "note"):
        shown.add_column(column, justify="right" if column == "size" else "left", overflow="fold")
    for model, state in found.items():
        tiers, languages = " ".join(model.tiers) or "by name", " ".join(model.languages)
        shown.add_row(model.name, model.engine, tiers, languages, megabytes(model), model.licence, state.value, escape(model.note))
    return shown


def megabytes(model: Model) -> str:
    """Size for a person; a plus where not every file's is known."""
    return f"{model.size / 1e6:,.0f} MB{'' if all(file.size for file in model.files) else ' +'}" if model.size else "unknown"


@contextmanager
def _progress(wanted: Sequence[Model]) -> Iterator[Callable[[Model], Progress]]:
    """A bar for each file while it comes; off a terminal nothing but errors is shown."""
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.DownloadColumn(), progress.TransferSpeedColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        names = [(model.name, file) for model in wanted for file in model.files]
        tasks = {(name, file): bars.add_task(f"{name}/{file.name}", total=file.size or None) for name, file in names}
        yield lambda model: lambda file, size: bars.update(tasks[model.name, file], completed=size)
