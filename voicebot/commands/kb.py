"""`voicebot kb`: the knowledge base checked, asked, tested, filled and counted. Each command is a few lines around one part of dialogue."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.commands.options import AsJson
from voicebot.errors import KnowledgeError
from voicebot.settings import load

if TYPE_CHECKING:
    from voicebot.dialogue.knowledge import Knowledge
    from voicebot.dialogue.matching import Matcher

kb = typer.Typer(no_args_is_help=True, help="The knowledge base.")

Folder = Annotated[Path | None, typer.Argument(help="Folder of entries; the one in the settings when left out.")]


@kb.command("check")
def check(folder: Folder = None) -> None:
    """Check every entry; each fault is named with its file and line."""
    from voicebot.dialogue import knowledge

    chosen = folder or load().kb.folder
    faults = knowledge.check(chosen)
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)
    found = knowledge.load(chosen)
    print(f"{len(found.entries)} entries in {', '.join(found.languages())}, version {found.version}: no faults")


@kb.command("ask")
def ask(text: str, language: str = "en", as_json: AsJson = False) -> None:
    """Show which entries a question matches, and how surely."""
    knowledge = _valid_today(None)
    if language not in knowledge.languages():
        raise KnowledgeError(f"the knowledge base has no entries in {language!r}; languages: {', '.join(knowledge.languages())}")
    matches = _matcher(knowledge, language).match(text)
    if as_json:
        print(json.dumps([{"entry_id": match.entry_id, "confidence": round(match.confidence, 4)} for match in matches]))
        return
    for match in matches:
        entry = knowledge.entry(match.entry_id, language)
        print(f"{match.confidence:.2f}  {match.entry_id:<24} {entry.answer if entry else ''}")


@kb.command("test")
def regression(folder: Folder = None, as_json: AsJson = False) -> None:
    """Ask every question that stands under `tests` in an entry; exit status 1 when one does not find its entry."""
    from voicebot.dialogue.matching import ACCEPT
    from voicebot.dialogue.regression import tried

    knowledge = _valid_today(folder)
    tested = [language for language in knowledge.languages() if any(entry.tests for entry in knowledge.language(language))]
    results = [one for language in tested for one in tried(knowledge.language(language), _matcher(knowledge, language), ACCEPT)]
    broken = [one for one in results if not one.kept]
    if as_json:
        print(json.dumps([{**asdict(one), "kept": one.kept} for one in results], ensure_ascii=False))
    else:
        print(
            "\n".join([*map(str, broken), f"{len(results) - len(broken)} of {len(results)} questions find their entry, version {knowledge.version}"])
        )
    if broken:
        raise typer.Exit(1)


@kb.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="CSV with the columns question and answer, or Markdown with a heading for each entry.")],
    folder: Annotated[Path | None, typer.Option(help="Knowledge base to write into; the one in the settings when left out.")] = None,
    language: str = "en",
) -> None:
    """Write an entry for each question and answer of a file; nothing that is there is changed."""
    from voicebot.dialogue.importing import import_file

    for path in import_file(source, folder or load().kb.folder, language):
        print(path)


@kb.command("stats")
def stats(folder: Folder = None, as_json: AsJson = False) -> None:
    """Count what the knowledge base holds, and name the entries to look at."""
    from voicebot.dialogue import knowledge
    from voicebot.dialogue.overview import overviews

    found = knowledge.load(folder or load().kb.folder)
    counted = [asdict(one) for one in overviews(found, _today())]
    if as_json:
        print(json.dumps({"version": found.version, "languages": counted}))
        return
    print(f"version {found.version}")
    for one in counted:
        for name, value in one.items():
            shown = f"{len(value)}  {' '.join(value)}" if isinstance(value, tuple) else value
            print(f"{name.removesuffix('_ids').replace('_', ' '):<16}{shown}".rstrip())


def _valid_today(folder: Path | None) -> Knowledge:
    from voicebot.dialogue import knowledge

    return knowledge.load(folder or load().kb.folder).on(_today())


def _matcher(knowledge: Knowledge, language: str) -> Matcher:
    """The matcher that calls have."""
    from voicebot.dialogue import kept_matchers
    from voicebot.dialogue.embedding import embedding

    settings = load()
    return kept_matchers.matcher(settings.speech.cache / "matchers", knowledge.language(language), embedding(language, settings))


def _today() -> date:
    return datetime.now(UTC).astimezone().date()
