"""A server is asked in its own format, several times at once, and whatever it answers instead of an answer is one clear error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.kit.models import END, FakeServer, event, serving
from tests.kit.workers import until
from voicebot.errors import EngineError
from voicebot.llm import Ask, Message, whole
from voicebot.llm.server import LONGEST_LINE_BYTES, Server, key

Run = Callable[[Coroutine[Any, Any, Any]], Any]
SCHEMA = {"type": "object"}
GOOD: Sequence[str | float | None] = (event("one "), event("two"), event("", "stop"), END)


def ask(text: str = "hello", deadline_s: float = 20.0, **more: Any) -> Ask:
    return Ask((Message("system", "short"), Message("user", text)), deadline_s, **more)


async def answer(fake: FakeServer, what: Ask | None = None, **options: Any) -> str:
    async with Server(fake.url, "small", **options) as server:
        return await whole(server, what or ask())


def failing(run: Run, *blocks: str | float | None, deadline_s: float = 20.0) -> str:
    """What is said of a server that answers so."""

    async def main() -> str:
        async with serving(lambda _request: blocks) as fake:
            with pytest.raises(EngineError) as failed:
                await answer(fake, ask(deadline_s=deadline_s))
            return str(failed.value)

    told: str = run(main())
    assert told.startswith("server small: ")
    assert "\n" not in told
    return told


def test_an_answer_is_streamed(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda _request: GOOD) as fake, Server(fake.url + "/", "small", "sk-1") as server:
            assert [piece async for piece in server.pieces(ask(longest_tokens=50))] == ["one ", "two"]
            assert fake.requests == [
                {
                    "model": "small",
                    "messages": [{"role": "system", "content": "short"}, {"role": "user", "content": "hello"}],
                    "max_tokens": 50,
                    "temperature": 0,
                    "stream": True,
                }
            ]
            assert "POST /v1/chat/completions HTTP/1.1" in fake.headers[0]
            assert "Bearer sk-1" in fake.headers[0]

    run(main())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_any_split_of_the_stream_gives_the_same_answer(run: Run, size: int) -> None:
    text = "".join(str(block) for block in [": a comment\r\n\r\n", event("你"), "event: x\r\n", event("好 “q”"), "data: {}\n\n", END])

    async def main() -> None:
        async with serving(lambda _request: [text[at : at + size] for at in range(0, len(text), size)]) as fake:
            assert await answer(fake) == "你好 “q”"

    run(main())


def test_without_a_key_none_is_sent(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda _request: GOOD) as fake:
            await answer(fake)
            assert "authorization" not in fake.headers[0].lower()

    run(main())


def test_a_schema_is_sent_and_left_out_for_a_server_that_refuses_it(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda request: ["400 Bad Request", "no"] if "response_format" in request else GOOD) as fake:
            async with Server(fake.url, "small") as server:
                assert await whole(server, ask(schema=SCHEMA)) == "one two"
                assert await whole(server, ask(schema=SCHEMA)) == "one two"
            assert ["response_format" in request for request in fake.requests] == [True, False, False]
            assert fake.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA

    run(main())


def test_a_server_that_refuses_for_another_reason_is_still_sent_the_schema(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda _request: ["404 Not Found", "no such model"]) as fake, Server(fake.url, "small") as server:
            for _ in range(2):
                with pytest.raises(EngineError, match="status 404"):
                    await whole(server, ask(schema=SCHEMA))
            assert ["response_format" in request for request in fake.requests] == [True, False, True, False]

    run(main())


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        (["500 Internal Server Error", "<html>"], "HTTP status 500"),
        (["401 Unauthorized", "{}"], "HTTP status 401"),
        (["302 Found", ""], "HTTP status 302"),
        ([event("half"), None], "peer closed connection"),
        ([event("half")], "broke off"),
        ([], "broke off"),
        (["data: nonsense\n\n"], "no chat completion"),
        (['data: {"choices": 7}\n\n'], "no chat completion"),
        (['data: {"choices": [{"delta": {"content": 5}}]}\n\n'], "no chat completion"),
        (['data: {"error": {"message": "overloaded"}}\n\n'], "reported an error"),
        (["data: \udcff\n\n".encode("utf-8", "surrogateescape").decode("latin-1")], "no chat completion"),
        ([event("x" * 5_000)] * 2, "longer than"),
        (["data: " + "x" * (LONGEST_LINE_BYTES + 1)], "a line without an end"),
    ],
)
def test_what_is_no_answer_is_one_clear_error(run: Run, blocks: list[str | float | None], why: str) -> None:
    assert why in failing(run, *blocks)


@pytest.mark.parametrize("blocks", [[30.0, event("late")], [event("a"), 30.0], ["200 OK", 30.0]])
def test_a_slow_server_is_left_at_the_deadline(run: Run, blocks: list[str | float | None]) -> None:
    assert "not through at its deadline" in failing(run, *blocks, deadline_s=0.2)


def test_a_server_that_does_not_listen_is_named(run: Run) -> None:
    async def main() -> None:
        async with Server("http://127.0.0.1:1/v1", "small") as server:
            with pytest.raises(EngineError, match="server small: ConnectError"):
                await whole(server, ask())

    run(main())


def test_dropping_an_answer_closes_the_request(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda _request: [event("first"), 60.0]) as fake, Server(fake.url, "small") as server:
            stream = server.pieces(ask())
            assert await anext(stream) == "first"
            await stream.aclose()
            await until(lambda: fake.broken == 1)

    run(main())


def test_several_are_answered_at_once_and_no_more_than_may_be(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda _request: [0.05, *GOOD]) as fake, Server(fake.url, "small", at_once=3) as server:
            answers = await asyncio.gather(*(whole(server, ask()) for _ in range(9)))
            assert answers == ["one two"] * 9
            assert fake.most_at_once == 3

    run(main())


def test_who_waits_for_a_place_waits_no_longer_than_his_deadline(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda _request: [event("first"), 60.0]) as fake, Server(fake.url, "small", at_once=1) as server:
            stream = server.pieces(ask())
            await anext(stream)
            with pytest.raises(EngineError, match="deadline"):
                await whole(server, ask(deadline_s=0.05))
            await stream.aclose()
            assert len(fake.requests) == 1

    run(main())


def test_no_error_tells_the_key(run: Run) -> None:
    async def main() -> None:
        async with serving(lambda _request: ["401 Unauthorized", "sk-secret"]) as fake:
            with pytest.raises(EngineError) as failed:
                await answer(fake, key="sk-secret")
            assert "sk-secret" not in str(failed.value)

    run(main())


def test_the_key_is_read_from_its_file(tmp_path: Path) -> None:
    assert key(tmp_path) == ""
    (tmp_path / "llm-key").write_text("sk-1\n")
    assert key(tmp_path) == "sk-1"


@pytest.mark.parametrize("content", [b"two words", b"two\nlines", b"\xff", b"sk\x00"])
def test_what_is_no_key_is_refused_without_telling_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "llm-key").write_bytes(content)
    with pytest.raises(EngineError, match="llm-key") as failed:
        key(tmp_path)
    assert content.decode("latin-1").split()[0] not in str(failed.value).replace("llm-key", "").split()
