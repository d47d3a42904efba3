"""Feelings in a call: heard beside recognition, journalled with reasons, remembered, and never of one who refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit.bot import Bench
from tests.kit.conversation import Held, hangs_up, hold, interrupts, says
from tests.kit.speech import scripted_ears
from voicebot.dialogue.decisions import CALM, Pressed, Sense, Spoke, State
from voicebot.dialogue.intents import Intent
from voicebot.emotion.figures import Prosody
from voicebot.emotion.prosody import analyse
from voicebot.feeling import Feelings, Listener
from voicebot.memory import Memory, remember
from voicebot.settings.anger import Anger, QueueLimits
from voicebot.speech.tts.manner import MANNERS
from voicebot.store.events import AngerScored, CallerSpoke, Event, HandoverDecided, OptedOut
from voicebot.values import Digit, Transcript, Utterance

ANGRY = "this is ridiculous you lied to me i will call my lawyer"
CALM_WORDS = "when are you open"


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


class FakeMeasuring:
    """One utterance at a worker that answers with `prosody`, or never."""

    def __init__(self, prosody: Prosody | None) -> None:
        self.prosody = prosody
        self.fed = b""
        self.settled = 0
        self.closed = False

    def feed(self, pcm: bytes) -> None:
        self.fed += pcm

    def settle(self) -> None:
        self.settled += 1

    async def answered(self, within_s: float) -> None:
        assert within_s <= 0.03

    def close(self) -> None:
        self.closed = True


class FakeProsodist:
    def __init__(self, prosody: Prosody | None = None) -> None:
        self.prosody = prosody
        self.utterances: list[FakeMeasuring] = []

    def utterance(self) -> FakeMeasuring:
        self.utterances.append(FakeMeasuring(self.prosody))
        return self.utterances[-1]


class FakeStream:
    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.fed = b""
        self.closed = False

    def feed(self, pcm: bytes) -> None:
        self.fed += pcm

    async def settle(self) -> Transcript:
        return self.transcript

    def close(self) -> None:
        self.closed = True


class Scene:
    """A listener, its memory and its journal."""

    def __init__(self, prosody: Prosody | None = None, settings: Anger | None = None) -> None:
        self.memory = Memory()
        self.events: list[Event] = []
        self.shared = shared = Feelings(settings or Anger(), None)
        self.prosodist = FakeProsodist(prosody)
        shared.prosodist = self.prosodist  # type: ignore[assignment]
        self.listener = Listener(shared, "support", lambda: self.memory, self.write)

    def write(self, event: Event) -> None:
        self.events.append(event)
        self.memory = remember(self.memory, 0, event)

    def says(self, text: str, confidence: float = 0.9, intents: frozenset[Intent] = frozenset()) -> Sense:
        return asyncio.run(self._says(text, confidence, intents))

    async def _says(self, text: str, confidence: float, intents: frozenset[Intent]) -> Sense:
        stream = self.listener.overhear(FakeStream(Transcript(text, confidence)))
        stream.feed(b"\1\0" * 100)
        transcript = await stream.settle()
        stream.close()
        self.write(CallerSpoke(text, confidence, 0, 1_000))
        return await self.listener.sense(Utterance(0, 1_000, transcript), Spoke(text, confidence, intents=intents), "en")

    @property
    def scored(self) -> list[AngerScored]:
        return [event for event in self.events if isinstance(event, AngerScored)]


def test_angry_words_are_journalled_with_their_reasons_and_told() -> None:
    scene = Scene()
    sense = scene.says(ANGRY)
    [scored] = scene.scored
    assert "said 'ridiculous'" in scored.evidence
    assert scored.score == pytest.approx(sense.anger, abs=1e-3)
    assert scored.words > 2 > scored.voice == 0
    assert scene.says(ANGRY).escalate
    assert "said 'you lied'" in scene.says(ANGRY).evidence


def test_a_calm_caller_is_journalled_and_let_be() -> None:
    scene = Scene()
    assert not any(scene.says(CALM_WORDS).escalate for _ in range(4))
    assert all(scored.score < 0.3 for scored in scene.scored)


def test_the_score_is_remembered_from_the_journal_alone() -> None:
    scene = Scene()
    scene.says(ANGRY)
    other = Scene()
    for event in scene.events:
        other.write(event)
    assert other.memory.temper == scene.memory.temper
    assert other.says(ANGRY).anger == scene.says(ANGRY).anger


def test_each_utterance_is_given_to_the_worker_beside_the_recogniser() -> None:
    scene = Scene(_prosody())
    scene.says(CALM_WORDS)
    [utterance] = scene.prosodist.utterances
    assert (utterance.fed, utterance.settled, utterance.closed) == (b"\1\0" * 100, 1, True)
    assert scene.scored[0].voice != 0


def test_a_worker_that_is_late_leaves_the_words() -> None:
    scene = Scene(None)
    assert scene.says(ANGRY).anger > 0.3
    assert scene.scored[0].voice == 0


@pytest.mark.parametrize("refused", ["before", "now"])
def test_of_a_caller_who_refused_nothing_is_analysed(refused: str) -> None:
    scene = Scene(_prosody())
    if refused == "before":
        scene.write(OptedOut("analysis"))
        assert scene.says(ANGRY) == CALM
        assert scene.prosodist.utterances == []
    else:
        assert scene.says(ANGRY, intents=frozenset({Intent.OPT_OUT_ANALYSIS})) == CALM
    assert scene.scored == []


def test_a_refusal_of_recording_is_no_refusal_of_analysis() -> None:
    scene = Scene()
    scene.write(OptedOut("recording"))
    scene.says(ANGRY)
    assert scene.scored


def test_after_the_handover_nothing_is_scored() -> None:
    scene = Scene(_prosody())
    scene.write(HandoverDecided("asked", "support", 0, ""))
    assert scene.says(ANGRY) == CALM
    assert (scene.scored, scene.prosodist.utterances) == ([], [])


def test_switched_off_it_hears_nothing() -> None:
    scene = Scene(_prosody(), Anger(enabled=False))
    assert scene.says(ANGRY) == CALM
    assert (scene.scored, scene.prosodist.utterances) == ([], [])


def test_keys_have_no_mood() -> None:
    scene = Scene()
    assert asyncio.run(scene.listener.sense(Digit("0", 5), Pressed("0"), "en")) == CALM
    assert scene.events == []


def test_the_limits_of_the_queue_hold() -> None:
    patient = Anger(queues={"support": QueueLimits(sharp=10, sustained=10)})
    assert not any(Scene(settings=patient).says(ANGRY).escalate for _ in range(3))


def test_protected_input_is_not_analysed() -> None:
    scene = Scene(_prosody())
    errand = replace(State().errand, asking="pin")
    scene.memory = replace(scene.memory, state=State(errand=errand))
    assert scene.memory.state
    assert scene.memory.state.errand.protected
    assert scene.says(ANGRY) == CALM
    assert scene.prosodist.utterances == []


def test_parameters_that_no_corpus_was_fitted_for_can_be_chosen() -> None:
    fitted, by_hand = Scene(), Scene(settings=Anger(parameters="by-hand"))
    voices = [scene.shared.judges("en", "support").voice for scene in (fitted, by_hand)]
    assert voices[0] is not None
    assert voices[1] is not None
    assert voices[0].intercept != voices[1].intercept


def test_a_language_without_a_lexicon_is_heard_by_its_voice() -> None:
    judges = Feelings(Anger()).judges("de", "support")
    assert judges.words is None


# In a whole call.


def played(tmp_path: Path, *steps: Any, settings: Anger | None = None) -> Held:
    bench = Bench(tmp_path)
    bench.bot = replace(bench.bot, feelings=Feelings(settings or Anger(voice=False)))
    return hold(bench, *steps)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Held]:
    return lambda *steps, **how: played(tmp_path, *steps, **how)


def test_who_stays_angry_goes_to_a_person_with_the_reasons(play: Callable[..., Held]) -> None:
    held = play(says(CALM_WORDS), interrupts("this is ridiculous you are useless", 900), says(ANGRY))
    assert held.wrongs() == []
    [handed] = held.record.of(HandoverDecided)
    assert (handed.reason, handed.priority) == ("is upset", 0)
    assert handed.briefing.startswith("Caller is upset: said '")
    last = held.record.of(AngerScored)[-1]
    assert last.escalate
    assert last.evidence


def test_who_refuses_the_analysis_in_words_is_obeyed_at_once_and_for_good(play: Callable[..., Held]) -> None:
    held = play(says(CALM_WORDS), says("please don't analyse my voice"), says("this is ridiculous you are useless"), says(ANGRY), hangs_up())
    assert held.wrongs() == []
    assert held.record.of(OptedOut) == [OptedOut("analysis")]
    kinds = [type(event) for _, event in held.record.lines]
    assert kinds.count(AngerScored) == 1
    assert kinds.index(AngerScored) < kinds.index(OptedOut)
    assert not any(handed.reason == "is upset" for handed in held.record.of(HandoverDecided))


def test_a_queue_that_is_patient_keeps_the_same_caller_longer(play: Callable[..., Held]) -> None:
    patient = Anger(voice=False, queues={"support": QueueLimits(sharp=10, sustained=10)})
    held = play(says(CALM_WORDS), interrupts("this is ridiculous you are useless", 900), says(ANGRY), hangs_up(), settings=patient)
    assert max(scored.score for scored in held.record.of(AngerScored)) > 0.5
    assert not any(handed.reason == "is upset" for handed in held.record.of(HandoverDecided))


def test_who_is_upset_comes_first_where_the_hotline_wants_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    anger = Anger(voice=False, priority=True)
    bench.bot = replace(bench.bot, feelings=Feelings(anger), settings=bench.settings.model_copy(update={"anger": anger}))
    held = hold(bench, says(CALM_WORDS), interrupts("this is ridiculous you are useless", 900), says(ANGRY))
    [handed] = held.record.of(HandoverDecided)
    assert handed.priority > 0
    assert MANNERS["calming"] in bench.phrases.manners


def test_the_same_caller_is_answered_where_it_is_switched_off(play: Callable[..., Held]) -> None:
    held = play(says(CALM_WORDS), hangs_up(), settings=Anger(enabled=False))
    assert held.record.of(AngerScored) == []


def _prosody() -> Prosody:
    pitch = 2 * np.pi * np.cumsum(140 + 20 * np.sin(np.arange(24_000) / 3_000)) / 16_000
    found = analyse((np.sum([np.sin(k * pitch) / k for k in range(1, 20)], axis=0) * 5_000).astype("<i2").tobytes())
    assert found
    return found
