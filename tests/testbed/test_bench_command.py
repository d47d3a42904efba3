"""What the bench's commands share: a result shown with its exit status, questions drawn, a target by address, and an end that cleans up."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import typer

from voicebot.errors import KnowledgeError
from voicebot.settings import Settings
from voicebot.testbed import bench_command
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.rig import Target

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def target() -> Target:
    return Target(("127.0.0.1", 5060), Settings())


async def given(result: Result) -> Result:
    return result


def test_a_result_is_a_table_and_status_zero(capsys: pytest.CaptureFixture[str]) -> None:
    bench_command.show("latency", lambda: given(Result((Figure("wait", 500, "ms", 700),))), as_json=False)
    assert "500 ms" in capsys.readouterr().out


def test_a_missed_bar_is_status_one_and_the_json_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        bench_command.show("latency", lambda: given(Result((Figure("wait", 900, "ms", 700),))), as_json=True)
    assert ended.value.exit_code == 1
    assert json.loads(capsys.readouterr().out)["latency"]["figures"][0]["passed"] is False


def test_questions_are_drawn_from_unseen_wordings_or_from_the_knowledge_base_or_a_file(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("entry_id,wording\nopening-hours,when are you there\n", encoding="utf-8")
    unseen = {question.text for question in bench_command.drawn(target(), 30, 1)}
    known = {question.text for question in bench_command.drawn(target(), 30, 1, Path("kb"))}
    assert len(unseen) == len(known) == 30
    assert not unseen & known
    assert {question.text for question in bench_command.drawn(target(), 3, 1, own)} == {"when are you there"}
    assert {question.codec for question in bench_command.drawn(target(), 30, 1, codecs=("PCMA",))} == {"PCMA"}


def test_a_wording_without_an_entry_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("entry_id,wording\nno-such-entry,what\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"own\.csv: no entry no-such-entry"):
        bench_command.drawn(target(), 1, 1, own)


def test_a_target_by_address_is_called_there(run: Run) -> None:
    async def address() -> tuple[str, int]:
        async with bench_command.target_at("127.0.0.1:5999") as found:
            return found.address

    assert run(address()) == ("127.0.0.1", 5999)


def test_sigterm_lets_what_runs_clean_up() -> None:
    cleaned: list[str] = []

    async def long() -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(30)
        finally:
            cleaned.append("up")

    with pytest.raises(typer.Exit) as ended:
        bench_command.finished(long())
    assert ended.value.exit_code == 143
    assert cleaned == ["up"]


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    bench_command.progress("call 1 of 2")
    assert capsys.readouterr() == ("", "  call 1 of 2\n")
