"""The n-gram model and dictionary that tell PocketSphinx which Mandarin to expect, from a model folder somebody gave: its own words, in the order of
the knowledge base's wordings. Built once per content and kept; nothing here hears what callers say.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from voicebot.errors import EngineError
from voicebot.hanzi import cut
from voicebot.speech.asr import digits
from voicebot.speech.asr.language_model import LanguageFiles, arpa, write

COMMON_WORDS = 300
"""Words of general Mandarin that can be heard although no wording has them. More cost time and find little."""
LATIN = {"wifi": "w ai f ai", "app": "ei p", "sim": "s i m u", "esim": "i s i m u"}
"""Names that no dictionary has, as they are said."""
_VERSION = "2"
_HAN = re.compile(r"[\u3400-\u9fff]+|[a-z]+")
_NUMBER = re.compile(r"[零〇一幺二三四五六七八九]{3,}")
"""Read out digit by digit, whatever words the digits may also make."""
_LONGEST = 8

Pronunciations = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The files of a PocketSphinx model: `acoustic` is the folder with mdef, `words` its dictionary, `general` an ARPA model or None."""

    acoustic: Path
    words: Path
    general: Path | None

    @staticmethod
    def of(folder: Path) -> ModelFolder:
        """What `folder` holds. Raises EngineError naming what is missing."""
        if not folder.is_dir():
            raise EngineError(f"pocketsphinx: {folder} is no folder; set [speech.pocketsphinx] to one with an acoustic model and a .dic file")
        for name in ("mdef", "*.dic"):
            if not next(folder.rglob(name), None):
                raise EngineError(f"pocketsphinx: {folder} has no {name}; it needs an acoustic model and a .dic file")
        acoustic, words = next(folder.rglob("mdef")).parent, max(folder.rglob("*.dic"), key=lambda path: path.stat().st_size)
        for name in ("means", "variances", "transition_matrices", "feat.params"):
            if not (acoustic / name).is_file():
                raise EngineError(f"pocketsphinx: {acoustic / name} is missing; the acoustic model is not whole")
        return ModelFolder(acoustic, words, next(folder.rglob("*.arpa.gz"), None))


def build(wordings: Sequence[str], model: ModelFolder, folder: Path) -> LanguageFiles:
    """The files for these wordings, from `folder` when the same were built before. Takes seconds. Raises EngineError."""
    known = (_VERSION, str(COMMON_WORDS), str(model.words.resolve()), str(model.words.stat().st_size), *wordings)
    home = folder / f"mandarin-{hashlib.sha256(chr(10).join(known).encode()).hexdigest()[:16]}"
    files = LanguageFiles(home / "model.arpa", home / "words.dict")
    if not home.is_dir():
        said = pronunciations(model.words)
        common = {word: chance for word, chance in _general(model.general) if word in said}
        common = dict(sorted(common.items(), key=lambda each: -each[1])[:COMMON_WORDS])
        weighted = [(words, 1.0) for words in (spoken(text, said) for text in wordings) if words]
        numbers = {word for word in digits.words("zh") if word in said}
        heard = sorted({word for words, _ in weighted for word in words} | common.keys() | numbers)
        write(files, arpa(weighted, common), "".join(_lines(word, said[word]) for word in heard))
    return files


def spoken(text: str, known: Pronunciations) -> list[str]:
    """`text` in words of the dictionary: jieba's where it has them, else the longest that it has; what it lacks altogether is left out."""
    parts = _HAN.findall(_NUMBER.sub(lambda number: f" {' '.join(number[0])} ", text.lower()))
    return [word for part in parts for piece in cut(part) for word in _known(piece, known)]


def _known(piece: str, known: Pronunciations) -> Iterator[str]:
    if piece in known:
        yield piece
        return
    start = 0
    while start < len(piece):
        ends = (end for end in range(min(len(piece), start + _LONGEST), start, -1) if piece[start:end] in known)
        end = next(ends, 0)
        if end:
            yield piece[start:end]
        start = end or start + 1


@cache
def pronunciations(path: Path) -> Pronunciations:
    """Every word of a dictionary file with the ways it may sound. Raises EngineError."""
    found: dict[str, list[str]] = defaultdict(list)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(f"pocketsphinx: {path} cannot be read: {error}") from None
    for line in filter(None, map(str.split, lines)):
        word = re.sub(r"\(\d+\)$", "", line[0])
        found[word.lower().removesuffix(".") if word.isascii() else word].append(" ".join(line[1:]))
    return {**{word: (phones,) for word, phones in LATIN.items()}, **{word: tuple(dict.fromkeys(ways)) for word, ways in found.items()}}


def _general(path: Path | None) -> Iterator[tuple[str, float]]:
    """The words of an ARPA model with their probabilities. Raises EngineError."""
    if path is None:
        return
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("\\2-grams"):
                    return
                fields = line.split()
                if len(fields) >= 2 and re.fullmatch(r"-\d+\.\d+", fields[0]):
                    yield fields[1], 10 ** float(fields[0])
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise EngineError(f"pocketsphinx: {path} cannot be read: {error}") from None


def _lines(word: str, ways: Sequence[str]) -> str:
    return "".join(f"{word}{f'({number})' if number > 1 else ''} {phones}\n" for number, phones in enumerate(ways, 1))
