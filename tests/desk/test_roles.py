"""The role matrix on the real desk: every line of the access table asked by every role, by HTTP and by socket; single calls; and that each look at a
caller's data stands in the audit log."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.kit.deskfloor import Floor, Run, needs_chromium, sit
from tests.kit.deskkit import ANI, COMPLAINT, PASSWORD, QUEUED, WITH_BOT, handled
from voicebot.desk.access import RULES, SUPERVISORS, Rule
from voicebot.store.desk import DeskStore
from voicebot.store.privacy import Deed, deeds
from voicebot.store.staff import Role
from voicebot.testbed.desk_sockets import JOIN, SOCKET, opened

pytestmark = [needs_chromium, pytest.mark.slow]
PEOPLE = {"bob": Role.AGENT, "sue": Role.SUPERVISOR, "tom": Role.ADMIN}
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
CALL = "roles-1"
REFUSAL = "44"
"""How a socket is told that it is not let in."""
NUMBER = re.compile(re.escape(ANI))
BODIES = {"/api/calls/{}/acts": {"act": "listen"}}

LOOKS = (
    (f"/calls/{CALL}", "look", CALL),
    (f"/pop/{CALL}", "look", CALL),
    (f"/api/calls/{CALL}", "look", CALL),
    (f"/calls/{CALL}/export/csv", "export", CALL),
    (f"/calls/{CALL}/export/json", "export", CALL),
    ("/api/calls?limit=200", "search", CALL),
    ("/calls", "search", ""),
    ("/wall", "look", "wall"),
    ("/insight", "look", "unanswered questions"),
    ("/review", "review", ""),
)
"""What shows a caller's data: address, deed of the audit log, what the deed is about."""


@asynccontextmanager
async def browsers(floor: Floor) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """One without a page for everybody by name, and for "" one that nobody signed in with."""
    found = {name: httpx.AsyncClient(base_url=floor.desk.base, timeout=60, trust_env=False) for name in ("", *PEOPLE)}
    for name, http in found.items():
        http.headers["Origin"] = floor.desk.base
        if name:
            answer = await http.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert answer.status_code == HTTPStatus.SEE_OTHER
    yield found
    for http in found.values():
        await http.aclose()


def cookie(http: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


def address(one: Rule) -> str:
    """An address of that line: the call of this test, its first recording, its export."""
    return one.path.replace("audio/{}", "audio/0").replace("export/{}", "export/json").replace("{}", CALL).replace("*", "desk.css")


def begun(floor: Floor, call_id: str, phone: str) -> None:
    """A call that an agent at `phone` talks to."""
    floor.calls.begin(call_id, *WITH_BOT, *QUEUED, *handled(phone)).seal(60_000, "handed_over", "floor")


async def known(http: httpx.AsyncClient, call_id: str) -> None:
    """Wait until the desk has the call."""
    while (await http.get(f"/api/calls/{call_id}")).status_code != HTTPStatus.OK:
        continue


def test_every_path_by_every_role(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        begun(floor, CALL, "6009")
        async with browsers(floor) as people:
            await known(people["sue"], CALL)
            for one in RULES:
                for method in sorted(one.methods - {"WEBSOCKET", "HEAD"}):
                    if one.path not in ("/sign-in", "/sign-out", "/_nicegui_ws/*"):
                        await asked(people, one, method)

    async def asked(people: dict[str, httpx.AsyncClient], one: Rule, method: str) -> None:
        for name, http in people.items():
            answer = await http.request(method, address(one), json=BODIES.get(one.path) if method == "POST" else None)
            inside = one.roles is None or (bool(name) and PEOPLE[name] in one.roles)
            assert (one.path, name, answer.status_code not in REFUSED) == (one.path, name, inside)
            assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, one.path
            if not inside:
                assert ANI not in answer.text
                assert COMPLAINT not in answer.text

    on_the_floor(scenario)


def test_an_agent_finds_no_trace_of_a_call_that_is_not_theirs(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        begun(floor, CALL, "6009")
        async with browsers(floor) as people:
            await known(people["tom"], CALL)
            for path in (f"/pop/{CALL}", f"/api/calls/{CALL}", f"/calls/{CALL}", f"/calls/{CALL}/export/csv", "/api/calls", "/"):
                assert COMPLAINT not in (await people["bob"].get(path)).text, path
            assert CALL not in (await people["bob"].get("/api/calls?limit=200")).text
            for name in ("sue", "tom"):
                assert CALL in (await people[name].get("/api/calls?limit=200")).text

    on_the_floor(scenario)


def test_sockets_are_for_who_signed_in_and_a_page_is_for_the_browser_that_opened_it(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with browsers(floor) as people:
            address = f"ws{floor.desk.base.removeprefix('http')}{SOCKET}?EIO=4&transport=websocket"
            for path in (address, f"ws{floor.desk.base.removeprefix('http')}/phone/line"):
                with pytest.raises((InvalidStatus, ConnectionClosed)):
                    async with connect(path, origin=floor.desk.base, proxy=None) as socket:  # type: ignore[arg-type]
                        await socket.recv()
            async with opened(people["sue"], cookie(people["sue"]), NUMBER, "/wall") as page:
                stolen = f"{address}&client_id={page.page_id}&implicit_handshake=true&next_message_id=0&document_id=d&tab_id=t"
                assert not await reads(stolen, floor.desk.base, cookie(people["bob"]))

    async def reads(address: str, origin: str, cookies: str) -> bool:
        """Whether anything of the page comes."""
        async with connect(address, additional_headers={"Cookie": cookies, "Origin": origin}, proxy=None) as socket:
            await socket.recv()
            await socket.send(JOIN)
            try:
                while not (told := str(await socket.recv())).startswith(('42["update"', REFUSAL)):
                    continue
            except ConnectionClosed:
                return False
        return not told.startswith(REFUSAL)

    on_the_floor(scenario)


def test_each_look_at_a_callers_data_is_audited(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        begun(floor, CALL, "6009")
        async with browsers(floor) as people, DeskStore.open(floor.desk.url) as store:
            await known(people["tom"], CALL)
            for path, deed, about in LOOKS:
                before = len(await deeds(store, 100_000))
                assert (await people["sue"].get(path)).status_code == HTTPStatus.OK
                while not any(noted(one, deed, about) for one in (await deeds(store, 100_000))[: -before or None]):
                    continue

    def noted(one: Deed, deed: str, about: str) -> bool:
        return (one.staff, one.deed) == ("sue", deed) and about in one.about

    on_the_floor(scenario)


def test_a_call_that_pops_is_a_look(on_the_floor: Run) -> None:
    async def scenario(floor: Floor) -> None:
        async with floor.at("ann") as ann, DeskStore.open(floor.desk.url) as store:
            await sit(ann, "6001")
            record = floor.calls.begin("roles-pop", *WITH_BOT, *QUEUED, *handled("6001")[:1])
            await ann.locator(".band .ani").wait_for()
            while not any((one.staff, one.deed, one.about) == ("ann", "look", "roles-pop") for one in await deeds(store)):
                continue
            record.seal(30_000, "abandoned", "floor")

    on_the_floor(scenario)


def test_every_page_for_supervisors_alone_is_in_the_matrix() -> None:
    assert sum(one.roles == SUPERVISORS for one in RULES) >= 9
