"""Interruptions, murmurs and noises over the bot, many and without a telephone: is each taken, or let go, and when does the bot fall silent?

Voices that turn-taking was tuned with and voices kept apart from it are told separately. What happens on the wire is `bench_runs`.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from voicebot.dialogue.knowledge import load as load_knowledge
from voicebot.languages import tongue
from voicebot.settings import Settings
from voicebot.speech.ear import Hearing
from voicebot.speech.silero import SpeechDetector
from voicebot.testbed import audio
from voicebot.testbed.bench_figures import Figure, Result, share, spread
from voicebot.testbed.bench_runs import LANGUAGE, SPEECH, Progress
from voicebot.testbed.g711 import Samples
from voicebot.testbed.overlap import Step, talk_over
from voicebot.testbed.questions import VOICES, unseen
from voicebot.testbed.synth import synth, synth_with_pause
from voicebot.values import FRAME_MS

KEPT_APART = ("espeak-ng:en-us", "espeak-ng:en-gb+f3", "espeak-ng:en-gb-scotland", "espeak-ng:en-us+m7")
MURMURS = ("uh huh", "okay", "right", "I see", "yeah", "got it", "sure", "oh", "aha", "oh I see", "yes", "yeah yeah", "oh okay", "cool")
WISHES = (
    "stop",
    "no wait",
    "wait",
    "hold on a second",
    "agent please",
    "excuse me I have a question",
    "sorry can you repeat that",
    "no I meant the other",
)
WISHED = 0.3
"""So many interruptions are wishes; the others are questions."""
GAPS_MS = (0, 0, 0, 100, 200, 300, 400)
"""After the first word; 0 is fluent speech."""
HELD_MS = 700
QUIETEST_DB, LOUDEST_DB = -30.0, -18.0
PEAK_DB = 6.0
"""The loudest 20 ms of speech lie about this far above its mean."""
LINE_NOISE_DB = (-66.0, -52.0)
SOUNDS: tuple[tuple[str, float, float, int], ...] = (("cough", 5, 60, 3), ("knock", 1, 12, 4), ("breath", 150, 200, 1))
"""Bursts of noise: name, rise and fall in ms, most bursts in a row."""
AT_ONCE = 2

Kind = Literal["interruption", "murmur", "noise"]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One thing that is heard over the bot. `samples` are the whole line, in which it lasts from `onset_ms` to `end_ms`."""

    kind: Kind
    text: str
    voice: str
    gap_ms: int
    samples: Samples
    onset_ms: int = 0
    end_ms: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. `silent_after_ms`: from its onset to the silence that lasted, infinite when the turn was not taken. `resumed`: how often
    the bot spoke into it. `held_ms`: the longest that the bot held still and went on."""

    taken: bool
    silent_after_ms: float
    resumed: int
    held_ms: int
    words: tuple[str, ...]

    @property
    def let_go(self) -> bool:
        """The bot went on in time, and no turn came of it."""
        return not self.taken and not self.words and self.held_ms <= HELD_MS


async def turns(trials: int, seed: int, progress: Progress) -> Result:
    """`trials` interruptions, half as many murmurs and a quarter as many noises, for the voices of each group. Raises VoicebotError."""
    settings = Settings()
    figures: list[Figure] = []
    rows: list[dict[str, Any]] = []
    async with AsyncExitStack() as stack:
        detector = await stack.enter_async_context(SpeechDetector())
        hearing = (await tongue(stack, settings, load_knowledge(settings.kb.folder), LANGUAGE, detector)).hearing
        for group, voices in (("known voices", VOICES), ("voices kept apart", KEPT_APART)):
            progress(f"{group}: {trials} interruptions")
            found = await cases(trials, seed, voices)
            came = await _all(hearing, found)
            figures += told(group, found, came)
            rows += [row(case, outcome) for case, outcome in zip(found, came, strict=True)]
    return Result(tuple(figures), tuple(rows))


async def cases(trials: int, seed: int, voices: Sequence[str]) -> tuple[Case, ...]:
    """What a seed draws. Raises EngineError when a voice is missing."""
    chance, noise = random.Random(seed), np.random.default_rng(seed)
    questions = [wording.text for wording in unseen()]
    drawn: list[Case] = []
    for number in range(trials):
        text = chance.choice(WISHES if chance.random() < WISHED else questions)
        gap_ms = chance.choice(GAPS_MS) if " " in text else 0
        voice = voices[number % len(voices)]
        drawn.append(_on_a_line(Case("interruption", text, voice, gap_ms, await _spoken(text, voice, gap_ms)), noise))
    for number in range(trials // 2):
        text, voice = chance.choice(MURMURS), voices[number % len(voices)]
        drawn.append(_on_a_line(Case("murmur", text, voice, 0, await _spoken(text, voice, 0)), noise))
    for number in range(trials // 4):
        name, rise_ms, fall_ms, most = SOUNDS[number % len(SOUNDS)]
        drawn.append(_on_a_line(Case("noise", name, "", 0, _bursts(rise_ms, fall_ms, chance.randint(1, most), noise)), noise))
    return tuple(drawn)


def judged(case: Case, steps: Iterable[Step]) -> Outcome:
    """What the ear's steps mean for the caller."""
    silent_ms: float = math.inf
    paused_ms: int | None = None
    resumed = held_ms = 0
    taken = False
    words: list[str] = []
    for step in steps:
        match step.deed:
            case "pause":
                paused_ms = step.at_ms
            case "resume" if paused_ms is not None:
                held_ms, resumed = max(held_ms, step.at_ms - paused_ms), resumed + (step.at_ms < case.end_ms)
                paused_ms = None
            case "flush":
                taken, silent_ms = True, min(silent_ms, (step.at_ms if paused_ms is None else paused_ms) - case.onset_ms)
            case "turn":
                words.append(step.words)
    return Outcome(taken, silent_ms, resumed, held_ms, tuple(words))


