"""Voice, words and behaviour together: what adds up, what is remembered, and what alone moves no call."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.emotion.behaviour import Deed
from voicebot.emotion.fusion import LEVEL, PRIOR, RANGE, UNEXPLAINED, UNMOVED, USUAL, Feeling, Limits, Moment, Mood, fuse, kept
from voicebot.emotion.voice import Evidence, VoiceScore
from voicebot.emotion.words import Said, WordScore

SHOUT = Deed("shouts over the bot", 1.2)


def voice(probability: float, reliability: float = 1.0) -> VoiceScore:
    return VoiceScore(probability, reliability, (Evidence("level_db", 9.0, "dB", 2.0),) if probability > 0.5 else ())


def words(anger: float, weight: float = 1.0, urgency: float = 0.0, sadness: float = 0.0) -> WordScore:
    return WordScore(anger, urgency, sadness, weight, (Said("complaint", "ridiculous", 3.0),) if anger > 0.3 else ())


def course(*moments: Moment, limits: Limits = USUAL) -> list[Feeling]:
    mood, feelings = UNMOVED, []
    for moment in moments:
        mood, feeling = fuse(mood, moment, limits)
        feelings.append(feeling)
    return feelings


def test_what_is_not_known_changes_nothing() -> None:
    mood, feeling = fuse(UNMOVED, Moment(), USUAL)
    assert feeling.anger == pytest.approx(PRIOR)
    assert mood == Mood(turns=1)
    assert not feeling.escalate


@pytest.mark.parametrize("probability", [0.9, 0.999, 1.0])
def test_a_voice_alone_never_moves_a_call(probability: float) -> None:
    feelings = course(*[Moment(voice(probability), words(0.05))] * 20, *[Moment(voice(probability))] * 20)
    assert not any(feeling.escalate for feeling in feelings)
    assert feelings[-1].anger > 0.5, "but it changes the style"


def test_words_that_no_phrase_explains_count_little() -> None:
    mood, feeling = fuse(UNMOVED, Moment(words=WordScore(0.999, 0, 0, 1.0)), USUAL)
    assert feeling.parts["words"] == pytest.approx(1.2 * UNEXPLAINED)
    assert not feeling.escalate
    assert mood.support == 0


def test_a_score_that_no_phrase_explains_moves_no_call() -> None:
    unexplained = WordScore(0.99, 0, 0, 1.0)
    assert not any(feeling.escalate for feeling in course(*[Moment(voice(0.99), unexplained)] * 10))


def test_a_sharp_outburst_is_enough() -> None:
    [feeling] = course(Moment(voice(0.9), words(0.9)))
    assert feeling.escalate
    assert feeling.evidence == ("said 'ridiculous'", "louder than expected: +9 dB")


def test_quiet_polite_anger_is_heard_when_it_lasts() -> None:
    assert [feeling.escalate for feeling in course(*[Moment(voice(0.02), words(0.7))] * 3)] == [False, True, True]


def test_behaviour_supports_an_angry_voice() -> None:
    assert any(feeling.escalate for feeling in course(*[Moment(voice(0.95), words(0.1), (SHOUT,))] * 2))
    assert not any(feeling.escalate for feeling in course(*[Moment(None, None, (SHOUT,))]))


def test_anger_that_is_over_is_forgotten() -> None:
    angry, calm = Moment(voice(0.3), words(0.4)), Moment(voice(0.02), words(0.02))
    feelings = course(angry, *[calm] * 6, angry)
    assert [feeling.anger for feeling in feelings[:7]] == sorted((feeling.anger for feeling in feelings[:7]), reverse=True)
    assert not any(feeling.escalate for feeling in feelings)


def test_the_mood_has_hysteresis() -> None:
    mood = Mood(level=USUAL.calm + 0.9, angry=True, turns=3)
    same = Mood(level=USUAL.calm + 0.9, turns=3)
    nothing = Moment(None, words(0.14))
    assert fuse(mood, nothing, USUAL)[0].angry
    assert not fuse(same, nothing, USUAL)[0].angry
    assert not fuse(Mood(level=0.1, angry=True), nothing, USUAL)[0].angry


def test_what_is_unsure_counts_less() -> None:
    sure, unsure = course(Moment(voice(0.9), words(0.9))), course(Moment(voice(0.9, 0.2), words(0.9, 0.2)))
    assert unsure[0].anger < sure[0].anger
    assert not unsure[0].escalate


def test_limits_are_those_of_the_queue() -> None:
    moment = Moment(voice(0.9), words(0.9))
    assert not course(moment, limits=Limits(sharp=10, sustained=10))[0].escalate
    assert course(Moment(None, words(0.5)), limits=Limits(sharp=0.5, support=0.5))[0].escalate


def test_urgency_and_sadness_fade() -> None:
    feelings = course(Moment(None, words(0.05, urgency=0.8, sadness=0.6)), Moment(), Moment(None, words(0.05)))
    assert [feeling.urgency for feeling in feelings] == pytest.approx([0.8, 0.4, 0.2])
    assert [feeling.sadness for feeling in feelings] == pytest.approx([0.6, 0.3, 0.15])


probabilities = st.floats(0, 1)
voices = st.none() | st.builds(voice, probabilities, probabilities)
said = st.none() | st.builds(words, probabilities, probabilities, probabilities, probabilities)
deeds = st.lists(st.builds(Deed, st.just("interrupts"), st.floats(0, 3)), max_size=3)
moments = st.lists(st.builds(Moment, voices, said, deeds), max_size=12)


@given(moments)
def test_any_course_stays_within_bounds(happened: list[Moment]) -> None:
    mood = UNMOVED
    for number, moment in enumerate(happened, 1):
        mood, feeling = fuse(mood, moment, USUAL)
        assert LEVEL[0] <= mood.level <= LEVEL[1]
        assert 0 <= feeling.anger <= 1
        assert mood.turns == number
        assert all(RANGE[name][0] <= part <= RANGE[name][1] for name, part in feeling.parts.items())
        assert len(feeling.evidence) <= 4


@given(moments)
def test_more_anger_in_the_words_never_lowers_the_score(happened: list[Moment]) -> None:
    angrier = [Moment(moment.voice, words(1.0), moment.deeds) if moment.words else moment for moment in happened]
    sure = [Moment(moment.voice, words(moment.words.anger), moment.deeds) if moment.words else moment for moment in happened]
    assert all(more.anger >= less.anger for more, less in zip(course(*angrier), course(*sure), strict=True))


@given(moments)
def test_a_mood_survives_the_journal(happened: list[Moment]) -> None:
    mood = UNMOVED
    for moment in happened:
        mood, _ = fuse(mood, moment, USUAL)
    back = Mood.restored(json.loads(json.dumps({**kept(mood), "of a later version": 1})))
    assert back.level == pytest.approx(mood.level, abs=1e-4)
    assert (back.angry, back.angry_turns, back.turns) == (mood.angry, mood.angry_turns, mood.turns)
    assert Mood.restored({}) == UNMOVED
