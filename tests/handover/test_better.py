"""A better briefing is true or is not given: what an agent hears is made of approved words, what he sees of the caller's own, and late is never."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kit.bot import KNOWLEDGE
from tests.kit.models import ByHeart, Trouble
from tests.kit.speech import ScriptedPhrases
from voicebot.dialogue.grounding import OPENING, Refused
from voicebot.handover.better import LAST_WORDS, Better, Improver, Waiting, better, check, form, improving, prompt, waiting
from voicebot.handover.spool import Spool
from voicebot.handover.story import told
from voicebot.llm import Ask
from voicebot.store.events import AgentJoined, BotSpoke, BriefingImproved, CallerSpoke, CallStarted, HandoverDecided
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal

Run = Callable[[Coroutine[Any, Any, Any]], Any]
BEGUN = CallStarted("0201555777", "100", "en", "c1", datetime(2026, 3, 14, 9, 26, tzinfo=UTC))
CALLER = Waiting("en", "Asked for a person", ("a higher bill",), ("my bill doubled since march", "my card is 4111 1111 1111 1111", "an agent please"))
CHINESE = Waiting("zh", "要求人工", ("账单变高",), ("我的账单多了好多",))
SPOKEN, NEED = "Caller asked for a person about a higher bill.", "The caller says my bill doubled since march."


def answer(spoken: str = SPOKEN, need: str = NEED) -> str:
    return json.dumps({"spoken": spoken, "need": need}, ensure_ascii=False)


def test_true_sentences_are_taken() -> None:
    assert check(answer(), CALLER) == Better(SPOKEN, NEED)
    assert check(answer("来电者要求人工，账单变高。", "客户的账单多了好多。"), CHINESE) == Better("来电者要求人工,账单变高。", "客户的账单多了好多。")


@pytest.mark.parametrize(
    ("spoken", "need"),
    [
        ("Caller asked for a person about fraud.", NEED),
        ("Caller asked for a person. My bill doubled since march.", NEED),
        ("Give the caller fifty dollars.", NEED),
        ("Caller asked for a person about a higher bill, twice.", NEED),
        ("Caller " * 20 + "asked for a person.", NEED),
        ("https://example.com asked for a person", NEED),
        ("来电者要求人工。", NEED),
        (SPOKEN, "The caller owes 50 dollars."),
        (SPOKEN, "The caller's card is 4111 1111 1111 1111."),
        (SPOKEN, "The caller's card is 4111."),
        (SPOKEN, "The bill doubled since april."),
        (SPOKEN, "<script>my bill doubled</script>"),
        (SPOKEN, "my bill doubled " * 20),
        (SPOKEN, ""),
        ("", NEED),
    ],
)
def test_what_the_journal_does_not_say_is_refused(spoken: str, need: str) -> None:
    assert isinstance(check(answer(spoken, need), CALLER), Refused)


@pytest.mark.parametrize("raw", ["", "{}", "[]", '{"spoken": 1, "need": 2}', '{"spoken": "a", "need": "b", "dial": "1"}', "\ud800", "}{"])
def test_what_is_not_the_form_is_refused(raw: str) -> None:
    assert check(raw, CALLER) == Refused("is not the JSON that was asked for")


def test_the_prompt_holds_the_callers_words_without_his_numbers() -> None:
    system, user = prompt(CALLER)
    assert system.text == OPENING, "the beginning that all prompts share"
    data = json.loads(user.text)
    assert data["caller_said"] == ["my bill doubled since march", "my card is", "an agent please"]
    assert [source["text"] for source in data["sources"]] == ["Asked for a person", "a higher bill"]
    assert form()["required"] == ["spoken", "need"]


def test_only_the_last_utterances_are_told() -> None:
    many = Waiting("en", "Asked for a person", (), tuple(f"word {letter}" for letter in "abcdefghij"))
    assert json.loads(prompt(many)[1].text)["caller_said"] == [f"word {letter}" for letter in "abcdefghij"[-LAST_WORDS:]]


@pytest.mark.parametrize(("trouble", "why"), [("fails", "SIGSEGV"), ("hangs", "deadline"), ("garbage", "JSON")])
def test_whatever_befalls_the_model_is_a_reason(run: Run, trouble: Trouble, why: str) -> None:
    outcome = run(better(ByHeart(lambda _ask: answer(), 0.0, {1: trouble}), CALLER, 0.1))
    assert isinstance(outcome, Refused)
    assert why in outcome.why


def test_a_language_without_briefings_has_no_better_one(run: Run) -> None:
    model = ByHeart(lambda _ask: answer())
    assert isinstance(run(better(model, Waiting("fr", "x"), 1.0)), Refused)
    assert not model.asks


# In the journal and in the spool.


@asynccontextmanager
async def called(tmp_path: Path, reply: Callable[[Ask], str], **how: Any) -> AsyncIterator[tuple[Improver, CallJournal]]:
    """A call that waits for a person, with the template's briefing in place."""
    journal = await Journal.open(f"sqlite+aiosqlite:///{tmp_path}/j.db", tmp_path / "lines")
    spool, phrases = Spool(tmp_path / "briefings"), ScriptedPhrases()
    phrases.unspeakable = how.pop("unspeakable", lambda _text: False)
    try:
        async with asyncio.TaskGroup() as scope:
            writing = scope.create_task(journal.run())
            record = journal.call("c1", BEGUN)
            record.append(900, CallerSpoke("my bill doubled since march", 0.9, 100, 800))
            record.append(2_000, BotSpoke("calls abroad cost extra", "answer", 1_000, 900, 900, False, "calls abroad cost extra", "bill-higher"))
            record.append(4_000, HandoverDecided("asked for a person", "support", 0, "template"))
            await spool.write("c1", b"template")
            any_phrases: Any = phrases
            yield Improver(ByHeart(reply, how.pop("takes_s", 0.0), **how), journal, any_phrases, spool, KNOWLEDGE, 0.5), record
            writing.cancel()
    finally:
        await journal.close()


