"""Runs the turns of an evaluation through the ear that calls have: the same workers, the same gates, in audio time. It judges nothing by itself."""

from __future__ import annotations

import asyncio
import math
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from voicebot.dialogue.knowledge import load
from voicebot.evaluate.telephone import Line, read
from voicebot.evaluate.turn_cases import Spoken, heard, recorded, synthetic
from voicebot.evaluate.turns import Point, Turn
from voicebot.languages import tongue
from voicebot.settings import Settings
from voicebot.speech.ear import Hearing
from voicebot.speech.silero import SpeechDetector
from voicebot.testbed import audio
from voicebot.testbed.g711 import Samples
from voicebot.testbed.overlap import hear_out, talk_over
from voicebot.testbed.synth import synth

AT_ONCE = 2
BOT_VOICE = {"en": "flite:slt", "zh": "espeak-ng:cmn-latn-pinyin"}
BOT_PHRASES = 12
INTERRUPTIONS = 40
BEFORE_S = 5.0
"""So long a line has been heard before the bot can be interrupted: nobody's voice stops the greeting."""
SPEECH_DB = -23.0
"""Mean level of speech, to which a noise is set."""
One = TypeVar("One")
Came = TypeVar("Came")


@dataclass(frozen=True, slots=True)
class Echo:
    """What of the bot's own voice comes back from the caller's phone."""

    db: float = -15.0
    late_ms: float = 120.0

    def of(self, bot: Samples) -> Samples:
        """The echo of what the bot says."""
        return np.concatenate((audio.silence(self.late_ms / 1000), (bot * 10 ** (self.db / 20)).astype(np.int16)))


@dataclass(frozen=True, slots=True)
class Found:
    """The turns as they were heard; what came of echo, noise and interruptions while the bot spoke."""

    turns: tuple[Turn, ...]
    over_bot: dict[str, Any]

    def told(self) -> str:
        """One figure a line."""
        return "\n".join(f"{name.replace('_', ' '):<44}{value:.4g}" for name, value in self.over_bot.items())


async def run(settings: Settings, language: str, source: Path | None, *, trials: int, line: Line, echo: Echo, seed: int) -> Found:
    """`trials` turns, then echo, noise and interruptions over the bot. Raises VoicebotError."""
    speech = settings.speech.cache / "testbed"
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voicebot-")))
        cases = recorded(source, trials, seed) if source else await synthetic(trials, seed, speech)
        detector = await stack.enter_async_context(SpeechDetector())
        hearing = (await tongue(stack, settings, load(settings.kb.folder), language, detector)).hearing

        async def one(case: Spoken) -> Turn:
            return Turn(case.name, case.pause_ms, case.end_ms, await hear_out(hearing, heard(case, line, folder)))

        turns = await _few_at_once(one, cases)
        answers = [entry.answer for entry in load(settings.kb.folder).language(language)][:BOT_PHRASES]
        bot = [await synth(text, BOT_VOICE[language], speech) for text in answers]
        return Found(tuple(turns), await _over_bot(hearing, bot, cases[:INTERRUPTIONS], line, echo))


async def _over_bot(hearing: Hearing, bot: Sequence[Samples], cases: Sequence[Spoken], line: Line, echo: Echo) -> dict[str, Any]:
    """With the echo alone, then with noise behind it, where there is one."""
    minutes = sum(map(len, bot)) / audio.RATE_HZ / 60
    found: dict[str, Any] = {"bot_minutes": minutes, "interruptions": len(cases)}
    rooms = {"echo": Room(line), **({"echo_and_noise": Room(line, line.noise)} if line.noise else {})}
    for name, room in rooms.items():
        taken = await _flushes(hearing, [audio.silence(0)] * len(bot), bot, room, echo)
        found[f"false_barge_ins_a_minute_{name}"] = taken / minutes
        found[f"missed_barge_ins_{name}"] = len(cases) - await _flushes(hearing, [case.line for case in cases], bot, room, echo)
    return found


async def _flushes(hearing: Hearing, said: Sequence[Samples], bot: Sequence[Samples], room: Room, echo: Echo) -> int:
    """How many of `said`, each in the room and with the echo of one of the bot's phrases, took the turn."""

    async def over(number: int) -> bool:
        phrase = bot[number % len(bot)]
        heard, before = room.around(_sum(said[number], echo.of(phrase)), number), room.around(audio.silence(BEFORE_S), number)
        steps = await talk_over(hearing, heard, room.line.codec, phrase, before)
        return any(step.deed == "flush" for step in steps)

    return sum(await _few_at_once(over, range(len(said))))


class Room:
    """What is behind a caller: another stretch of a noise each time, or nothing."""

    def __init__(self, line: Line, noise: Path | None = None) -> None:
        self.line = line
        self._noise = (read(noise) * 32_767).astype(np.int16) if noise else audio.silence(1)

    def around(self, samples: Samples, number: int) -> Samples:
        """`samples` in it; which stretch follows from `number` and the seed."""
        start = random.Random(f"{self.line.seed} {number}").randrange(len(self._noise))  # noqa: S311  the same seed, the same noise
        return noise_behind(samples, np.roll(self._noise, -start), self.line.snr_db)


def noise_behind(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """`samples` with a noise that speech of SPEECH_DB would stand `snr_db` above."""
    level = math.sqrt(float(np.square(noise.astype(np.float64)).mean())) or 1.0
    wanted = 32_768 * 10 ** ((SPEECH_DB - snr_db) / 20)
    return _sum(samples, (np.resize(noise, len(samples)) * (wanted / level)).astype(np.int16))


def _sum(first: Samples, second: Samples) -> Samples:
    both = np.zeros(max(len(first), len(second)), np.int32)
    both[: len(first)] += first
    both[: len(second)] += second
    return np.clip(both, -32_768, 32_767).astype(np.int16)


async def _few_at_once(what: Callable[[One], Awaitable[Came]], ones: Sequence[One]) -> list[Came]:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(each: One) -> Came:
        async with free:
            return await what(each)

    async with asyncio.TaskGroup() as scope:
        tasks = [scope.create_task(one(each)) for each in ones]
    return [task.result() for task in tasks]


def draw(folder: Path, points: Sequence[Point]) -> Path:
    """turns.png in `folder`: share cut against median delay."""
    from matplotlib.figure import Figure  # noqa: PLC0415  a second to load, for those who want a picture

    folder.mkdir(parents=True, exist_ok=True)
    picture = Figure(figsize=(6, 4.5), layout="constrained")
    axes = picture.add_subplot(xlabel="median delay, ms", ylabel="turns cut off, %")
    for adaptive, label in ((True, "adaptive"), (False, "fixed hold")):
        chosen = sorted((one.median_ms, 100 * one.cut) for one in points if one.adaptive == adaptive)
        axes.plot([at for at, _ in chosen], [cut for _, cut in chosen], marker="o", label=label)
    axes.legend()
    picture.savefig(folder / "turns.png", dpi=120)
    return folder / "turns.png"
