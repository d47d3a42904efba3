"""Questions in Mandarin over SIP: a voicebot with a Mandarin model folder, callers from espeak-ng, right answers recognised by their audio."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from voicebot.dialogue.knowledge import load
from voicebot.testbed import bench_runs as runs
from voicebot.testbed.bench_figures import Result, share
from voicebot.testbed.g711 import Codec
from voicebot.testbed.questions import Question, Wording, known, unseen
from voicebot.testbed.rig import Rig, rig
from voicebot.testbed.scenario import Exchange, Failed, Spoken, ask_all
from voicebot.testbed.synth import synth

LANGUAGE, HOTLINE = "zh", "200"
UNSEEN_ZH = Path(__file__).with_name("unseen_zh.csv")
VOICES = ("espeak-ng:cmn-latn-pinyin", "espeak-ng:cmn-latn-pinyin+f3")
PER_CALL = 2
BAR_SHARE = 80


def settings(model: Path) -> dict[str, str]:
    """What a voicebot needs to hear Mandarin with the PocketSphinx model in `model`."""
    return {"speech.pocketsphinx.zh": str(model.resolve())}


async def mandarin(model: Path, trials: int, seed: int, progress: runs.Progress) -> Result:
    """`trials` questions in the knowledge base's wording, then as many in wordings it does not have. Raises VoicebotError."""
    progress("starting a voicebot")
    async with rig(settings(model)) as own:
        entries = load(own.settings.kb.folder).language(LANGUAGE)
        sets = {"knowledge base wordings": chosen(known(entries), trials, seed), "other wordings": chosen(unseen(UNSEEN_ZH), trials, seed)}
        took = {name: await asked(own, questions, progress) for name, questions in sets.items()}
    return told(took)


def told(took: Mapping[str, Sequence[runs.Turn]]) -> Result:
    """How many questions of each set were answered rightly; the first set has a bar."""
    bars = [BAR_SHARE, *[None] * (len(took) - 1)]
    figures = [
        share(f"right answers heard, {name}", sum(turn.right for turn in turns), len(turns), bar, at_most=False)
        for (name, turns), bar in zip(took.items(), bars, strict=True)
    ]
    return Result(tuple(figures), tuple({"set": name, **turn.row()} for name, turns in took.items() for turn in turns))


def chosen(wordings: Sequence[Wording], count: int, seed: int) -> tuple[Question, ...]:
    """`count` of them, each by one of the voices in one of the codecs."""
    chance = random.Random(seed)
    drawn = chance.sample(list(wordings), min(count, len(wordings)))
    return tuple(Question(each.entry_id, each.text, chance.choice(VOICES), chance.choice(get_args(Codec))) for each in drawn)


async def asked(own: Rig, questions: Sequence[Question], progress: runs.Progress) -> list[runs.Turn]:
    """Put them on the Mandarin hotline, a few a call; what came of each."""
    references = await own.references(LANGUAGE)
    came: list[Exchange | Failed] = []
    for first in range(0, len(questions), PER_CALL):
        progress(f"question {first + 1} of {len(questions)}")
        talk = [Spoken(question, await synth(question.text, question.voice, runs.SPEECH)) for question in questions[first : first + PER_CALL]]
        came += (await ask_all(own, talk, HOTLINE)).came
    return [runs.turn_of(references, one) for one in came]
