"""The ear of one call: what was said arrives whole, once and in order, whatever the recogniser does and whenever it answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.clock import run_virtual
from tests.kit.speech import NOISE, WORD_MS, ScriptedGate, ScriptedRecogniser, Speech
from voicebot.settings import Turns
from voicebot.speech import ear as ear_module
from voicebot.speech.completeness import Completeness, SoFar
from voicebot.speech.ear import EMPTY_MS, Ear, Hearing
from voicebot.speech.endpointing import Endpointing
from voicebot.values import FRAME_MS, SILENCE_FRAME, Digit, NoAudio, Silence, Sound, Unrecognised, Utterance

TURNS = Turns(hold_complete_ms=400, hold_ms=700, no_speech_ms=3_000, no_rtp_ms=5_000, on_hold_ms=20_000, max_utterance_ms=4_000)
Late = Callable[[str], float]


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ear_module, "Gate", ScriptedGate)


class Bench:
    """An ear with a scripted recogniser. `heard` is all that came out of `next`; `mouth` what was done to the bot's voice."""

    def __init__(
        self, takes_s: Late = lambda _: 0.04, verdict: Completeness = Completeness.COMPLETE, deaf: bool = False, detector: Any = None
    ) -> None:
        self.speech = Speech()
        self.recogniser = ScriptedRecogniser(self.speech, takes_s)
        recogniser: Any = None if deaf else self.recogniser
        self.mouth: list[str] = []
        self.barge_ins: list[tuple[str, int, int]] = []
        self.ear = Ear(Hearing("en", TURNS, lambda _: verdict, recogniser, detector), self, lambda *what: self.barge_ins.append(what))
        self.heard: list[Sound] = []

    def pause(self) -> None:
        self.mouth.append("pause")

    def resume(self) -> None:
        self.mouth.append("resume")

    def flush(self) -> None:
        self.mouth.append("flush")

    async def feed(self, frames: Sequence[bytes], lost: bool = False) -> None:
        for pcm in frames:
            self.ear.frame(pcm, lost)
            await asyncio.sleep(FRAME_MS / 1000)

    async def silence(self, ms: int, lost: bool = False) -> None:
        await self.feed([SILENCE_FRAME] * (ms // FRAME_MS), lost)

    async def say(self, text: str, word_ms: int = WORD_MS) -> None:
        await self.feed(self.speech.frames(text, word_ms))

    async def listen(self) -> None:
        while True:
            self.heard.append(await self.ear.next())

    @property
    def words(self) -> list[str]:
        return [sound.transcript.text for sound in self.heard if isinstance(sound, Utterance)]

    def live(self, scene: Callable[[], Any], listens: bool = True) -> Bench:
        """Run the ear, and somebody who listens to it, while `scene` happens."""

        async def whole() -> None:
            async with asyncio.TaskGroup() as scope:
                tasks = [scope.create_task(self.ear.run()), *([scope.create_task(self.listen())] if listens else [])]
                await scene()
                for task in tasks:
                    task.cancel()
            self.ear.close()

        run_virtual(whole())
        return self


# Utterances.


def test_an_utterance_comes_with_its_words_and_times() -> None:
    bench = Bench()

    async def scene() -> None:
        await bench.silence(1_000)
        await bench.say("when are you open")
        await bench.silence(1_000)

    [utterance] = bench.live(scene).heard
    assert isinstance(utterance, Utterance)
    assert utterance.transcript.text == "when are you open"
    assert utterance.start_ms == 1_000 + ScriptedGate.late_ms
    assert utterance.end_ms == 1_000 + 4 * WORD_MS
    assert utterance.taken_ms == utterance.end_ms + TURNS.hold_complete_ms
    assert utterance.recognise_ms == pytest.approx(40)


def test_words_judged_open_are_waited_for_longer() -> None:
    taken_ms = {}
    for verdict in Completeness:
        bench = Bench(verdict=verdict)

        async def scene(bench: Bench = bench) -> None:
            await bench.say("my bill")
            await bench.silence(2_000)

        [utterance] = bench.live(scene).heard
        assert isinstance(utterance, Utterance)
        taken_ms[verdict] = utterance.taken_ms - utterance.end_ms
    assert taken_ms == {Completeness.COMPLETE: 400, Completeness.OPEN: 700, Completeness.HANGING: 1_200}


@pytest.mark.parametrize("late_ms", [0, 80, 200, 300])
def test_however_late_voice_is_confirmed_the_recogniser_gets_the_audio_from_its_onset(late_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedGate, "late_ms", late_ms)
    bench = Bench()
    spoken: list[bytes] = []

    async def scene() -> None:
        spoken.extend(bench.speech.frames("when are you open"))
        await bench.silence(2_000)
        await bench.feed(spoken)
        await bench.silence(1_000)

    bench.live(scene)
    [stream] = bench.recogniser.streams
    assert b"".join(spoken) in stream.pcm
    before = stream.pcm[: stream.pcm.index(b"".join(spoken))]
    assert before == bytes(len(before))
    assert len(before) // 32 == Endpointing.PREROLL_MS - late_ms
    assert bench.words == ["when are you open"]


def test_silence_after_the_words_settled_is_held_back_and_speech_releases_it() -> None:
    bench = Bench(verdict=Completeness.HANGING)

    async def scene() -> None:
        await bench.say("my number")
        await bench.silence(600)
        before = len(bench.recogniser.streams[0].pcm)
        await bench.silence(200)
        assert len(bench.recogniser.streams[0].pcm) == before, "the recogniser would begin again for silence"
        await bench.say("is five")
        await bench.silence(1_600)

    assert bench.live(scene).words == ["my number is five"]
    pauses_ms = bench.recogniser.streams[0].pcm.count(SILENCE_FRAME) * FRAME_MS
    assert pauses_ms >= 800, "nothing of the pause is missing"


@pytest.mark.parametrize(
    ("verdict", "sure", "unsure", "held_ms"),
    [(Completeness.COMPLETE, 0.2, 0.1, TURNS.hold_complete_ms), (Completeness.HANGING, 0.5, 0.3, TURNS.hold_hanging_ms)],
)
def test_words_heard_unsurely_neither_end_a_turn_early_nor_put_it_off(verdict: Completeness, sure: float, unsure: float, held_ms: int) -> None:
    taken_ms = {}
    for confidence in (sure, unsure):
        bench = Bench(verdict=verdict)
        bench.recogniser.confidence = confidence

        async def scene(bench: Bench = bench) -> None:
            await bench.say("bye")
            await bench.silence(2_000)

        [utterance] = bench.live(scene).heard
        assert isinstance(utterance, Utterance)
        taken_ms[confidence] = utterance.taken_ms - utterance.end_ms
    assert taken_ms == {sure: held_ms, unsure: TURNS.hold_ms}


def test_a_pause_is_judged_by_the_words_and_by_the_voice_so_far() -> None:
    bench = Bench()
    told: list[SoFar] = []

    def judge(so_far: SoFar) -> Completeness:
        told.append(so_far)
        return Completeness.HANGING

    bench.ear.hearing = replace(bench.ear.hearing, judge=judge)

    async def scene() -> None:
        await bench.say("when are")
        await bench.silence(500)
        await bench.say("you open today")
        await bench.silence(2_000)

    bench.live(scene)
    assert [so_far.text for so_far in told] == ["when are", "when are you open today"]
    assert [so_far.spoken_ms for so_far in told] == [2 * WORD_MS - ScriptedGate.late_ms, 5 * WORD_MS - 2 * ScriptedGate.late_ms]


def test_audio_of_one_utterance_never_begins_with_the_one_before() -> None:
    bench = Bench()

    async def scene() -> None:
        await bench.say("my bill")
        await bench.silence(420)
        await bench.say("is wrong")
        await bench.silence(1_000)

    bench.live(scene)
    assert bench.words == ["my bill", "is wrong"]
    assert [bench.speech.words(stream.pcm) for stream in bench.recogniser.streams] == ["my bill", "is wrong"]


def test_two_utterances_come_in_order_even_when_the_first_transcript_is_late() -> None:
    bench = Bench(lambda words: 3.0 if words == "my bill" else 0.02)

    async def scene() -> None:
        await bench.say("my bill")
        await bench.silence(1_000)
        await bench.say("agent")
        await bench.silence(4_000)

    bench.live(scene)
    assert bench.words == ["my bill", "agent"]


def test_a_transcript_that_comes_after_the_end_still_counts() -> None:
    bench = Bench(lambda _: 2.0)

    async def scene() -> None:
        await bench.say("my bill")
        await bench.silence(1_500)
        assert bench.heard == []
        await bench.silence(1_500)

    bench.live(scene)
    assert bench.words == ["my bill"]


def test_a_caller_who_goes_on_after_a_pause_is_one_utterance_with_all_words() -> None:
    bench = Bench(verdict=Completeness.HANGING)

    async def scene() -> None:
        for part in ("my bill", "is too", "high"):
            await bench.say(part)
            await bench.silence(500)
        await bench.silence(1_500)

    bench.live(scene)
    assert bench.words == ["my bill is too high"]
    assert len(bench.recogniser.streams) == 1


def test_too_long_an_utterance_is_taken_and_the_rest_is_another() -> None:
    bench = Bench()
    text = " ".join(f"word{number}" for number in range(25))

    async def scene() -> None:
        await bench.say(text)
        await bench.silence(1_500)

    bench.live(scene)
    assert " ".join(bench.words) == text
    assert len(bench.words) == 2
    first = bench.heard[0]
    assert isinstance(first, Utterance)
    assert first.taken_ms - first.start_ms <= TURNS.max_utterance_ms + 100


def test_speech_without_words_is_a_noise_when_short_and_a_turn_when_long() -> None:
    bench = Bench()

    async def scene() -> None:
        await bench.say(NOISE, 300)
        await bench.silence(1_000)
        assert bench.heard == []
        await bench.say(NOISE, EMPTY_MS + ScriptedGate.late_ms + 100)
        await bench.silence(1_000)

    bench.live(scene)
    assert bench.words == [""]
    assert all(stream.closed for stream in bench.recogniser.streams)


def test_without_a_recogniser_speech_is_nothing_and_keys_are_all() -> None:
    bench = Bench(deaf=True)

    async def scene() -> None:
        await bench.say("when are you open")
        await bench.silence(1_000)
        bench.ear.press("4")
        await bench.silence(100)

    assert [type(sound) for sound in bench.live(scene).heard] == [Digit]


# Failing recognisers.


def test_a_recogniser_that_fails_is_told_once_and_the_next_utterance_is_tried_again() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.recogniser.broken = True
        await bench.say("my bill")
        await bench.silence(1_500)
        assert bench.heard == [Unrecognised("recogniser worker ended with status -11")]
        bench.recogniser.broken = False
        await bench.say("my bill")
        await bench.silence(1_500)

    assert bench.live(scene).words == ["my bill"]
    assert len(bench.heard) == 2


def test_a_recogniser_that_fails_at_a_pause_inside_a_question_is_told_once() -> None:
    bench = Bench(verdict=Completeness.HANGING)

    async def scene() -> None:
        bench.recogniser.broken = True
        for part in ("my bill", "is wrong"):
            await bench.say(part)
            await bench.silence(300)
        await bench.silence(2_000)

    bench.live(scene)
    assert [type(sound) for sound in bench.heard] == [Unrecognised]
    assert all(stream.closed for stream in bench.recogniser.streams)


def test_who_speaks_on_right_after_a_failure_is_heard_though_it_is_the_same_breath() -> None:
    """The bot tells of the failure within the hold; what the caller says to that must not be lost with the utterance that failed."""
    bench = Bench()

    async def scene() -> None:
        bench.recogniser.broken = True
        await bench.say("my bill")
        await bench.silence(300)
        assert [type(sound) for sound in bench.heard] == [Unrecognised]
        bench.recogniser.broken = False
        bench.ear.bot_starts(protected=False, expects_answer=True)
        await bench.say("when are you open")
        await bench.silence(1_500)
        bench.ear.bot_stops()

    assert bench.live(scene).words == ["when are you open"]
    assert [kind for kind, _, _ in bench.barge_ins] == ["taken"]


def test_words_over_the_bot_that_fail_take_the_turn() -> None:
    """The caller may have meant them: the bot does not finish a long menu before it says that it heard nothing."""
    bench = Bench()

    async def scene() -> None:
        bench.recogniser.broken = True
        bench.ear.bot_starts(protected=False, expects_answer=True)
        await bench.silence(500)
        await bench.say("bill")
        await bench.silence(1_500)
        bench.ear.bot_stops()

    assert [type(sound) for sound in bench.live(scene).heard] == [Unrecognised]
    assert bench.mouth == ["pause", "flush"]


def test_each_failure_is_told_once_the_bot_has_spoken_since() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.recogniser.broken = True
        for _ in range(2):
            await bench.say("my bill")
            await bench.silence(1_500)
            bench.ear.bot_starts(protected=True, expects_answer=True)
            bench.ear.bot_stops()

    assert [type(sound) for sound in bench.live(scene).heard] == [Unrecognised, Unrecognised]


# Over the bot.


def over_the_bot(text: str, *, expects_answer: bool = False, protected: bool = False, word_ms: int = WORD_MS) -> Bench:
    bench = Bench()

    async def scene() -> None:
        bench.ear.bot_starts(protected, expects_answer)
        await bench.silence(1_000)
        await bench.say(text, word_ms)
        await bench.silence(1_500)
        bench.ear.bot_stops()

    return bench.live(scene)


def test_a_question_over_the_bot_takes_the_turn() -> None:
    bench = over_the_bot("where is my bill")
    assert bench.mouth == ["pause", "flush"]
    assert bench.words == ["where is my bill"]
    [(outcome, onset_ms, silent_after_ms)] = bench.barge_ins
    assert (outcome, onset_ms) == ("taken", 1_000 + ScriptedGate.late_ms)
    assert silent_after_ms <= 40


def test_a_murmur_over_the_bot_is_no_turn() -> None:
    bench = over_the_bot("okay")
    assert bench.mouth == ["pause", "resume"]
    assert bench.heard == []
    assert [outcome for outcome, _, _ in bench.barge_ins] == ["resumed"]


def test_a_word_or_two_recognised_unsurely_over_the_bot_is_a_murmur() -> None:
    for confidence, words in ((0.2, []), (0.9, ["the phone"])):
        bench = Bench()
        bench.recogniser.confidence = confidence

        async def scene(bench: Bench = bench) -> None:
            bench.ear.bot_starts(protected=False, expects_answer=False)
            await bench.silence(1_000)
            await bench.say("the phone")
            await bench.silence(1_500)
            bench.ear.bot_stops()

        assert bench.live(scene).words == words


def test_where_an_answer_is_expected_the_same_murmur_is_one() -> None:
    bench = over_the_bot("okay", expects_answer=True)
    assert bench.mouth == ["pause", "flush"]
    assert bench.words == ["okay"]


def test_words_over_a_protected_phrase_are_kept_and_the_bot_is_not_paused() -> None:
    bench = over_the_bot("where is my bill", protected=True)
    assert bench.mouth == []
    assert bench.words == ["where is my bill"]


def test_a_murmur_that_became_a_question_is_a_turn() -> None:
    assert over_the_bot("okay but where is my bill").words == ["okay but where is my bill"]


def test_a_murmur_begun_after_the_bot_stopped_is_a_turn() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.ear.bot_starts(protected=False, expects_answer=False)
        await bench.silence(500)
        bench.ear.bot_stops()
        await bench.say("okay")
        await bench.silence(1_000)

    assert bench.live(scene).words == ["okay"]


def test_a_key_is_known_to_wait_until_it_is_taken() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.ear.press("1")
        assert bench.ear.keyed
        assert await bench.ear.next() == Digit("1", 0)
        assert not bench.ear.keyed
        await bench.say("my bill")
        await bench.silence(1_500)
        assert not bench.ear.keyed, "speech is no key"

    bench.live(scene, listens=False)


def test_a_key_flushes_even_a_protected_phrase() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.ear.bot_starts(protected=True, expects_answer=False)
        await bench.silence(200)
        bench.ear.press("0")
        await bench.silence(20)

    bench.live(scene)
    assert bench.mouth == ["flush"]
    assert bench.heard == [Digit("0", 200)]


# Silence and dead lines.


def test_silence_is_told_again_and_again_while_somebody_waits() -> None:
    bench = Bench()
    bench.live(lambda: bench.silence(TURNS.no_speech_ms * 2 + 100))
    assert bench.heard == [Silence(3_000), Silence(3_000)]


def test_silence_does_not_count_while_nobody_waits() -> None:
    bench = Bench()

    async def scene() -> None:
        await bench.silence(10_000)
        waiting = asyncio.ensure_future(bench.ear.next())
        await bench.silence(TURNS.no_speech_ms - 100)
        assert not waiting.done()
        await bench.silence(200)
        assert waiting.result() == Silence(3_000)

    bench.live(scene, listens=False)


def test_silence_still_counts_after_words_that_ended_their_own_utterance() -> None:
    """Words that come between the two holds end the utterance and complete it in one step."""
    bench = Bench(lambda _: 0.4)

    async def scene() -> None:
        await bench.say("my bill")
        await bench.silence(TURNS.no_speech_ms + 1_000)

    bench.live(scene)
    assert [type(sound) for sound in bench.heard] == [Utterance, Silence]


def test_silence_does_not_count_while_words_are_on_their_way() -> None:
    bench = Bench(lambda _: 4.5)

    async def scene() -> None:
        await bench.say("my bill")
        await bench.silence(4_000)
        assert bench.heard == []
        await bench.silence(2_000)

    bench.live(scene)
    assert [type(sound) for sound in bench.heard] == [Utterance]


def test_who_talks_to_a_hotline_that_only_takes_keys_is_not_silent() -> None:
    bench = Bench(deaf=True)

    async def scene() -> None:
        await bench.say("hello can anybody hear me please somebody say something to me now")
        assert bench.heard == []
        await bench.silence(TURNS.no_speech_ms + 1_000)

    bench.live(scene)
    assert bench.heard == [Silence(3_000)]


def test_a_dead_line_is_asked_once_and_told_once() -> None:
    bench = Bench()
    bench.live(lambda: bench.silence(TURNS.no_rtp_ms * 3, lost=True))
    assert bench.heard == [Silence(3_000), NoAudio(5_000)]


def test_a_line_that_comes_back_is_told_again_when_it_dies_again() -> None:
    bench = Bench()

    async def scene() -> None:
        for _ in range(2):
            await bench.silence(TURNS.no_rtp_ms + 100, lost=True)
            await bench.silence(100)
        await bench.silence(TURNS.no_rtp_ms - 100, lost=True)

    bench.live(scene)
    assert bench.heard == [Silence(3_000), NoAudio(5_000), NoAudio(5_000)]


def test_words_are_whole_when_single_frames_are_lost() -> None:
    """A frame of silence put into a word would break it."""
    bench = Bench()

    async def scene() -> None:
        for number, pcm in enumerate(bench.speech.frames("my account number", WORD_MS)):
            await bench.feed([pcm])
            if number % 10 == 5:
                await bench.silence(FRAME_MS, lost=True)
        await bench.silence(1_000)

    bench.live(scene)
    assert bench.words == ["my account number"]
    fed = bench.recogniser.streams[0].pcm
    voice = b"".join(Speech().frames("my account number", WORD_MS))
    assert voice in fed


def test_a_stall_ends_no_turn_and_what_comes_late_takes_the_place_of_the_hole() -> None:
    bench = Bench(verdict=Completeness.HANGING)

    async def scene() -> None:
        voice = bench.speech.frames("my account number is forty two", WORD_MS)
        await bench.feed(voice[:40])
        await bench.silence(400, lost=True)
        bench.ear.frame(voice[60], False, b"".join(voice[40:60]))
        await bench.feed(voice[61:])
        await bench.silence(1_500)

    bench.live(scene)
    assert len(bench.words) == 1
    fed = bench.recogniser.streams[0].pcm
    voice = Speech().frames("my account number is forty two", WORD_MS)
    assert b"".join(voice[40:]) in fed, "late audio stands before what follows it"
    assert fed.count(SILENCE_FRAME * 10) <= 2, "and no long hole before it"


def test_the_recogniser_gets_the_silence_of_a_phone_that_sends_none() -> None:
    """The last sound of a word is only known by what follows it."""
    bench = Bench()

    async def scene() -> None:
        await bench.say("opening hours")
        await bench.silence(1_000, lost=True)

    bench.live(scene)
    assert bench.words == ["opening hours"]
    assert bench.recogniser.streams[0].pcm.endswith(SILENCE_FRAME * 5)


# Hold.


def test_on_hold_the_bot_stops_and_music_is_no_turn() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.ear.hold()
        bench.ear.hold()
        await bench.say("this is the music of a switchboard and somebody sings")
        await bench.silence(1_000)
        bench.ear.unhold()
        bench.ear.unhold()
        await bench.say("here i am")
        await bench.silence(1_000)

    bench.live(scene)
    assert bench.words == ["here i am"]
    assert bench.mouth == ["pause", "resume"]


def test_a_turn_that_hold_cuts_ends() -> None:
    bench = Bench()

    async def scene() -> None:
        await bench.say("my bill is")
        bench.ear.hold()
        await bench.say("la la la la")
        await bench.silence(1_000)

    bench.live(scene)
    assert bench.words == ["my bill is"]


def test_a_hold_is_waited_out_to_its_limit_and_then_told_once() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.ear.hold()
        await bench.silence(TURNS.on_hold_ms - 100, lost=True)
        assert bench.heard == []
        await bench.silence(10_000, lost=True)

    bench.live(scene)
    assert bench.heard == [NoAudio(TURNS.on_hold_ms)]
    assert bench.mouth == ["pause", "flush"], "who waits for the bot's words to be played waits no longer"


def test_a_key_pressed_on_hold_is_taken_and_the_next_phrase_waits() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.ear.hold()
        bench.ear.press("5")
        await bench.silence(100)
        bench.ear.unhold()

    bench.live(scene)
    assert [sound.key for sound in bench.heard if isinstance(sound, Digit)] == ["5"]
    assert bench.mouth == ["pause", "flush", "pause", "resume"]


def test_a_bot_that_was_paused_by_a_murmur_stays_silent_through_a_hold() -> None:
    bench = Bench()

    async def scene() -> None:
        bench.ear.bot_starts(protected=False, expects_answer=False)
        await bench.feed(bench.speech.frames(NOISE, 160))
        assert bench.mouth == ["pause"]
        bench.ear.hold()
        await bench.silence(2_000)
        assert bench.mouth == ["pause", "pause"], "its murmur is over, and nobody listens yet"
        bench.ear.unhold()

    bench.live(scene)
    assert bench.mouth == ["pause", "pause", "resume"]


# Whatever happens.


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(10, 100), st.floats(0.0, 3.0)), max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_word_said_is_heard_in_order_and_no_utterance_twice(talk: list[tuple[int, int, float]]) -> None:
    """Whatever the pauses and however late the transcripts: only a word that begins while a late settle is under way may be in both utterances."""
    numbers = itertools.count(1)
    said = [[f"word{next(numbers)}" for _ in range(count)] for count, _, _ in talk]
    late = itertools.chain((takes_s for *_, takes_s in talk), itertools.repeat(0.0))
    bench = Bench(lambda _: next(late))

    async def scene() -> None:
        for words, (_, pause_frames, _) in zip(said, talk, strict=True):
            await bench.say(" ".join(words))
            await bench.silence(pause_frames * FRAME_MS)
        await bench.silence(20_000)

    bench.live(scene)
    heard = [utterance.split() for utterance in bench.words]
    assert list(dict.fromkeys(word for words in heard for word in words)) == [word for words in said for word in words]
    assert all(set(earlier) & set(later) <= {earlier[-1]} for earlier, later in itertools.pairwise(heard))
    assert all(stream.closed for stream in bench.recogniser.streams)


def test_closing_in_the_middle_of_speech_frees_the_stream() -> None:
    bench = Bench()
    bench.live(lambda: bench.say("my bill is"))
    assert [stream.closed for stream in bench.recogniser.streams] == [True]


# Silero beside the gate.


class Detector:
    """Stands for SpeechDetector and its stream."""

    closed = False

    def stream(self, _on_probability: Callable[[int, float], None]) -> Detector:
        return self

    def close(self) -> None:
        self.closed = True


def test_the_second_opinion_is_given_up_with_the_call() -> None:
    detector = Detector()
    Bench(detector=detector).live(lambda: asyncio.sleep(0))
    assert detector.closed
