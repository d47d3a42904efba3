"""What is put together for one language: the knowledge, the words, the rules, and whichever engine there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from tests.kit.bot import ENTRIES
from tests.kit.clock import run_virtual
from voicebot import languages
from voicebot.bot import Tongue
from voicebot.dialogue.decisions import MenuItem, Prompt
from voicebot.dialogue.intents import Intent
from voicebot.dialogue.knowledge import Knowledge
from voicebot.errors import EngineError, KnowledgeError
from voicebot.languages import prepared, reading, renewed, tongue
from voicebot.settings import Recording, Settings, Turns
from voicebot.settings.engines import Speech
from voicebot.speech.asr import engines
from voicebot.speech.completeness import Completeness, SoFar
from voicebot.values import Transcript

MANDARIN = tuple(replace(entry, language="zh", title="营业时间", questions=("几点开门",), menu=None) for entry in ENTRIES[:1])
BOTH = Knowledge((*ENTRIES, *MANDARIN), "kb-2")


class Engine:
    """Stands for the recogniser of English: notes what it was made of, and whether it runs."""

    made: tuple[Any, ...] = ()
    fails = ""

    def __init__(self, settings: Settings, _language: str, wordings: list[str]) -> None:
        type(self).made = (settings, wordings)
        if self.fails == "making":
            raise EngineError("the language model cannot be written")
        self.running = False

    async def launch(self) -> None:
        self.running = True

    async def until_ready(self) -> None:
        if self.fails == "starting":
            raise EngineError("no worker started")

    async def stop(self) -> None:
        self.running = False


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> type[Engine]:
    monkeypatch.setattr(engines, "POCKETSPHINX", {"en": Engine})
    monkeypatch.setattr(Engine, "fails", "")
    monkeypatch.setattr(languages, "embedding", lambda _language, _settings: None)
    return Engine


class Rendering:
    """Stands for the phrases: notes what was rendered."""

    def __init__(self) -> None:
        self.rendered: list[str] = []

    def kept(self, _text: str, _language: str) -> bool:
        return False

    async def prepare(self, texts: list[str], _language: str, _progress: Any) -> None:
        self.rendered += texts

    def sweep(self) -> None: ...


def made(language: str, settings: Settings | None = None, knowledge: Knowledge = BOTH) -> Tongue:
    async def scenario() -> Tongue:
        async with AsyncExitStack() as stack:
            return await tongue(stack, settings or Settings(), knowledge, language, None)

    return run_virtual(scenario())


def test_english_listens_with_a_model_of_the_knowledge_base(engine: type[Engine]) -> None:
    settings = Settings(speech=Speech(recognisers=3))

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            found = await tongue(stack, settings, BOTH, "en", None)
            recogniser: Any = found.hearing.recogniser
            assert recogniser.running
        assert not recogniser.running

    run_virtual(scenario())
    chosen, wordings = engine.made
    assert {question for entry in ENTRIES for question in entry.questions} <= set(wordings)
    assert not {"几点开门", "营业时间"} & set(wordings)
    assert chosen is settings


def test_a_language_without_an_engine_is_led_by_keys() -> None:
    assert made("zh").hearing.recogniser is None
    assert made("zh").matcher is None, "it takes a second to learn, for words that nobody hears"


@pytest.mark.parametrize("step", ["making", "starting"])
def test_an_engine_that_cannot_start_leaves_the_keys(step: str, monkeypatch: pytest.MonkeyPatch, engine: type[Engine]) -> None:
    monkeypatch.setattr(engine, "fails", step)
    assert made("en").hearing.recogniser is None


class Better(Engine):
    """Stands for an engine on a higher rung."""


@pytest.mark.parametrize("step", ["", "making", "starting"])
def test_the_best_engine_that_starts_is_taken(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Better, "fails", step)
    monkeypatch.setattr(languages, "rungs", lambda _settings, _language: (Better, Engine))
    found: Any = made("en").hearing.recogniser
    assert type(found) is (Engine if step else Better)


def test_a_renewed_tongue_knows_the_new_entries_and_hears_with_what_it_had() -> None:
    later = Knowledge((*(replace(entry, questions=(*entry.questions, "zebra crossing")) for entry in ENTRIES[:1]), *ENTRIES[1:]), "kb-4")

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            old = await tongue(stack, Settings(), BOTH, "en", None)
            phrases: Any = Rendering()
            new = await renewed(Settings(), phrases, later, old)
        assert new.hearing.recogniser is old.hearing.recogniser
        assert new.scripts[True].knowledge.version == "kb-4"
        assert old.scripts[True].knowledge.version == BOTH.version
        assert set(new.scripts[True].fixed()) <= set(phrases.rendered)
        assert old.matcher
        assert new.matcher
        asked = "zebra crossing"
        assert new.matcher.match(asked)[0].confidence > old.matcher.match(asked)[0].confidence

    run_virtual(scenario())


def test_a_language_that_has_lost_its_entries_is_not_renewed() -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            old = await tongue(stack, Settings(), BOTH, "zh", None)
            phrases: Any = Rendering()
            with pytest.raises(KnowledgeError, match="no entries in 'zh'"):
                await renewed(Settings(), phrases, Knowledge(ENTRIES, "kb-5"), old)

    run_virtual(scenario())


def test_who_only_reads_needs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "POCKETSPHINX", {})
    found = reading(Settings(), BOTH, "en")
    assert found.hearing.recogniser is None
    assert found.matcher
    assert found.matcher.match("opening hours")[0].entry_id == "opening-hours"


def test_without_entries_there_is_no_language() -> None:
    with pytest.raises(KnowledgeError, match=r"no entries in 'fr'; add some or change the hotline's language in \[hotlines\]"):
        made("fr")


def test_the_menu_is_read_in_the_order_of_its_keys() -> None:
    backwards = Knowledge(tuple(reversed(ENTRIES)), "kb-3")
    assert list(made("en", knowledge=backwards).rules.menu.items()) == [("1", "opening-hours"), ("2", "bill-copy")]
    assert made("zh").rules.menu == {}


def test_settings_reach_the_rules_and_the_ear() -> None:
    turns = Turns(no_speech_then="end", hold_ms=900)
    found = made("en", Settings(turns=turns))
    assert found.rules.no_speech_then == "end"
    assert found.hearing.turns == turns
    assert 0 < found.rules.clarify < found.rules.accept < 1


def test_the_greeting_fits_the_hotline() -> None:
    """Who is not listened to is not told that the voice is analysed; who is recorded is told so."""
    greetings = {}
    for recorded in (False, True):
        found = made("en", Settings(company="Our Company", recording=Recording(enabled=recorded)))
        for listens, script in found.scripts.items():
            greetings[listens, recorded] = script.text(Prompt("greeting"))
    assert len(set(greetings.values())) == 4
    assert all("Our Company" in greeting for greeting in greetings.values())
    assert all(("analysed" in greeting) == listens for (listens, _), greeting in greetings.items())
    assert all(("not recorded" in greeting) != recorded for (_, recorded), greeting in greetings.items())


def test_the_parts_speak_the_language() -> None:
    english, mandarin = made("en"), made("zh")
    assert Intent.PERSON in english.intents.of("agent please")
    assert Intent.PERSON in mandarin.intents.of("转人工")
    assert english.matcher is not None
    assert english.matcher.match("opening hours")[0].entry_id == "opening-hours"
    assert mandarin.scripts[False].text(MenuItem("1", "opening-hours")).count("营业时间") == 1
    assert english.hearing.judge(SoFar("i want to know the", 1_200)) is not Completeness.COMPLETE
    assert english.hearing.judge(SoFar("opening hours", 500)) is Completeness.COMPLETE


@pytest.mark.parametrize(
    ("text", "confidence", "matters"),
    [
        ("", 0.0, False),
        ("let me", 0.5, False),
        ("let me", 0.9, True),
        ("the", 0.8, False),
        ("does", 0.95, True),
        ("opening hours", 0.5, False),
        ("opening hours", 0.7, True),
        ("wait", 0.02, True),
        ("stop", 0.02, True),
        ("agent please", 0.02, True),
        ("no not that", 0.5, True),
        ("no", 0.3, False),
        ("thank you", 0.9, False),
        ("hello", 0.9, False),
        ("thanks an agent please", 0.9, True),
        ("the other day you said", 0.5, True),
        ("the other day you said", 0.3, False),
    ],
)
def test_over_the_bot_a_misheard_murmur_does_not_matter_and_a_wish_does(text: str, confidence: float, matters: bool) -> None:
    assert made("en").hearing.matters(Transcript(text, confidence)) is matters


# Phrases.


class Cache:
    """Stands for Phrases: what it holds, and what it was asked to render."""

    def __init__(self, *held: str) -> None:
        self.held = set(held)
        self.rendered: list[str] = []
        self.swept = False

    def sweep(self) -> int:
        self.swept = True
        return 0

    def kept(self, text: str, _language: str) -> bool:
        return text in self.held

    async def prepare(self, texts: list[str], _language: str, on_progress: Callable[[int, int], None]) -> None:
        for done, text in enumerate(texts, start=1):
            self.rendered.append(text)
            on_progress(done, len(texts))


def prepare(cache: Any, found: Tongue) -> None:
    run: Coroutine[Any, Any, None] = prepared(cache, found)
    asyncio.run(run)


def test_everything_that_can_be_said_is_rendered_once_before_the_first_call() -> None:
    found, cache = made("en"), Cache()
    prepare(cache, found)
    assert len(cache.rendered) == len(set(cache.rendered))
    for listens in (True, False):
        assert found.scripts[listens].text(Prompt("greeting")) in cache.rendered
    assert {entry.answer for entry in ENTRIES} <= set(cache.rendered)
    assert cache.swept


def test_what_is_there_is_not_rendered_again() -> None:
    found, cache = made("en"), Cache()
    prepare(cache, found)
    again = Cache(*cache.rendered[1:])
    prepare(again, found)
    assert again.rendered == cache.rendered[:1]
    full = Cache(*cache.rendered)
    prepare(full, found)
    assert full.rendered == []


def test_progress_is_shown_to_a_person_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = made("en")
    prepare(Cache(), found)
    assert "phrases\n" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    cache = Cache()
    prepare(cache, found)
    count = len(cache.rendered)
    assert capsys.readouterr().err.endswith(f"{count}/{count} phrases\n")