def told(group: str, found: Sequence[Case], came: Sequence[Outcome]) -> tuple[Figure, ...]:
    """The figures of one group of voices."""
    both = list(zip(found, came, strict=True))
    meant, murmurs, noises = ([outcome for case, outcome in both if case.kind == kind] for kind in get_args(Kind))
    fluent = [outcome.silent_after_ms for case, outcome in both if case.kind == "interruption" and not case.gap_ms]
    return (
        share(f"{group}: interruptions taken", sum(outcome.taken for outcome in meant), len(meant), 97, at_most=False),
        *spread(f"{group}: silent after", [outcome.silent_after_ms for outcome in meant], {}),
        *spread(f"{group}: silent after, fluent", fluent, {"p95": 250}),
        share(f"{group}: spoken into", sum(outcome.resumed > 0 for outcome in meant), len(meant), None, at_most=True),
        share(f"{group}: murmurs let go", sum(outcome.let_go for outcome in murmurs), len(murmurs), 90, at_most=False),
        share(f"{group}: noises let go", sum(outcome.let_go for outcome in noises), len(noises), 90, at_most=False),
    )


def row(case: Case, outcome: Outcome) -> dict[str, Any]:
    """One trial for JSON."""
    came = {"taken": outcome.taken, "silent_after_ms": outcome.silent_after_ms, "resumed": outcome.resumed, "held_ms": outcome.held_ms}
    return {"kind": case.kind, "text": case.text, "voice": case.voice, "gap_ms": case.gap_ms, **came, "words": " | ".join(outcome.words)}


async def _all(hearing: Hearing, found: Sequence[Case]) -> list[Outcome]:
    """A few at once: the workers are what takes time."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Outcome:
        async with free:
            return judged(case, await talk_over(hearing, case.samples))

    async with asyncio.TaskGroup() as scope:
        tasks = [scope.create_task(one(case)) for case in found]
    return [task.result() for task in tasks]


async def _spoken(text: str, voice: str, gap_ms: int) -> Samples:
    return await (synth_with_pause(text, voice, SPEECH, after_words=1, pause_ms=gap_ms) if gap_ms else synth(text, voice, SPEECH))


def _on_a_line(case: Case, chance: np.random.Generator) -> Case:
    """The case at some level, some time after the bot began, with the noise of a line under it all."""
    lead_ms, tail_s = int(chance.integers(35, 95)) * FRAME_MS, 2.5
    wanted_db, peak_db = chance.uniform(QUIETEST_DB, LOUDEST_DB), audio.levels_db(case.samples).max()
    said = case.samples * 10 ** ((wanted_db + PEAK_DB - peak_db) / 20)
    line = np.concatenate((audio.silence(lead_ms / 1000), said, audio.silence(tail_s)))
    line = line + chance.normal(0, 32_768 * 10 ** (chance.uniform(*LINE_NOISE_DB) / 20), len(line))
    end_ms = lead_ms + round(len(said) / audio.RATE_HZ * 1000)
    return replace(case, samples=np.clip(line, -32_768, 32_767).astype(np.int16), onset_ms=lead_ms, end_ms=end_ms)


def _bursts(rise_ms: float, fall_ms: float, number: int, chance: np.random.Generator) -> Samples:
    bursts: list[NDArray[np.float64]] = []
    for _ in range(number):
        time_ms = np.arange(0, rise_ms + 4 * fall_ms, 1000 / audio.RATE_HZ)
        shape = np.minimum(1, time_ms / rise_ms) * np.exp(-np.maximum(0, time_ms - rise_ms) / fall_ms)
        bursts += [np.convolve(chance.normal(0, 3_000, len(time_ms)), np.ones(3) / 3, "same") * shape, np.zeros(int(chance.integers(400, 1_600)))]
    return np.concatenate(bursts).astype(np.int16)
