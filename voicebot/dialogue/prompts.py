"""Every fixed sentence the bot says, from one TOML file per language; another language is another file.

A file is whole or refused at load, so that no sentence can be missing in a call. Nothing here decides what is said or makes a sound.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from voicebot.errors import KnowledgeError

FOLDER: Final = Path(__file__).resolve().parent.parent / "demo" / "prompts"

GAPS: Final[Mapping[str, tuple[str, ...]]] = {"did_you_mean": ("a", "b"), "did_you_mean_this": ("a",), "menu_item": ("title", "key")}
"""The sentences that are completed during a call, with their gaps in the order in which `Prompts.fill` takes them."""

_GREETINGS = ("listening", "listening_recorded", "menu", "menu_recorded")
_COMPANY = "{company}"
_GAP = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The sentences of one hotline, the company's name already in them."""

    language: str
    greeting: str
    """Automated, voice analysed, recorded or not, how to reach a person: at most six seconds in the embedded voice."""
    how_can_i_help: str
    did_you_mean: str
    did_you_mean_this: str
    say_again: str
    say_again_noise: str
    other_words: str
    anything_else: str
    go_ahead: str
    take_your_time: str
    one_moment: str
    still_there: str
    about_bot: str
    offer_person: str
    no_analysis: str
    no_recording: str
    again: str
    """Before an answer that is given a second time."""
    menu_intro: str
    menu_item: str
    menu_person: str
    menu_after: str
    wrong_key: str
    connecting: str
    """At most one second in the embedded voice: it stands between the caller and the queue."""
    connecting_sorry: str
    connecting_upset: str
    connecting_emergency: str
    connecting_self_harm: str
    connecting_fraud: str
    queue_full: str
    """Nobody answered within the longest wait; said before the call ends."""
    at_capacity: str
    """The bot takes no more calls; said before the caller goes to the queue unheard."""
    lost_you: str
    """The first words of a controller that takes a call over from one that was lost."""
    goodbye: str

    def fill(self, name: str, gaps: Iterable[str] = ()) -> str:
        """The sentence called `name`, its gaps filled in order. A wrong number of gaps is a ValueError, a wrong name an AttributeError."""
        sentence: str = getattr(self, name)
        for gap, words in zip(GAPS.get(name, ()), gaps, strict=True):
            sentence = sentence.replace(f"{{{gap}}}", words)
        return sentence

    def fixed(self) -> tuple[str, ...]:
        """Every sentence without a gap: what can be rendered before the first call."""
        return tuple(getattr(self, name) for name in _SENTENCES if name not in GAPS)


_SENTENCES: Final = tuple(field.name for field in fields(Prompts) if field.name != "language")


def load(language: str, *, company: str, recorded: bool = False, menu: bool = False, folder: Path = FOLDER) -> Prompts:
    """The prompts of `language`, their greeting for a hotline that is recorded or not, that listens or reads its menu.

    Raises KnowledgeError with every fault of the file, one a line.
    """
    path = folder / f"{language}.toml"
    table = _read(path, language)
    faults = tuple(_faults(table))
    if faults:
        raise KnowledgeError("\n".join(f"{path}: {fault}" for fault in faults))
    spoken_company = table["names"].get(company, company)
    variant = ("menu" if menu else "listening") + ("_recorded" if recorded else "")
    sentences = {**{name: table[name] for name in _SENTENCES if name != "greeting"}, "greeting": table["greeting"][variant]}
    return Prompts(language=language, **{name: text.replace(_COMPANY, spoken_company) for name, text in sentences.items()})


def _read(path: Path, language: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KnowledgeError(f"{path}: no prompts for language {language!r}; translate en.toml beside it into this file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise KnowledgeError(f"{path}: cannot be read: {error.strerror}; check the file and its permissions") from None


def _faults(table: Mapping[str, Any]) -> Iterator[str]:
    yield from _wrong_keys(table, (*_SENTENCES, "names"), "")
    for name in _SENTENCES:
        if name in table and name != "greeting":
            yield from _wrong_text(name, table[name], GAPS.get(name, ()))
    for section in ("greeting", "names"):
        if not isinstance(table.get(section, {}), dict):
            yield f"'{section}' must be a section; write [{section}] and its keys below"
    if isinstance(table.get("greeting"), dict):
        yield from _wrong_greetings(table["greeting"])
    if isinstance(table.get("names"), dict):
        for name, spoken in table["names"].items():
            yield from _wrong_text(f"names.{name}", spoken, ())


def _wrong_greetings(greetings: Mapping[str, Any]) -> Iterator[str]:
    yield from _wrong_keys(greetings, _GREETINGS, "greeting.")
    for variant in filter(greetings.__contains__, _GREETINGS):
        yield from _wrong_text(f"greeting.{variant}", greetings[variant], ())


def _wrong_keys(found: Mapping[str, Any], wanted: tuple[str, ...], section: str) -> Iterator[str]:
    for key in found:
        if key not in wanted:
            close = difflib.get_close_matches(key, wanted, n=1)
            yield f"unknown key '{section}{key}'; " + (f"did you mean '{section}{close[0]}'?" if close else f"known keys: {', '.join(wanted)}")
    for key in wanted:
        if key not in found:
            yield f"key '{section}{key}' is missing; add it"


def _wrong_text(name: str, text: Any, gaps: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(text, str) or not text.strip():
        yield f"'{name}' must be a sentence in quotes"
        return
    rest = text.replace(_COMPANY, "")
    if sorted(_GAP.findall(rest)) != sorted(gaps) or set("{}") & set(_GAP.sub("", rest)):
        yield f"'{name}' must hold {', '.join(f'{{{gap}}}' for gap in gaps) or 'no gap but {company}'}, each once"
