"""A composed answer in a whole call: heard when it is grounded and in time; whatever befalls the model, the approved text is heard instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.asterisk import CALLER
from tests.kit.bot import Bench
from tests.kit.conversation import Held, Step, at_once, hangs_up, hold, presses, says
from tests.kit.models import ByHeart, Trouble
from tests.kit.speech import scripted_ears
from tests.kit.tales import ANSWER, ASKED_WHEN, BILL, GONE, GREETED, WHEN
from voicebot.dialogue.compose import Composer, When
from voicebot.llm import Ask
from voicebot.memory import recalled
from voicebot.store.events import BotSpoke, Composed, Decided, Fault

DEADLINE_S = 1.5
NEW_WORDS = "we are open from 8 to 6"
OVERHEAD_MS = 100
"""What a turn takes beside the model, in frames and steps."""


def open_hours(ask: Ask) -> str:
    """A good model: it words what it is given."""
    given = json.loads(ask.messages[1].text)["sources"][0]
    return json.dumps({"text": given["text"].replace("eight to six", "8 to 6"), "ids": [given["id"]]})


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


Talk = Callable[..., tuple[Held, ByHeart]]


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    """Hold a call with a model that `reply`s, unless something befalls it."""

    def held(
        *steps: Step,
        reply: Callable[[Ask], str] = open_hours,
        when: When = "always",
        takes_s: float = 0.4,
        deadline_s: float = DEADLINE_S,
        troubles: dict[int, Trouble] | None = None,
        bend: Callable[[Bench], None] = lambda _bench: None,
    ) -> tuple[Held, ByHeart]:
        model = ByHeart(reply, takes_s, troubles)
        bench = Bench(tmp_path)
        bench.bot = replace(bench.bot, composer=Composer(model, deadline_s, when))
        bend(bench)
        call = hold(bench, *steps)
        assert call.wrongs() == []
        return call, model

    return held


def spoken(held: Held) -> list[str]:
    return [event.text for event in held.record.of(BotSpoke) if event.kind == "answer"]


def waited_ms(held: Held) -> list[int]:
    """From each decision to the first answer after it."""
    waits, decided_ms = [], 0
    for t_ms, event in held.record.lines:
        if isinstance(event, Decided):
            decided_ms = t_ms
        elif isinstance(event, BotSpoke) and event.kind == "answer":
            waits.append(event.start_ms - decided_ms)
    return waits


def test_a_composed_answer_is_heard_and_the_record_tells_whose_words_they_are(talk: Talk) -> None:
    held, model = talk(says(WHEN), hangs_up())
    assert held.story == [*GREETED, *ASKED_WHEN, "Composed", f"bot, answer: {NEW_WORDS}", *GONE]
    assert held.record.of(Composed) == [Composed("by heart", ("opening-hours",), held.record.of(Composed)[0].took_ms)]
    assert [event.entry_id for event in held.record.of(BotSpoke)][-1] == "opening-hours"
    assert len(model.asks) == 1
    assert held.ending == "contained by caller"


def test_by_default_only_who_asks_again_is_answered_in_other_words(talk: Talk) -> None:
    held, model = talk(says(WHEN), says(WHEN), hangs_up(), when="again", takes_s=0.2)
    assert spoken(held) == ["we are open from eight to six", NEW_WORDS]
    assert len(model.asks) == 1


def test_never_is_never(talk: Talk) -> None:
    held, model = talk(says(WHEN), says(WHEN), hangs_up(), when="never")
    assert not model.asks
    assert held.record.of(Composed) == []


def test_the_model_is_told_the_callers_words_as_data_and_nothing_else_of_him(talk: Talk) -> None:
    _, model = talk(says(WHEN), hangs_up())
    told = "".join(message.text for message in model.asks[0].messages)
    assert json.loads(model.asks[0].messages[1].text)["caller_said"] == WHEN
    assert "0201555777" not in told
    assert CALLER not in json.loads(model.asks[0].messages[1].text)["sources"]


@pytest.mark.parametrize("trouble", ["fails", "hangs", "garbage"])
@pytest.mark.parametrize("struck", [1, 2, 3])
def test_whatever_befalls_the_model_the_call_goes_on_in_approved_words(talk: Talk, trouble: Trouble, struck: int) -> None:
    acts = [says(WHEN), says(BILL), says(WHEN), says("no thanks goodbye")]
    held, model = talk(*acts, troubles={struck: trouble})
    assert held.done
    assert len(model.asks) == 3
    plain = ["we are open from eight to six", "the bill is in the app", "we are open from eight to six"]
    composed = [NEW_WORDS, "the bill is in the app", NEW_WORDS]
    assert spoken(held) == [*composed[: struck - 1], plain[struck - 1], *composed[struck:]]
    refused = [bool(event.refused) for event in held.record.of(Composed)]
    assert refused == [number == struck for number in (1, 2, 3)]
    assert held.ending == "contained by bot"
    assert held.record.of(Fault) == []


def test_nobody_waits_longer_than_the_deadline(talk: Talk) -> None:
    held, _ = talk(says(WHEN), says(BILL), hangs_up(), troubles={1: "hangs", 2: "hangs"})
    assert [DEADLINE_S * 1000 - OVERHEAD_MS < wait < DEADLINE_S * 1000 + OVERHEAD_MS for wait in waited_ms(held)] == [True, True]
    assert {event.refused for event in held.record.of(Composed)} <= {
        "it was not spoken at its deadline",
        "by heart: the language model was not through at its deadline",
    }


@pytest.mark.parametrize(
    "reply",
    [
        lambda _ask: json.dumps({"text": "we are open from nine to six", "ids": ["opening-hours"]}),
        lambda _ask: json.dumps({"text": NEW_WORDS, "ids": ["bill-copy"]}),
        lambda _ask: "I am afraid I can't do that",
        lambda _ask: "",
    ],
)
def test_what_is_not_grounded_is_never_heard(talk: Talk, reply: Callable[[Ask], str]) -> None:
    held, _ = talk(says(WHEN), hangs_up(), reply=reply)
    assert spoken(held) == ["we are open from eight to six"]
    assert held.record.of(Composed)[0].refused
    assert NEW_WORDS not in str(held.record.of(Composed)), "a refused text stands nowhere"


def test_a_text_that_no_voice_can_say_is_left(talk: Talk) -> None:
    def dumb(bench: Bench) -> None:
        bench.phrases.unspeakable = lambda text: "8" in text

    held, _ = talk(says(WHEN), hangs_up(), bend=dumb)
    assert spoken(held) == ["we are open from eight to six"]
    assert "no voice" in held.record.of(Composed)[0].refused


def test_a_voice_that_is_slow_is_inside_the_deadline_too(talk: Talk) -> None:
    def slow(bench: Bench) -> None:
        bench.phrases.takes = lambda text: 3.0 if "8" in text else 0.0

    held, _ = talk(says(WHEN), hangs_up(), bend=slow)
    assert spoken(held) == ["we are open from eight to six"]
    assert waited_ms(held)[0] < DEADLINE_S * 1000 + OVERHEAD_MS
    assert held.record.of(Composed)[0].refused == "it was not spoken at its deadline"


BUSY_MS = 900
"""After the caller's words: the turn is over and the model is at work."""


