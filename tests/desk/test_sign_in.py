from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.kit.deskkit import PASSWORD, hire
from tests.kit.deskstage import BASE, Stage, staged
from voicebot.desk.auth import COOKIE
from voicebot.store.staff import Role

OURS = {"Origin": BASE}


def at_the_door(url: str, scenario: Callable[[Stage], Awaitable[None]]) -> None:
    async def acting() -> None:
        await hire(url, ("ann", Role.AGENT))
        async with staged(url) as stage:
            await scenario(stage)

    asyncio.run(acting())


def test_the_page_is_plain_html_with_the_company_as_text(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        page = await stage.http.get("/sign-in")
        assert "Harbour &amp; Co" in page.text
        assert "<script" not in page.text
        assert 'role="alert"' not in page.text

    at_the_door(url, scenario)


def test_the_cookie_is_for_this_server_alone(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        answer = await stage.enter("ann")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        for needed in ("httponly", "samesite=strict", "path=/", f"max-age={8 * 3600}"):
            assert needed in cookie
        assert "secure" not in cookie
        assert (await stage.http.get("/sign-in")).headers["location"] == "/"

    at_the_door(url, scenario)


def test_behind_tls_the_cookie_goes_over_tls_alone(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        form = {"name": "ann", "password": PASSWORD}
        answer = await stage.http.post("/sign-in", data=form, headers={**OURS, "X-Forwarded-Proto": "https"})
        assert "secure" in answer.headers["set-cookie"].lower()

    at_the_door(url, scenario)


@pytest.mark.parametrize(
    "form", ["", "name=ann", "name=ann&password=wrong+password", "a=1&" * 50, "x" * 5_000, "name=%00&password=%ff", "name=<b>&password=x"]
)
def test_all_else_is_refused_in_the_same_words(url: str, form: str) -> None:
    async def scenario(stage: Stage) -> None:
        answer = await stage.http.post("/sign-in", content=form.encode(), headers=OURS)
        assert answer.status_code == 401
        assert "That did not work" in answer.text
        assert "<b>" not in answer.text
        assert "set-cookie" not in answer.headers

    at_the_door(url, scenario)


def test_the_way_out_needs_the_word_of_this_sign_in(url: str) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.enter("ann")
        present = stage.desk.door.present(stage.http.cookies[COOKIE])
        assert present
        for csrf in ("", "0" * 64, "é"):
            refused = await stage.http.post("/sign-out", data={"csrf": csrf}, headers=OURS)
            assert refused.status_code == 403
        assert stage.desk.door.by_digest(present.entry.digest)
        answer = await stage.http.post("/sign-out", data={"csrf": present.csrf}, headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert stage.desk.door.by_digest(present.entry.digest) is None

    at_the_door(url, scenario)
