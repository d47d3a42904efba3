"""What every request passes: each path of the table is tried with each role, without a sign-in and from another site."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from tests.kit.deskkit import person
from voicebot.desk.access import RULES, SUPERVISORS, Rule, rule
from voicebot.desk.auth import COOKIE, Present, digest
from voicebot.desk.guard import Guard, policy
from voicebot.store.staff import Role, SignIn

BASE = "http://desk.test"
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
Scope = MutableMapping[str, Any]


class FakeDoor:
    """Everybody whose cookie is the name of a role is in as that role."""

    def __init__(self) -> None:
        self.seen_by: list[str] = []

    def present(self, secret: str) -> Present | None:
        if secret not in set(Role):
            return None
        return Present(person("p", Role(secret)), SignIn(digest(secret), "p", NOON, NOON, NOON + timedelta(hours=1)))

    async def seen(self, present: Present) -> None:
        self.seen_by.append(present.person.role)


async def inside(scope: Scope, receive: Any, send: Any) -> None:
    """The application behind the guard: says what it was told."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    request = Request(scope, receive)
    found = request.state.present
    response = PlainTextResponse(f"{found.person.role if found else 'nobody'} {request.state.nonce}", headers={"Cache-Control": "public"})
    await response(scope, receive, send)


def ask(path: str, method: str = "GET", *, role: str = "", headers: dict[str, str] | None = None, embed: tuple[str, ...] = ()) -> httpx.Response:
    async def asking() -> httpx.Response:
        guard: Any = Guard(inside, FakeDoor(), embed)  # type: ignore[arg-type]
        cookie = {"Cookie": f"{COOKIE}={role}"} if role else {}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=BASE) as http:
            return await http.request(method, path, headers={**cookie, **(headers or {})})

    return asyncio.run(asking())


def example(one: Rule) -> str:
    return one.path.replace("{}", "c1").replace("*", "x")


@pytest.mark.parametrize("role", ["", *Role])
@pytest.mark.parametrize("one", RULES, ids=lambda one: one.path)
def test_each_path_lets_in_its_roles_and_nobody_else(one: Rule, role: str) -> None:
    for method in sorted(one.methods - {"WEBSOCKET"}):
        status = ask(example(one), method, role=role, headers={"Origin": BASE}).status_code
        expected = 200 if one.roles is None or role in set(one.roles) else 401 if not role else 403
        assert (method, status) == (method, expected)


@pytest.mark.parametrize(("role", "status"), [("", 401), ("agent", 403), ("supervisor", 200), ("admin", 200)])
def test_a_page_for_supervisors_is_for_supervisors(role: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = (Rule("/wall", SUPERVISORS),)
    monkeypatch.setattr("voicebot.desk.guard.rule", lambda method, path: rule(method, path, rules))
    assert ask("/wall", role=role).status_code == status


@pytest.mark.parametrize("path", ["/nowhere", "/pop", "/api/calls/a/b", "/wall2", "/pop/%2e%2e/x"])
@pytest.mark.parametrize("role", Role)
def test_what_is_in_no_table_is_refused_to_everybody(path: str, role: Role) -> None:
    assert ask(path, role=role).status_code in (403, 404)
    assert ask(path).status_code == 401


def test_a_browser_without_a_sign_in_is_sent_there() -> None:
    answer = ask("/", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.test", "http://desk.test.evil.test", "http://desk.test:81", "https://evil.test/desk.test", ""]
)
def test_a_form_of_another_site_is_refused_whoever_is_signed_in(origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    assert ask("/sign-out", "POST", role="agent", headers=headers).status_code == 403
    assert ask("/sign-in", "POST", headers=headers).status_code == 403


def test_a_body_that_is_too_long_is_refused_before_it_is_read() -> None:
    assert ask("/sign-in", "POST", headers={"Origin": BASE, "Content-Length": "64001"}).status_code == 403


@pytest.mark.parametrize(
    ("role", "origin", "path", "opened"),
    [
        ("agent", BASE, "/_nicegui_ws/socket.io/", True),
        ("", BASE, "/_nicegui_ws/socket.io/", False),
        ("agent", "http://evil.test", "/_nicegui_ws/socket.io/", False),
        ("agent", "", "/_nicegui_ws/socket.io/", False),
        ("agent", BASE, "/", False),
        ("admin", BASE, "/nowhere", False),
    ],
)
def test_a_socket_needs_a_sign_in_and_a_page_of_ours(role: str, origin: str, path: str, opened: bool) -> None:
    sent: list[str] = []

    async def send(message: Scope) -> None:
        sent.append(message["type"])

    async def receive() -> Scope:
        return {"type": "websocket.connect"}

    headers = [(b"host", b"desk.test"), (b"origin", origin.encode()), (b"cookie", f"{COOKIE}={role}".encode())]
    guard: Callable[..., Awaitable[None]] = Guard(inside, FakeDoor())  # type: ignore[arg-type]
    asyncio.run(guard({"type": "websocket", "path": path, "headers": headers}, receive, send))  # type: ignore[arg-type]
    assert sent == ["websocket.accept" if opened else "websocket.close"]


def test_every_answer_has_a_policy_with_a_nonce_of_its_own() -> None:
    first, second = ask("/", role="agent"), ask("/", role="agent")
    nonces = [re.search(r"'nonce-([\w-]{20,})'", answer.headers["content-security-policy"]) for answer in (first, second)]
    assert nonces[0]
    assert nonces[1]
    assert nonces[0][1] != nonces[1][1]
    assert first.text == f"agent {nonces[0][1]}"


@pytest.mark.parametrize("path", ["/", "/nowhere", "/sign-in"])
def test_no_answer_is_kept_or_framed_by_others(path: str) -> None:
    answer = ask(path, role="agent", embed=("https://crm.test",))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_pop_may_be_framed_by_the_origins_in_the_settings_alone() -> None:
    assert "frame-ancestors https://crm.test" in ask("/pop/c1", role="agent", embed=("https://crm.test",)).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in ask("/pop/c1", role="agent").headers["content-security-policy"]


def test_the_policy_lets_no_script_run_that_is_not_ours() -> None:
    rules = dict(part.split(" ", 1) for part in policy("n").split("; "))
    assert rules["script-src"] == "'self' 'nonce-n' 'unsafe-eval'"
    assert rules["default-src"] == rules["connect-src"] == "'self'"
    assert rules["object-src"] == rules["base-uri"] == "'none'"
    assert "http" not in policy("n")
