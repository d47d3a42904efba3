"""A model in a process of its own streams, stops when it is no longer wanted, and costs nobody more than an answer when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.kit.workers import alive, state, until
from voicebot.errors import EngineError
from voicebot.llm import Ask, Message, llama, whole
from voicebot.llm.llama import Llama

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def ask(text: str, deadline_s: float = 20.0, **more: Any) -> Ask:
    return Ask((Message("system", "short"), Message("user", text)), deadline_s, **more)


@contextlib.asynccontextmanager
async def loaded(model: Llama) -> AsyncIterator[Llama]:
    async with model:
        await model.loaded
        yield model


def free(model: Llama) -> bool:
    return not model.busy


def test_an_answer_comes_in_pieces(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            assert model.name == "llama m"
            assert [piece async for piece in model.pieces(ask("one two three"))] == ["one ", "two ", "three "]
            assert await whole(model, ask("again")) == "again "

    run(main())


def test_who_comes_second_waits_and_is_answered(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            answers = await asyncio.gather(*(whole(model, ask(f"number {number}")) for number in range(5)))
            assert answers == [f"number {number} " for number in range(5)]

    run(main())


def test_who_waits_in_vain_is_told_at_his_own_deadline(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            stream = model.pieces(ask("stream"))
            await anext(stream)
            with pytest.raises(EngineError, match="deadline"):
                await whole(model, ask("second", 0.05))
            await stream.aclose()
            assert await whole(model, ask("third")) == "third "

    run(main())


def test_an_answer_that_is_dropped_stops_at_once_and_frees_the_model(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            stream = model.pieces(ask("stream"))
            assert [await anext(stream) for _ in range(3)] == ["tick "] * 3
            await stream.aclose()
            assert not model._answers
            await until(lambda: free(model))
            assert await whole(model, ask("next")) == "next "

    run(main())


def test_one_who_is_cancelled_while_he_waits_leaves_the_turn_to_the_next(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model, asyncio.TaskGroup() as scope:
            first = scope.create_task(whole(model, ask("stream")))
            await until(lambda: model.busy)
            second = scope.create_task(whole(model, ask("second")))
            third = scope.create_task(whole(model, ask("third")))
            await asyncio.sleep(0)
            second.cancel()
            first.cancel()
            assert await third == "third "

    run(main())


def test_the_deadline_ends_an_answer_and_leaves_the_model_free(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            with pytest.raises(EngineError, match="not through at its deadline"):
                await whole(model, ask("stream", 0.1))
            await until(lambda: free(model))
            assert model.ready

    run(main())


@pytest.mark.parametrize(("what", "why"), [("crash", "SIGSEGV"), ("garbage", "nonsense"), ("endless", "nonsense")])
def test_a_process_that_breaks_fails_the_answer_and_is_replaced(run: Run, scripted: str, what: str, why: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            pid = model.pid
            with pytest.raises(EngineError, match=why):
                await whole(model, ask(what))
            await until(lambda: model.ready and model.pid != pid)
            assert await whole(model, ask("well")) == "well "
            assert not alive(pid)

    run(main())


def test_a_process_that_is_killed_in_mid_answer_fails_it_and_the_one_behind_is_told_too(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            stream = model.pieces(ask("stream"))
            await anext(stream)
            async with asyncio.TaskGroup() as scope:
                behind = scope.create_task(_failure(model, ask("behind")))
                await asyncio.sleep(0)
                os.kill(model.pid, signal.SIGKILL)
                with pytest.raises(EngineError, match="SIGKILL"):
                    async for _ in stream:
                        pass
            assert "not running" in behind.result()

    run(main())


async def _failure(model: Llama, what: Ask) -> str:
    try:
        return await whole(model, what)
    except EngineError as error:
        return str(error)


def test_a_process_that_hangs_is_killed_after_a_grace(run: Run, scripted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama, "GRACE_S", 0.2)

    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            pid = model.pid
            with pytest.raises(EngineError, match="deadline"):
                await whole(model, ask("hang", 0.1))
            await until(lambda: model.ready and model.pid != pid)
            assert await whole(model, ask("well")) == "well "

    run(main())


def test_a_stopped_process_costs_a_deadline_and_is_replaced(run: Run, scripted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama, "GRACE_S", 0.2)

    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            pid = model.pid
            os.kill(pid, signal.SIGSTOP)
            await until(lambda: state(pid) == "T")
            with pytest.raises(EngineError, match="deadline"):
                await whole(model, ask("anything", 0.1))
            await until(lambda: model.ready and model.pid != pid)

    run(main())


def test_what_the_model_refuses_is_told_and_costs_no_process(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            pid = model.pid
            with pytest.raises(EngineError, match="the prompt is too long"):
                await whole(model, ask("refuse"))
            with pytest.raises(EngineError, match="longer than"):
                await whole(model, ask("large"))
            assert await whole(model, ask("well")) == "well "
            assert model.pid == pid

    run(main())


def test_a_model_that_cannot_be_used_is_given_up_with_its_reason(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with Llama(Path("unfit.gguf"), program=scripted) as model:
            with pytest.raises(EngineError, match="the model is missing; get it"):
                await model.loaded
            with pytest.raises(EngineError, match="not running: the model is missing"):
                await whole(model, ask("anything"))

    run(main())


def test_a_build_that_crashes_before_it_was_ready_is_given_up_with_the_remedy(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with Llama(Path("broken.gguf"), program=scripted) as model:
            with pytest.raises(EngineError, match=r"SIGILL at the first prompt; .*GGML_NATIVE=OFF"):
                await model.loaded

    run(main())


def test_a_model_that_does_not_come_up_is_killed(run: Run, scripted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama, "START_S", 0.01)

    async def main() -> None:
        async with Llama(Path("m.gguf"), program=scripted) as model:
            with pytest.raises(EngineError, match=r"was not loaded after 0\.01 s"):
                await model.loaded

    run(main())


def test_a_program_that_cannot_be_started_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    async def main() -> None:
        async with Llama(Path("m.gguf")) as model:
            with pytest.raises(EngineError, match="cannot be started: No such file"):
                await model.loaded

    run(main())


def test_asking_before_it_is_loaded_is_refused_at_once(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with Llama(Path("m.gguf"), program=scripted) as model:
            assert not model.ready
            with pytest.raises(EngineError, match="not running"):
                await whole(model, ask("anything"))

    run(main())


def test_leaving_ends_the_process_and_the_answer_in_the_making(run: Run, scripted: str) -> None:
    async def main() -> None:
        async with loaded(Llama(Path("m.gguf"), program=scripted)) as model:
            pid, stream = model.pid, model.pieces(ask("stream"))
            await anext(stream)
        await until(lambda: not alive(pid))
        with pytest.raises(EngineError):
            async for _ in stream:
                pass

    run(main())


# The real thing, on a GGUF that follows no instruction.

SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string", "maxLength": 60}, "ids": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2}},
    "required": ["text", "ids"],
    "additionalProperties": False,
}


def test_a_real_model_streams_keeps_a_schema_stops_and_survives(run: Run, stories: Path) -> None:
    async def main() -> None:
        async with loaded(Llama(stories, opening="short", context_tokens=512)) as model:
            pieces = [piece async for piece in model.pieces(ask("Once upon a time", longest_tokens=30))]
            assert 10 < len(pieces) <= 30
            assert "".join(pieces).strip()
            assert (await whole(model, ask("Once upon a time", longest_tokens=30))) == "".join(pieces), "temperature 0 repeats itself"
            made = json.loads(await whole(model, ask("tell", schema=SCHEMA, longest_tokens=200)))
            assert set(made) == {"text", "ids"}
            assert set(made["ids"]) <= {"a", "b"}
            with pytest.raises(EngineError, match="context window"):
                await whole(model, ask("x " * 3_000))
            stream = model.pieces(ask("go on", longest_tokens=400))
            await anext(stream)
            await stream.aclose()
            await until(lambda: free(model))
            assert await whole(model, ask("Once upon a time", longest_tokens=30)) == "".join(pieces), "a stopped answer leaves nothing in the context"

    run(main())


def test_a_real_model_that_is_killed_comes_back(run: Run, stories: Path) -> None:
    async def main() -> None:
        async with loaded(Llama(stories, context_tokens=512)) as model:
            pid, stream = model.pid, model.pieces(ask("go on", longest_tokens=400))
            await anext(stream)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(EngineError, match="SIGKILL"):
                async for _ in stream:
                    pass
            await until(lambda: model.ready and model.pid != pid)
            assert await whole(model, ask("Once", longest_tokens=5))

    run(main())
