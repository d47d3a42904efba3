"""Turns with pauses in places that turn-taking cannot know: from recordings of anybody's, or from synthetic voices. It judges nothing.

What is drawn, and where each pause falls, follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from voicebot.errors import EvaluationError
from voicebot.evaluate.telephone import Line, through
from voicebot.testbed import audio
from voicebot.testbed.g711 import Samples
from voicebot.testbed.questions import unseen
from voicebot.testbed.synth import synth

VOICES = ("flite:rms", "flite:awb", "flite:slt", "festival:kal_diphone", "espeak-ng:en-us", "espeak-ng:en-gb+f3")
SOUNDS = {".wav"}
SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS = 200, 900
PAUSED = 0.75
"""So many turns have a pause."""
HESITANT, DICTATED = 0.15, 0.2
"""So many synthetic turns have an "um" before their pause, or are a number read out in two groups."""
FAINT_S = 0.3
"""A recording in which less than this is voiced at all holds no turn."""
SHORT_S = 1.0
"""Recordings shorter than this are words: several of one speaker make a turn."""
LEAD_S, TAIL_S = 0.5, 2.5
_SNAP_MS = 250


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """One turn as it is said, 8 kHz: speech in `parts`, with `pause_ms` between them."""

    name: str
    parts: tuple[Samples, ...]
    pause_ms: int

    @property
    def line(self) -> Samples:
        """With silence before and after."""
        gap = audio.silence(self.pause_ms / 1000)
        said = [piece for part in self.parts for piece in (part, gap)][:-1]
        return np.concatenate((audio.silence(LEAD_S), *said, audio.silence(TAIL_S)))

    @property
    def end_ms(self) -> int:
        """When its speech ends."""
        return round((len(self.line) / audio.RATE_HZ - TAIL_S) * 1000)


def heard(spoken: Spoken, line: Line, folder: Path) -> bytes:
    """16 kHz pcm of it at the other end of `line`."""
    path = folder / f"{spoken.name}.wav"
    audio.write_wav(path, spoken.line)
    try:
        return through(line, path)
    finally:
        path.unlink()


def recorded(source: Path, count: int, seed: int) -> list[Spoken]:
    """`count` turns from the recordings below `source`. Raises EvaluationError when there are none, or none with a voice in it."""
    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in SOUNDS)
    if not paths:
        raise EvaluationError(f"{source}: holds no .wav; give a folder of recordings")
    if not (paths := [path for path in paths if _seconds(audio.trim(audio.read_wav(path))) >= FAINT_S]):
        raise EvaluationError(f"{source}: no recording in it is as loud as speech ({audio.VOICED_DB:g} dB below full scale); raise their level")
    chance = random.Random(seed)  # noqa: S311  the same seed must give the same turns
    words, sentences = _sorted(paths)
    made: list[Spoken] = []
    while len(made) < count:
        name = f"{len(made):04d}"
        if words and (not sentences or chance.random() < DICTATED):
            made.append(_strung(name, chance.choice(words), chance))
        else:
            made.append(_paused(name, audio.trim(audio.read_wav(chance.choice(sentences))), chance))
    return made


async def synthetic(count: int, seed: int, cache: Path) -> list[Spoken]:
    """`count` turns of questions that are not in the knowledge base, and of numbers. Raises EngineError when a voice is missing."""
    chance = random.Random(seed)  # noqa: S311
    texts = [wording.text for wording in unseen()]
    made: list[Spoken] = []
    for number in range(count):
        parts = _digits(chance) if chance.random() < DICTATED else _words(chance.choice(texts), chance)
        voice = VOICES[number % len(VOICES)]
        said = [await synth(part, voice, cache) for part in parts if part]
        made.append(Spoken(f"{number:04d}", tuple(said), _pause_ms(chance) if len(said) > 1 else 0))
    return made


def _pause_ms(chance: random.Random) -> int:
    return chance.randrange(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS + 1, 20)


def _digits(chance: random.Random) -> tuple[str, str]:
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    first, second = (" ".join(chance.choices(names, k=chance.randint(3, 5))) for _ in range(2))
    return f"my number is {first}", second


def _words(text: str, chance: random.Random) -> tuple[str, str]:
    words = text.split()
    if chance.random() > PAUSED or len(words) < 2:
        return text, ""
    after = chance.randint(1, len(words) - 1)
    hesitant = " um" if chance.random() < HESITANT else ""
    return " ".join(words[:after]) + hesitant, " ".join(words[after:])


def _sorted(paths: Sequence[Path]) -> tuple[list[list[Path]], list[Path]]:
    """Words by speaker, and everything longer."""
    short = {path for path in paths if _seconds(audio.trim(audio.read_wav(path))) < SHORT_S}
    by_speaker = sorted(short, key=lambda path: (_speaker(path), path))
    return [list(group) for _, group in groupby(by_speaker, _speaker)], [path for path in paths if path not in short]


def _seconds(samples: Samples) -> float:
    return len(samples) / audio.RATE_HZ


def _speaker(path: Path) -> str:
    """Of recordings that are named by what is said and who says it: the name without its figures."""
    return "".join(character for character in path.stem if not character.isdigit())


def _strung(name: str, words: Sequence[Path], chance: random.Random) -> Spoken:
    """Two groups of words, as a number is dictated."""
    groups = [list(_group(words, chance)) for _ in range(2)]
    return Spoken(name, tuple(np.concatenate(group) for group in groups), _pause_ms(chance))


def _group(words: Sequence[Path], chance: random.Random) -> Iterator[Samples]:
    for path in chance.choices(words, k=chance.randint(2, 4)):
        yield audio.trim(audio.read_wav(path))
        yield audio.silence(0.06)


def _paused(name: str, said: Samples, chance: random.Random) -> Spoken:
    """With a pause at the quietest place near a random one: between words, as far as that can be heard."""
    if chance.random() > PAUSED:
        return Spoken(name, (said,), 0)
    step = audio.RATE_HZ // 50
    levels = np.array([np.square(said[at : at + step].astype(np.float64)).mean() for at in range(0, len(said) - step, step)])
    near = chance.randint(len(levels) // 5, max(len(levels) * 4 // 5, len(levels) // 5))
    first = max(near - _SNAP_MS // 20, 1)
    cut = (first + int(np.argmin(levels[first : near + _SNAP_MS // 20 + 1]))) * step + step // 2
    return Spoken(name, (audio.trim(said[:cut]), audio.trim(said[cut:])), _pause_ms(chance))
