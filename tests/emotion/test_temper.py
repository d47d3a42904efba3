"""One caller through one call: what each turn teaches, and that anger teaches nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from voicebot.emotion.figures import CEPSTRA, FIGURES, Prosody
from voicebot.emotion.reference import STRANGER
from voicebot.emotion.temper import CALM, Judges, Temper, Turn, judged
from voicebot.emotion.voice import Voice
from voicebot.emotion.words import Words

VOICE = Voice.load()
WORDS = Words.load("en")
BOTH = Judges(VOICE, WORDS)
ANGRY_WORDS, CALM_WORDS = "this is ridiculous you lied to me i will call my lawyer", "how do i reset my pin"


def prosody(effort: float = 0.0, level_db: float = -25.0) -> Prosody:
    """A voice at the population's figures, `effort` spreads above them in all that speaks of anger."""
    figures = dict(
        zip(FIGURES, VOICE.expected + effort * VOICE.spread * (VOICE.weight > 0) - effort * VOICE.spread * (VOICE.weight < 0), strict=True)
    )
    timbre = tuple(float(figures.pop(f"timbre_{n + 1}")) for n in range(CEPSTRA))
    plain = {name: float(value) for name, value in figures.items()}
    return Prosody(**{**plain, "level_db": level_db, "peak_db": level_db, "voiced_s": 2.0, "timbre": timbre, "reliability": 1.0})  # type: ignore[arg-type]


CALM_VOICE, SHOUT = prosody(), prosody(2.0, -13.0)


def course(*turns: Turn, judges: Judges = BOTH) -> list[tuple[Temper, bool]]:
    temper, found = CALM, []
    for turn in turns:
        temper, feeling = judged(temper, turn, judges)
        found.append((temper, feeling.escalate))
    return found


def test_a_calm_caller_becomes_known_and_is_let_be() -> None:
    found = course(*[Turn(CALM_WORDS, 0.9, CALM_VOICE)] * 5)
    assert not any(escalate for _, escalate in found)
    weights = [temper.reference.weight for temper, _ in found]
    assert weights == sorted(weights)
    assert weights[-1] > 2


def test_who_turns_angry_is_with_a_person_at_once() -> None:
    found = course(*[Turn(CALM_WORDS, 0.9, CALM_VOICE)] * 4, Turn(ANGRY_WORDS, 0.9, SHOUT))
    assert [escalate for _, escalate in found] == [False] * 4 + [True]


def test_who_opens_angry_does_not_make_anger_the_norm() -> None:
    found = course(*[Turn("hello", 0.9, SHOUT)] * 3)
    assert found[-1][0].reference.weight < 0.2
    _, feeling = judged(found[-1][0], Turn("hello", 0.9, SHOUT), BOTH)
    assert feeling.parts["voice"] > 0.5


@pytest.mark.parametrize("text", [ANGRY_WORDS, "you are useless and i am fed up"])
def test_angry_words_in_a_calm_voice_teach_nothing(text: str) -> None:
    [(temper, _)] = course(Turn(text, 0.9, CALM_VOICE))
    assert temper.reference == STRANGER


def test_a_loud_cheerful_caller_is_no_angry_one() -> None:
    found = course(*[Turn("great thank you so much that was really helpful", 0.9, SHOUT)] * 8)
    assert not any(escalate for _, escalate in found)


def test_without_the_voice_words_alone_are_weighed() -> None:
    unheard = course(Turn(ANGRY_WORDS, 0.9), Turn(ANGRY_WORDS, 0.9), judges=Judges(None, WORDS))
    assert unheard[-1][1]
    assert unheard[-1][0].reference == STRANGER


def test_the_voice_alone_never_moves_a_call() -> None:
    assert not any(escalate for _, escalate in course(*[Turn("", 0.9, SHOUT)] * 12, judges=Judges(VOICE, None)))


def test_shouting_over_the_bot_is_measured_against_the_callers_own_voice() -> None:
    calm = [Turn(CALM_WORDS, 0.9, CALM_VOICE)] * 4
    temper = course(*calm)[-1][0]
    _, loud = judged(temper, Turn(CALM_WORDS, 0.9, replace(CALM_VOICE, level_db=-15.0), interrupted=True), BOTH)
    _, quiet = judged(temper, Turn(CALM_WORDS, 0.9, CALM_VOICE, interrupted=True), BOTH)
    assert loud.parts["behaviour"] > quiet.parts["behaviour"] > 0
    assert "shouts over the bot" in loud.evidence


def test_repeating_and_rising_are_seen() -> None:
    temper, feeling = judged(CALM, Turn("my internet does not work", 0.9, None, ["my internet does not work again"]), BOTH)
    assert feeling.parts["behaviour"] > 0
    found = course(Turn("it is annoying", 0.9), Turn("this is ridiculous and you lied", 0.9), judges=Judges(None, WORDS))
    assert found[-1][0].rising == 2
    assert temper.rising == 0


def test_one_mild_word_is_no_reason_to_hand_a_caller_over() -> None:
    [(temper, escalate)] = course(Turn("it is annoying", 0.9), judges=Judges(None, WORDS))
    assert not escalate
    assert 0 < temper.mood.level < 3.6


def test_a_temper_survives_the_journal() -> None:
    temper = course(*[Turn(CALM_WORDS, 0.9, CALM_VOICE)] * 3, Turn("this is ridiculous", 0.8, SHOUT))[-1][0]
    back = Temper.restored(json.loads(json.dumps(temper.state())))
    again = Turn(ANGRY_WORDS, 0.9, SHOUT)
    assert judged(back, again, BOTH)[1].anger == pytest.approx(judged(temper, again, BOTH)[1].anger, abs=1e-3)
    assert back.reference.weight == pytest.approx(temper.reference.weight, abs=1e-3)


def test_a_state_of_another_version_is_a_stranger() -> None:
    assert Temper.restored({}) == CALM
    assert Temper.restored({"reference": [2.0, 1.0]}).reference == STRANGER
