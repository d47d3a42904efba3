"""Where a call ended, by its journal, and the figures made of many; the calls themselves need a telephone."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from voicebot.customers.database import DatabaseDirectory
from voicebot.customers.demo import people
from voicebot.errors import EvaluationError
from voicebot.store.events import BotSpoke, CallSealed, Event, HandoverDecided
from voicebot.testbed.bench_conversations import VOICES, Choice, Played, _drawn, _ears, _fits, _judge, command, filled, overview, result
from voicebot.testbed.bench_figures import Result
from voicebot.testbed.conversations import Conversation, Hears, Says, load


def record(*events: Event) -> Any:
    return SimpleNamespace(lines=[SimpleNamespace(event=event) for event in events])


def spoke(text: str) -> BotSpoke:
    return BotSpoke(text, "answer", 0, 1, 1, False, text)


HANDED = HandoverDecided("asked for a person", "support", 0, "")
CALL = Conversation("t", "en", "1", (Says("agent"), Hears(("Connecting you",))), "with a person, asked for a person")


def played(*events: Event) -> Played:
    one = Played(CALL)
    _judge(one, record(*events))
    return one


def test_an_end_that_is_missed_and_a_sentence_that_is_missing_show() -> None:
    good, bad = played(spoke("Connecting you."), HANDED), played(CallSealed("contained", "bot", 1))
    assert (good.reached, good.misheard) == (True, [])
    assert (bad.reached, bad.misheard) == (False, ["Connecting you"])
    assert bad.row()["not said"] == ["Connecting you"]


def test_nine_of_ten_are_enough_and_one_in_silence_or_lost_is_too_many() -> None:
    good, bad = played(spoke("Connecting you."), HANDED), played(HandoverDecided("was not understood", "support", 0, ""))
    assert result([good] * 9 + [bad]).passed
    assert not result([good] * 8 + [bad] * 2).passed
    silent, lost = played(spoke("Connecting you."), HANDED), played(CallSealed("contained", "bot", 1))
    silent.silent = True
    assert not result([good] * 9 + [silent]).passed
    assert not result([good] * 9 + [lost]).passed
    assert [each.outcome for each in (good, bad, silent, lost)] == ["reached", "person", "silence", "lost"]


def test_voice_and_codec_follow_from_seed_and_title_alone() -> None:
    chosen = Choice("en", seed=3)
    assert _drawn(CALL, chosen) == _drawn(CALL, Choice("en", "t", 1, seed=3))
    drawn = [_drawn(replace(CALL, title=str(number)), chosen) for number in range(40)]
    assert {each.voice for each in drawn} == set(VOICES["en"])
    assert {each.codec for each in drawn} == {"PCMU", "PCMA"}
    assert {_drawn(CALL, Choice("en", voices=("flite:slt",), seed=seed)).voice for seed in range(9)} == {"flite:slt"}


def test_enough_conversations_can_be_held_over_the_telephone() -> None:
    fitting = Counter(each.language for each in load(people(date(2026, 3, 14))) if _fits(each))
    assert fitting["en"] >= 30
    assert fitting["zh"] >= 10


def test_mandarin_is_heard_with_the_model_that_is_given_or_in_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _ears(Choice("en")) == {}
    assert _ears(Choice("zh", model=tmp_path)) == {"speech.pocketsphinx.zh": str(tmp_path)}
    with pytest.raises(EvaluationError, match="name the folder of a model with --model"):
        _ears(Choice("zh"))
    (tmp_path / "voicebot.toml").write_text(f'[speech.pocketsphinx]\nzh = "{tmp_path}"\n')
    assert _ears(Choice("zh")) == {"speech.pocketsphinx.zh": str(tmp_path)}


def test_each_call_is_a_line_of_the_table_with_where_the_script_was_left() -> None:
    one = played(spoke("Connecting you."), CallSealed("contained", "bot", 1))
    one.left, one.heard = "turn 1: says 'agent'", ["a gent", "agent"]
    console = Console(width=180, record=True, file=io.StringIO())
    console.print(overview([one.row()]))
    text = console.export_text()
    assert "turn 1: says 'agent'" in text
    assert "a gent | agent" in text
    assert "lost" in text


def test_the_command_tells_by_its_exit_whether_the_promise_is_kept() -> None:
    good, bad = played(spoke("Connecting you."), HANDED), played(CallSealed("contained", "bot", 1))

    def status(each: Played, *arguments: str) -> int:
        def finished(run: Coroutine[Any, Any, Result]) -> Result:
            run.close()
            return result([each])

        app = typer.Typer()
        app.command()(command(finished, lambda _what: None))
        return CliRunner().invoke(app, arguments).exit_code

    assert (status(good, "en"), status(bad, "en", "--json"), status(good, "fr")) == (0, 1, 2)


def test_the_demos_customers_are_there_before_the_first_call(tmp_path: Path) -> None:
    async def main() -> str | None:
        url = f"sqlite+aiosqlite:///{tmp_path}/customers.db"
        who = people(date(2026, 3, 14))[:2]
        await filled(url, who)
        directory = DatabaseDirectory(url)
        found = await directory.find(who[1].phone)
        await directory.close()
        return found.id if found else None

    assert datetime.now(UTC).year >= 2026
    assert asyncio.run(main()) == "c1"
