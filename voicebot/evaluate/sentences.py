"""The telephone sentences that words are judged by: what callers say, with the kind of caller, in families that are never split.

They were written for this project (texts/<language>.toml). Every second family of a kind is held out of training; what stands in
texts/more-<language>.toml only trains.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voicebot.errors import EvaluationError

FOLDER = Path(__file__).parent / "texts"
ANGRY_KINDS: Final = ("angry", "polite_anger")
KINDS: Final = (*ANGRY_KINDS, "urgent", "sad", "neutral", "happy", "quoted")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`kind` is one of KINDS, `family` names the occasion; nothing is trained on what is `held_out`."""

    text: str
    kind: str
    family: str
    held_out: bool = True

    @property
    def angry(self) -> bool:
        return self.kind in ANGRY_KINDS


def sentences(language: str, folder: Path = FOLDER) -> tuple[Sentence, ...]:
    """All sentences of one language, in the order of the file. Raises EvaluationError naming the file and the fix."""
    path = folder / f"{language}.toml"
    try:
        families = tomllib.loads(path.read_text("utf-8"))["families"]
        found = tuple(
            Sentence(text, family["kind"], family["name"], held_out)
            for family, held_out in zip(families, _every_second([family["kind"] for family in families]), strict=True)
            for text in family["sentences"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path}: not a file of sentences ({error!r}); it has [[families]] with name, kind and sentences") from error
    if wrong := {sentence.kind for sentence in found} - set(KINDS):
        raise EvaluationError(f"{path}: unknown kind '{min(wrong)}'; use one of {', '.join(KINDS)}")
    return found


def training(language: str, folder: Path = FOLDER) -> tuple[Sentence, ...]:
    """What may train: the families that are not held out, and all that stands in more-<language>.toml. Raises EvaluationError naming the file."""
    path = folder / f"more-{language}.toml"
    try:
        kinds = tomllib.loads(path.read_text("utf-8"))
        more = tuple(Sentence(text, kind, "more", held_out=False) for kind, texts in kinds.items() for text in texts)
    except (OSError, ValueError, TypeError) as error:
        raise EvaluationError(f"{path}: not a file of sentences ({error!r}); it has a list of sentences for each kind") from error
    if wrong := kinds.keys() - set(KINDS):
        raise EvaluationError(f"{path}: unknown kind '{min(wrong)}'; use one of {', '.join(KINDS)}")
    return (*(sentence for sentence in sentences(language, folder) if not sentence.held_out), *more)


def _every_second(kinds: list[str]) -> list[bool]:
    """Of the families of each kind, every second is held out."""
    return [kinds[:at].count(kind) % 2 == 1 for at, kind in enumerate(kinds)]
