"""The n-gram model and dictionary that tell PocketSphinx which English to expect: knowledge base wordings first, general telephone English
behind them, common words of any kind behind that. Built once per content and kept in a folder; nothing here hears what callers say.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pocketsphinx

from voicebot.errors import EngineError
from voicebot.scratch import scratch
from voicebot.speech.asr.sentences import sentences

GENERAL_WEIGHT = 0.1
"""What a general telephone sentence counts beside a wording of the knowledge base."""
COMMON_WORDS = 5_000
"""Words of general English that can be heard although no sentence has them."""

_VERSION = "3"
"""Change it with anything below that makes other files of the same content."""
_START, _END = "<s>", "</s>"
_ONES: tuple[str, ...] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen")
_ONES += ("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPOKEN = {"wi-fi": "wifi", "e-sim": "e sim", "esim": "e sim", "&": " and ", "%": " percent ", "$": " dollars ", "€": " euros ", "’": "'"}
_ON_THE_TELEPHONE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"^TH (?=\w)", ("T ", "F ", "")),
    (r"^HH (?=\w)", ("",)),
    (r"\bAE NG\b", ("EH NG", "EY NG")),
)
"""Sounds that a line of 3.4 kHz leaves little of, and what is heard in their place: "thank" without its fricative, "how" without its breath."""
_FLITE_PHONES = {"ax": "AH", "axr": "ER", "ix": "IH", "dx": "D", "el": "AH L", "em": "AH M", "en": "AH N", "nx": "N", "pau": ""}


@dataclass(frozen=True, slots=True)
class LanguageFiles:
    """What a decoder needs to know of a language besides its sounds: an ARPA n-gram model and a pronunciation dictionary."""

    language_model: Path
    dictionary: Path


def build(wordings: Sequence[str], folder: Path) -> LanguageFiles:
    """The files for these wordings and our own general sentences, from `folder` when the same were built before. Takes seconds, and may run
    in several processes at once. Raises EngineError."""
    general = sentences()
    known = (_VERSION, version("pocketsphinx"), str(GENERAL_WEIGHT), str(COMMON_WORDS), *wordings, "", *general)
    home = folder / f"english-{hashlib.sha256(chr(10).join(known).encode()).hexdigest()[:16]}"
    files = LanguageFiles(home / "model.arpa", home / "words.dict")
    if not home.is_dir():
        _write(wordings, general, files)
    return files


def spoken(text: str) -> list[str]:
    """`text` as the words that are said: lower case, numbers and signs in words. "My 5G e-SIM" → my five g e sim."""
    lower = text.lower()
    for sign, words in _SPOKEN.items():
        lower = lower.replace(sign, words)
    lower = re.sub(r"\d+", lambda digits: f" {_number(digits[0])} ", lower)
    return [word.strip("'") for word in re.findall(r"[a-z']+", lower) if word.strip("'")]


def arpa(weighted: Iterable[tuple[Sequence[str], float]], common: Mapping[str, float]) -> str:
    """An interpolated trigram model as ARPA text, smoothed as Witten and Bell (1991, method C) do: what a history has not yet shown gets the share
    (distinct followers) / (distinct followers + count). `common` are probabilities of words that no sentence needs to have."""
    followers: dict[tuple[str, ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for words, weight in weighted:
        padded = (_START, *words, _END)
        for end in range(1, len(padded)):
            for order in range(min(end, 2) + 1):
                followers[padded[end - order : end]][padded[end]] += weight
    totals = {history: sum(seen.values()) for history, seen in followers.items()}
    backoff = {history: len(seen) / (len(seen) + totals[history]) for history, seen in followers.items()}
    chances: dict[tuple[str, ...], float] = {}
    vocabulary = dict.fromkeys((*followers[()], *common))
    scale = sum(common.values()) or 1.0
    for word in vocabulary:
        share = followers[()].get(word, 0.0) / totals[()]
        chances[(word,)] = (1 - backoff[()]) * share + backoff[()] * common.get(word, 1e-7) / scale
    for order in (1, 2):
        for history, seen in [(history, seen) for history, seen in followers.items() if len(history) == order]:
            for word, times in seen.items():
                chances[(*history, word)] = (1 - backoff[history]) * times / totals[history] + backoff[history] * chances[(*history[1:], word)]
    chances[(_START,)] = 1e-99
    return _arpa_text(chances, backoff)


def _arpa_text(chances: Mapping[tuple[str, ...], float], backoff: Mapping[tuple[str, ...], float]) -> str:
    orders = {order: sorted(gram for gram in chances if len(gram) == order) for order in (1, 2, 3)}
    lines = ["\\data\\", *(f"ngram {order}={len(grams)}" for order, grams in orders.items())]
    for order, grams in orders.items():
        lines += ["", f"\\{order}-grams:"]
        for gram in grams:
            tail = f" {math.log10(backoff.get(gram, 1.0)):.4f}" if order < 3 else ""
            lines.append(f"{math.log10(chances[gram]):.4f} {' '.join(gram)}{tail}")
    return "\n".join([*lines, "", "\\end\\", ""])


def pronunciations(word: str) -> list[str]:
    """How `word` may sound, in the phones of the CMU dictionary: from there, else by flite's letter-to-sound rules and, when short, spelled."""
    known = _cmudict().get(word)
    if known:
        return known
    spelled = " ".join(_cmudict()[letter][0] for letter in word if letter != "'")
    guess = _letter_to_sound(word)
    if not guess:
        return [spelled]
    return [guess, spelled] if len(word) <= 4 else [guess]


