"""The synthetic caller: what it asks, what it makes of what it met, and what it tells Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit.deskkit import ANI, QUESTION, QUEUED, WITH_BOT, journalling, over
from voicebot.dialogue.entry import Entry
from voicebot.errors import KnowledgeError, VoicebotError
from voicebot.settings import Settings
from voicebot.testbed import probe as probing
from voicebot.testbed.probe import CODEC, Probed, answered_with, chosen, figures, probe, write
from voicebot.testbed.questions import Question
from voicebot.testbed.rig import Target
from voicebot.testbed.scenario import Exchange
from voicebot.testbed.sip import PhoneError

HOURS = Entry("hours", "en", "opening hours", (), None, ("when are you open", "closing time"), "Nine to five.", "Nine.")
MENU = replace(HOURS, id="bill", menu=2, questions=("how do i pay",))
FIRST = replace(MENU, id="plan", menu=1, questions=("which plan is best",))
WELL = Probed("100", "hours", 9.0, 4.0, 0.7, "hours")
ASKED = Question("hours", QUESTION, "flite:rms", CODEC)


@pytest.mark.parametrize(
    ("entries", "entry_id", "language", "question"),
    [
        ((HOURS, MENU, FIRST), "", "en", "which plan is best"),
        ((HOURS, MENU, FIRST), "hours", "en", "when are you open"),
        ((HOURS,), "", "en", "when are you open"),
        ((HOURS, replace(HOURS, language="zh", questions=("几点开门",))), "hours", "zh", "几点开门"),
    ],
)
def test_it_asks_what_the_knowledge_base_knows(entries: tuple[Entry, ...], entry_id: str, language: str, question: str) -> None:
    assert chosen(entries, entry_id, language).text == question


def test_what_cannot_be_asked_is_refused_by_name() -> None:
    with pytest.raises(KnowledgeError, match="no entry umbrellas in 'en'"):
        chosen((HOURS,), "umbrellas", "en")
    with pytest.raises(KnowledgeError, match="no entry at all in 'zh'"):
        chosen((HOURS,), "", "zh")
    with pytest.raises(VoicebotError, match="no voice for a caller in 'fr'"):
        chosen((replace(HOURS, language="fr"),), "", "fr")


@pytest.mark.parametrize(
    ("probed", "failed"),
    [
        (WELL, ""),
        (replace(WELL, answered_with=None), ""),
        (replace(WELL, answered_with="bill"), "asked for hours, answered with bill"),
        (replace(WELL, answered_with=""), "asked for hours, answered with nothing"),
        (replace(WELL, why="486 Busy Here"), "486 Busy Here"),
    ],
)
def test_a_caller_complains_of_no_answer_and_of_a_wrong_one(probed: Probed, failed: str) -> None:
    assert probed.failed == failed
    assert figures(probed, 5.0).get_sample_value("voicebot_probe_success", {"hotline": "100"}) == float(not failed)


def test_what_never_came_has_no_figure(tmp_path: Path) -> None:
    path = tmp_path / "voicebot.prom"
    write(path, figures(Probed("100", "hours", 9.0, why="no"), 5.0))
    text = path.read_text()
    assert 'voicebot_probe_timestamp_seconds{hotline="100"} 5.0' in text
    assert "answer_seconds" not in text
    assert [each.name for each in tmp_path.iterdir()] == ["voicebot.prom"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoicebotError, match="cannot be written: No such file"):
        write(tmp_path / "nowhere" / "voicebot.prom", figures(WELL, 5.0))


def test_the_journal_tells_what_it_was_answered_with(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/journal.db"

    async def scenario() -> None:
        assert await answered_with(url, ANI) is None, "there is no journal"
        async with journalling(url, tmp_path / "spool") as calls:
            calls.begin("c1", *WITH_BOT, *QUEUED, *over())
        assert await answered_with(url, ANI) == "bill-higher"
        assert await answered_with(url, "none") is None

    asyncio.run(scenario())


@dataclass
class Heard:
    onset: float | None

    def onset_s(self, from_s: float) -> float | None:
        return None if self.onset is None else from_s + self.onset


@dataclass
class Line:
    """A caller who is answered after so many seconds, or never, or is cut off."""

    onset: float | None = 0.7
    error: Exception | None = None

    async def ask(self, spoken: Any) -> Exchange:
        if self.error:
            raise self.error
        return Exchange(spoken.question, 50.0, 60.0, Heard(self.onset))  # type: ignore[arg-type]


def called(monkeypatch: pytest.MonkeyPatch, folder: Path, line: Line | Exception) -> Probed:
    async def voiced(*_: object) -> Any:
        return np.zeros(8, np.int16)

    @asynccontextmanager
    async def calling(*_: object) -> AsyncIterator[Line]:
        if isinstance(line, Exception):
            raise line
        yield line

    monkeypatch.setattr(probing, "synth", voiced)
    monkeypatch.setattr(probing, "calling", calling)
    settings = Settings(store={"url": f"sqlite+aiosqlite:///{folder}/none.db"})  # type: ignore[arg-type]
    return asyncio.run(probe(Target(("127.0.0.1", 9), settings), "100", ASKED, folder))


def test_an_answer_is_timed_from_the_end_of_the_question(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = called(monkeypatch, tmp_path, Line())
    assert found.answer_s == pytest.approx(0.7)
    assert found.greeted_s is not None
    assert (found.failed, found.answered_with) == ("", None)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (Line(None), "the bot did not answer the question"),
        (Line(error=PhoneError("the call ended while the caller spoke")), "the call ended while the caller spoke"),
        (PhoneError("486 Busy Here"), "486 Busy Here"),
        (TimeoutError(), "the call was not answered in time"),
        (OSError(101, "Network is unreachable"), "127.0.0.1:9 cannot be called: Network is unreachable"),
    ],
)
def test_each_way_to_fail_is_told_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: Line | Exception, why: str) -> None:
    found = called(monkeypatch, tmp_path, line)
    assert (found.failed, found.answer_s) == (why, None)
    assert (found.greeted_s is None) is isinstance(line, Exception)
