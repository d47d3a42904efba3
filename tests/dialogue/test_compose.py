"""When new words are wanted, what they may be made of, and that a model which obeys an attacker is never heard."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.kit.bot import KNOWLEDGE, prompts
from tests.kit.models import ByHeart
from voicebot.dialogue.compose import Composer, When, sources
from voicebot.dialogue.decisions import Answer, Line, MenuItem, Prompt, State
from voicebot.dialogue.grounding import OPENING, Grounded, Refused, Source
from voicebot.dialogue.knowledge import load
from voicebot.dialogue.script import Script
from voicebot.llm import Ask

Run = Callable[[Coroutine[Any, Any, Any]], Any]
DEMO = load(Path(__file__).resolve().parents[2] / "voicebot" / "demo" / "kb")
ATTACKS = [
    (language, attack["said"], attack["obeyed"])
    for language, attacks in tomllib.loads((Path(__file__).parent / "attacks.toml").read_text(encoding="utf-8")).items()
    for attack in attacks
]
SCRIPT = Script("en", prompts(), KNOWLEDGE)
ANSWER = Answer("opening-hours")
SOURCE = Source("opening-hours", ("we are open from eight to six",))


def composer(reply: Callable[[Ask], str] = lambda _ask: "", when: When = "always", **how: Any) -> tuple[Composer, ByHeart]:
    model = ByHeart(reply, takes_s=how.pop("takes_s", 0.0), **how)
    return Composer(model, 0.2, when), model


@pytest.mark.parametrize(
    ("line", "same", "when", "wanted"),
    [
        (ANSWER, 1, "again", False),
        (ANSWER, 2, "again", True),
        (Answer("opening-hours", "short"), 2, "again", True),
        (ANSWER, 1, "always", True),
        (ANSWER, 2, "never", False),
        (Answer("opening-hours", "offer"), 2, "always", False),
        (Prompt("again"), 2, "always", False),
        (MenuItem("1", "opening-hours"), 2, "always", False),
    ],
)
def test_only_answers_are_worth_new_words_and_only_when_it_is_set(line: Line, same: int, when: When, wanted: bool) -> None:
    assert composer(when=when)[0].wants(line, State(same=same)) is wanted
    assert composer(when=when)[0].wants(line, None) is False


def test_a_source_is_every_approved_wording_of_the_entry() -> None:
    assert sources(ANSWER, State(), SCRIPT) == (
        Source("opening-hours", ("we are open from eight to six", "in short, we are open from eight to six")),
    )


def test_what_has_no_entry_has_no_source(run: Run) -> None:
    made, model = composer()
    for line in (Answer("gone"), Prompt("again")):
        assert sources(line, None, SCRIPT) == ()
    assert run(made.compose((), "x", "en", "neutral")) == Refused("there is no source")
    assert not model.asks


def test_a_grounded_text_comes_back_with_its_sources(run: Run) -> None:
    made, model = composer(lambda _ask: json.dumps({"text": "we are open from 8 to 6", "ids": ["opening-hours"]}))
    assert run(made.compose((SOURCE,), "when", "en", "brief")) == Grounded("we are open from 8 to 6", ("opening-hours",))
    [ask] = model.asks
    assert ask.messages[0].text == OPENING
    assert ask.deadline_s == 0.2
    assert ask.schema
    assert ask.schema["properties"]["ids"]["items"]["enum"] == ["opening-hours"]


@pytest.mark.parametrize(("trouble", "why"), [("fails", "SIGSEGV"), ("hangs", "deadline"), ("garbage", "not the JSON")])
def test_whatever_befalls_the_model_is_a_reason_and_no_error(run: Run, trouble: Any, why: str) -> None:
    made, _ = composer(troubles={1: trouble})
    outcome = run(made.compose((SOURCE,), "when", "en", "neutral"))
    assert isinstance(outcome, Refused)
    assert why in outcome.why


def test_cancelling_it_cancels_the_model(run: Run) -> None:
    async def main() -> int:
        made, model = composer(takes_s=0.1)
        task = asyncio.ensure_future(made.compose((SOURCE,), "when", "en", "neutral"))
        while not model.asks:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return model.cancelled

    assert run(main()) == 1


def obedient(ask: Ask, obeyed: str, beside: bool) -> str:
    """A model that does as the attacker says: in place of the answer, or added to it."""
    source = json.loads(ask.messages[1].text)["sources"][0]
    text = f"{source['text']} {obeyed}" if beside else obeyed
    return json.dumps({"text": text, "ids": [source["id"]]}, ensure_ascii=False)


@pytest.mark.parametrize(("language", "said", "obeyed"), ATTACKS, ids=[said for _, said, _ in ATTACKS])
def test_a_model_that_obeys_an_attacker_is_not_heard(run: Run, language: str, said: str, obeyed: str) -> None:
    async def main() -> None:
        for entry in DEMO.language(language)[::9]:
            for beside in (False, True):
                made, _ = composer(lambda ask, beside=beside: obedient(ask, obeyed, beside))  # type: ignore[misc]
                outcome = await made.compose((Source(entry.id, entry.wordings()),), said, language, "neutral")
                assert isinstance(outcome, Refused), f"{entry.id}: {outcome}"

    run(main())


def test_there_are_enough_attacks_in_both_languages() -> None:
    count = [language for language, _, _ in ATTACKS].count
    assert count("en") >= 30
    assert count("zh") >= 10
