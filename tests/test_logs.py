from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from voicebot import logs
from voicebot.store.events import CallerSpoke

SECRET = "zero two zero one five five five"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_one_json_object_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger("voicebot.call").info("call admitted", calls=3, language="zh")
    (line,) = said(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "call admitted", "level": "info", "logger": "voicebot.call", "calls": 3, "language": "zh"}


@pytest.mark.parametrize("field", ["ani", "text", "transcript", "name", "heard_text", "briefing", "ANI"])
def test_personal_fields_are_masked(capsys: pytest.CaptureFixture[str], field: str) -> None:
    logs.configure()
    structlog.get_logger("voicebot.call").info("said", **{field: SECRET})
    (line,) = said(capsys)
    assert line[field] == logs.MASK


def nested() -> st.SearchStrategy[Any]:
    secrets = st.fixed_dictionaries({"ani": st.just(SECRET), "turn": st.integers()})
    return st.recursive(secrets, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from(["a", "text", "b"]), inner)))


@given(nested())
def test_personal_fields_are_masked_at_any_depth(value: Any) -> None:
    assert SECRET not in json.dumps(logs.mask_personal_data(None, "info", {"event": "said", "detail": value}))


def test_values_that_carry_text_of_their_own_show_only_their_type() -> None:
    fields = logs.mask_personal_data(None, "info", {"event": "said", "what": CallerSpoke(SECRET, 1.0, 0, 1), "plain": 1.5, "none": None})
    assert fields == {"event": "said", "what": "<CallerSpoke>", "plain": 1.5, "none": None}


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str], level: Literal["debug", "info", "warning", "error"]) -> None:
    logs.configure(level)
    log = structlog.get_logger("voicebot.call")
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("something")
    levels = [line["level"] for line in said(capsys)]
    assert levels == ["debug", "info", "warning", "error"][-len(levels) :]
    assert levels[0] == level


def test_a_calls_lines_carry_its_id_and_others_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    log = structlog.get_logger("voicebot.call")

    async def call(call_id: str) -> None:
        with logs.of_call(call_id):
            await asyncio.sleep(0)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(part(call_id))

    async def part(call_id: str) -> None:
        log.info("part of a call", of=call_id)

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(call("c1"))
            tasks.create_task(call("c2"))

    asyncio.run(both())
    log.info("of no call")
    *calls, last = said(capsys)
    assert sorted((line["call_id"], line["of"]) for line in calls) == [("c1", "c1"), ("c2", "c2")]
    assert "call_id" not in last


def test_libraries_are_heard_from_warning_on_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    logging.getLogger("alembic").info("running")
    logging.getLogger("alembic").warning("slow by %d s", 3)
    (line,) = said(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("slow by 3 s", "warning", "alembic")


def test_a_fault_has_its_traceback_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("voicebot.call").exception("call failed")
    (line,) = said(capsys)
    assert "RuntimeError: broken" in line["exception"]


def test_the_console_form_is_for_people_and_masks_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style="console")
    structlog.get_logger("voicebot.call").warning("call refused", ani=SECRET, calls=9)
    written = capsys.readouterr().err
    assert "call refused" in written
    assert "calls=9" in written
    assert SECRET not in written
    assert "\x1b" not in written


def test_a_logger_made_before_the_configuration_follows_it(capsys: pytest.CaptureFixture[str]) -> None:
    early = structlog.get_logger("voicebot.early")
    logs.configure("error")
    early.info("too quiet")
    early.error("loud")
    assert [line["event"] for line in said(capsys)] == ["loud"]