def test_a_caller_who_speaks_on_cancels_the_model_and_is_answered(talk: Talk) -> None:
    def speak(caller: object) -> None:
        line, bench = caller.line, caller.bench  # type: ignore[attr-defined]
        line.voice.extend(bench.speech.frames(BILL))

    held, model = talk(says(WHEN), at_once(speak, BUSY_MS), hangs_up(), takes_s=3.5, deadline_s=4.0)
    assert model.cancelled == 1
    assert held.record.of(Composed)[0].refused == "the caller took the turn"
    assert f"caller: {BILL}" in held.story
    assert "decided Reply: matched bill-copy 0.92" in held.story


def test_a_key_cancels_it_too(talk: Talk) -> None:
    held, model = talk(says(WHEN), at_once(lambda caller: caller.asterisk.press("0"), BUSY_MS), takes_s=1.4)
    assert model.cancelled == 1
    assert spoken(held) == []
    assert held.ending == "handed_over by floor"


def test_hanging_up_cancels_it_and_leaves_nothing(talk: Talk) -> None:
    held, model = talk(says(WHEN), at_once(lambda caller: caller.asterisk.hang_up(), BUSY_MS), takes_s=1.4)
    assert model.cancelled == 1
    assert held.record.of(Composed) == []


def _until_the_answer(held: Held) -> Sequence[int]:
    kinds = [type(line.event) for line in held.record.history]
    return range(kinds.index(Decided) + 1, kinds.index(BotSpoke, kinds.index(Composed)) + 1)


def test_who_takes_the_call_over_in_the_middle_answers_anew(talk: Talk, tmp_path: Path) -> None:
    """The first controller dies after any line from the decision to the answer, the composed event among them."""
    first, _ = talk(says(WHEN), hangs_up())
    for lines in _until_the_answer(first):
        before = first.record.history[:lines]
        assert [getattr(line, "entry_id", "") for line in recalled(before).unsaid] == ["opening-hours"]
        bench = Bench(tmp_path)
        bench.bot = replace(bench.bot, composer=Composer(ByHeart(open_hours, 0.2), DEADLINE_S, "always"))
        held = hold(bench, hangs_up(), before=before)
        assert held.wrongs() == []
        assert f"bot, answer: {NEW_WORDS}" in held.story


def test_without_a_model_nothing_is_different(tmp_path: Path) -> None:
    held = hold(Bench(tmp_path), says(WHEN), presses("0"))
    assert ANSWER in held.story
    assert held.record.of(Composed) == []
