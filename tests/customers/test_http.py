"""The directory behind HTTP: right answers, one retry, a breaker, and every kind of nonsense told as one error that repeats nothing of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from voicebot.customers import http
from voicebot.customers.demo import outages, people
from voicebot.customers.directory import Account, Place
from voicebot.customers.http import COOL_S, FAILURES, Breaker, HttpDirectory
from voicebot.errors import DirectoryError

T = TypeVar("T")
TODAY = date(2026, 3, 14)
ACCOUNT = people(TODAY)[0].account
PLACE = Place("Riverside", outages(TODAY)[0])


class Server:
    """Answers from a list, the last for ever, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content)


def said(kind: Any, value: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=TypeAdapter(kind).dump_json(value))


def ask(server: Server, question: Callable[[HttpDirectory], Awaitable[T]], now_s: list[float] | None = None) -> T:
    times = now_s or [0.0]

    async def main() -> T:
        directory = HttpDirectory("http://127.0.0.1:9/api/", "s3cret", httpx.MockTransport(server), lambda: times[0])
        try:
            return await question(directory)
        finally:
            await directory.close()

    return asyncio.run(main())


def test_each_question_goes_where_it_belongs_and_its_answer_comes_back_whole() -> None:
    server = Server(said(dict, {"id": "c0", "language": "en", "area": "Westfield"}))
    assert ask(server, lambda d: d.find("02 1&x=1")) == ACCOUNT.customer
    assert ask(Server(said(Account, ACCOUNT)), lambda d: d.account("c0")) == ACCOUNT
    assert ask(Server(said(Place, PLACE)), lambda d: d.place("riverside")) == PLACE
    assert ask(Server(said(dict, {"right": True})), lambda d: d.check("c0", "4821")) is True
    [request] = server.asked
    assert request.url.params["number"] == "02 1&x=1"
    assert request.headers["Authorization"] == "Bearer s3cret"


def test_the_digits_travel_in_the_body_and_an_id_stays_one_part_of_the_path() -> None:
    server = Server(said(dict, {"right": False}))
    assert ask(server, lambda d: d.check("../c0", "4821")) is False
    [request] = server.asked
    assert json.loads(request.content) == {"digits": "4821"}
    assert request.url.raw_path == b"/api/customers/..%2Fc0/check"
    assert "4821" not in str(request.url)


def test_nobody_and_nowhere_are_none() -> None:
    gone = httpx.Response(404)
    assert ask(Server(gone), lambda d: d.find("1")) is None
    assert ask(Server(gone), lambda d: d.place("x")) is None
    assert ask(Server(gone), lambda d: d.check("c0", "1")) is False
    with pytest.raises(DirectoryError, match="no account"):
        ask(Server(gone), lambda d: d.account("c0"))


def test_another_customers_account_is_never_taken() -> None:
    with pytest.raises(DirectoryError, match="another customer"):
        ask(Server(said(Account, ACCOUNT)), lambda d: d.account("c1"))


@pytest.mark.parametrize("trouble", [httpx.ConnectError("x"), httpx.Response(503)])
def test_it_is_asked_once_more_but_a_pin_never(trouble: Any) -> None:
    server = Server(trouble, said(Account, ACCOUNT))
    assert ask(server, lambda d: d.account("c0")) == ACCOUNT
    assert len(server.asked) == 2
    pin = Server(trouble, said(dict, {"right": True}))
    with pytest.raises(DirectoryError):
        ask(pin, lambda d: d.check("c0", "4821"))
    assert len(pin.asked) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        httpx.Response(200, content=b"<html>secret 4821</html>"),
        httpx.Response(200, content=b'{"id": 7}'),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b" " * (http.MAX_BYTES + 1)),
        httpx.Response(302, headers={"Location": "http://elsewhere"}),
        httpx.Response(401, content=b"secret"),
        httpx.ReadTimeout("secret"),
    ],
)
def test_nonsense_is_one_error_that_repeats_nothing_of_it(nonsense: Any) -> None:
    with pytest.raises(DirectoryError) as caught:
        ask(Server(nonsense), lambda d: d.find("1"))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_an_account_or_an_error(body: bytes) -> None:
    with pytest.raises(DirectoryError):
        ask(Server(httpx.Response(200, content=body)), lambda d: d.account("c0"))


def test_a_server_that_never_answers_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Never(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(60)
            raise AssertionError

    async def main() -> None:
        directory = HttpDirectory("http://127.0.0.1:9", transport=Never())
        with pytest.raises(DirectoryError, match="TimeoutError"):
            await directory.find("1")
        await directory.close()

    monkeypatch.setattr(http, "DEADLINE_S", 0.05)
    asyncio.run(main())


def test_after_failures_in_a_row_it_is_left_alone_for_a_moment() -> None:
    server, now_s = Server(httpx.Response(500)), [0.0]

    async def often(directory: HttpDirectory) -> int:
        for _ in range(FAILURES + 2):
            with pytest.raises(DirectoryError):
                await directory.find("1")
        asked = len(server.asked)
        now_s[0] = COOL_S + 1
        server.answers = [httpx.Response(404)]
        assert await directory.find("1") is None
        return asked

    assert ask(server, often, now_s) == 2 * FAILURES


def test_the_breaker_closes_with_one_success_and_opens_again_at_once_without() -> None:
    breaker = Breaker()
    for at_s in range(FAILURES):
        assert not breaker.open(float(at_s))
        breaker = breaker.after(False, float(at_s))
    assert breaker.open(FAILURES)
    assert not breaker.open(COOL_S + FAILURES)
    assert breaker.after(False, 100.0).open(101.0)
    assert breaker.after(True, 100.0) == Breaker()