def on_the_telephone(ways: Sequence[str]) -> list[str]:
    """`ways` in which a word may sound, and how else each is heard over a narrow line."""
    found = list(ways)
    for pattern, others in _ON_THE_TELEPHONE:
        found += [re.sub(pattern, other, way) for way in found for other in others if re.search(pattern, way)]
    return list(dict.fromkeys(found))


def write(files: LanguageFiles, model: str, dictionary: str) -> None:
    """Both files at once, or none: two processes that build the same do not meet. Raises EngineError."""
    home = files.dictionary.parent
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with scratch(home.parent) as folder:
            made = folder / "made"
            made.mkdir()
            (made / files.language_model.name).write_text(model, encoding="utf-8")
            (made / files.dictionary.name).write_text(dictionary, encoding="utf-8")
            made.rename(home)
    except OSError as error:
        if not home.is_dir():  # else another process was first, with the same content
            raise EngineError(f"{home}: cannot be written: {error.strerror}; set [speech] cache to another folder") from None


def _write(wordings: Sequence[str], general: Sequence[str], files: LanguageFiles) -> None:
    weighted = [(spoken(text), 1.0) for text in wordings] + [(spoken(text), GENERAL_WEIGHT) for text in general]
    common = _common_words()
    words = sorted({word for said, _ in weighted for word in said} | common.keys())
    write(files, arpa([pair for pair in weighted if pair[0]], common), "".join(map(_dictionary_lines, words)))


def _dictionary_lines(word: str) -> str:
    ways = on_the_telephone(pronunciations(word))
    return "".join(f"{word}{f'({number})' if number > 1 else ''} {phones}\n" for number, phones in enumerate(ways, 1))


def _common_words() -> dict[str, float]:
    """The most frequent words of the general model inside the pocketsphinx package, with their probabilities."""
    model = pocketsphinx.NGramModel.readfile(pocketsphinx.get_model_path("en-us/en-us.lm.bin"))
    log_base = math.log(1.0001)
    scores = {word: model.prob([word]) for word in _cmudict() if re.fullmatch(r"[a-z][a-z']*", word)}
    top = sorted(scores, key=lambda word: -scores[word])[:COMMON_WORDS]
    return {word: math.exp(scores[word] * log_base) for word in top}


@cache
def _cmudict() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines():
        word, phones = line.split(maxsplit=1)
        found[re.sub(r"\(\d+\)$", "", word)].append(phones.strip())
    return dict(found)


def _letter_to_sound(word: str) -> str:
    if not shutil.which("flite"):
        return ""
    done = subprocess.run(["flite", "-ps", "-t", word, "-o", os.devnull], capture_output=True, text=True, timeout=10, check=False)
    phones = [_FLITE_PHONES.get(phone, phone.upper()) for phone in done.stdout.split()]
    return " ".join(phone for phone in phones if phone)


def _number(digits: str) -> str:
    value = int(digits)
    if len(digits) > 3 or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(_ONES[int(digit)] for digit in digits)
    if value < 20:
        return _ONES[value]
    if value < 100:
        return _TENS[value // 10] + (f" {_ONES[value % 10]}" if value % 10 else "")
    return f"{_ONES[value // 100]} hundred" + (f" {_number(str(value % 100))}" if value % 100 else "")