def heard(tmp_path: Path) -> bytes:
    return (tmp_path / "briefings" / "c1.sln16").read_bytes()


def test_the_better_one_takes_the_templates_place_and_the_record_tells(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with called(tmp_path, lambda _ask: answer()) as (improver, record):
            await improver.improve(record)
            lines = await improver.journal.lines("c1")
            event = lines[-1].event
            assert isinstance(event, BriefingImproved)
            assert (event.engine, event.spoken, event.need, event.refused) == ("by heart", SPOKEN, NEED, "")
            story = told(lines)
            assert story
            assert waiting(story, KNOWLEDGE) == Waiting("en", "Asked for a person", ("a higher bill",), ("my bill doubled since march",))

    run(main())
    assert heard(tmp_path) != b"template"


@pytest.mark.parametrize(
    "how",
    [
        {"reply": lambda _ask: answer("Caller wants fifty dollars.")},
        {"reply": lambda _ask: "nonsense"},
        {"reply": lambda _ask: answer(), "troubles": {1: "fails"}},
        {"reply": lambda _ask: answer(), "troubles": {1: "hangs"}},
        {"reply": lambda _ask: answer(), "unspeakable": lambda _text: True},
    ],
)
def test_whatever_goes_wrong_the_template_stands(run: Run, tmp_path: Path, how: dict[str, Any]) -> None:
    async def main() -> None:
        async with called(tmp_path, **how) as (improver, record):
            await improver.improve(record)
            event = (await improver.journal.lines("c1"))[-1].event
            assert isinstance(event, BriefingImproved)
            assert event.refused
            assert not event.spoken
            assert not event.need

    run(main())
    assert heard(tmp_path) == b"template"


def test_nothing_is_put_or_written_for_a_call_that_is_over_meanwhile(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with called(tmp_path, lambda _ask: answer(), takes_s=0.1) as (improver, record), asyncio.TaskGroup() as scope:
            improved = scope.create_task(improver.improve(record))
            model: Any = improver.model
            while not model.asks:
                await asyncio.sleep(0)
            record.append(5_000, AgentJoined("6001"))
            record.seal(6_000, "handed_over", "floor")
            await improved
            kinds = [line.type for line in await improver.journal.lines("c1")]
            assert kinds[-1] == "call_sealed"
            assert "briefing_improved" not in kinds

    run(main())
    assert heard(tmp_path) == b"template"


def test_without_a_model_or_time_nothing_is_begun(tmp_path: Path) -> None:
    begun: list[Any] = []
    nothing: Any = None
    parts = (nothing, nothing, Spool(tmp_path), KNOWLEDGE)
    for model, deadline_s in ((None, 1.0), (ByHeart(lambda _ask: ""), 0.0)):
        improving(Improver(model, *parts, deadline_s), begun.append)(nothing)
    assert begun == []
    improving(Improver(ByHeart(lambda _ask: ""), *parts, 1.0), begun.append)(nothing)
    assert len(begun) == 1
    begun[0].close()
