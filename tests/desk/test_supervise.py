"""Who may act on which call, when and from which phone; what the audit log has of it; what controllers are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit.deskkit import QUEUED, WITH_BOT, handled, hire, lines, over, person, started
from tests.kit.deskstage import BASE, Stage, staged
from voicebot.desk.supervise import ACTS, BY_PHONE, acts, supervise
from voicebot.errors import VoicebotError
from voicebot.handover.story import Stage as Place
from voicebot.store.events import Event
from voicebot.store.privacy import deeds
from voicebot.store.staff import Role

PEOPLE = (("ann", Role.AGENT), ("sue", Role.SUPERVISOR), ("tom", Role.ADMIN))
PLACES: Mapping[Place, tuple[tuple[int, Event], ...]] = {
    "bot": WITH_BOT,
    "queue": (*WITH_BOT, *QUEUED),
    "agent": (*WITH_BOT, *QUEUED, *handled("6001")),
    "over": (*WITH_BOT, *QUEUED, *handled("6001"), *over()),
}
ORIGIN = {"Origin": BASE}


class Controllers:
    """What they were asked, and whether one can do it."""

    def __init__(self, able: bool = True) -> None:
        self.asked: list[dict[str, str]] = []
        self._able = able

    async def order(self, asked: Mapping[str, str]) -> bool:
        self.asked.append(dict(asked))
        return self._able


def at_the_desk(url: str, name: str, scenario: Callable[[Stage, Controllers], Awaitable[None]], *, able: bool = True, place: Place = "agent") -> None:
    async def acting() -> None:
        await hire(url, *PEOPLE)
        controllers = Controllers(able)
        async with staged(url) as stage:
            object.__setattr__(stage.desk, "order", controllers.order)
            for line in lines(*PLACES[place], call_id="c1", begun=started(at_utc=datetime.now(UTC) + timedelta(seconds=1))):
                stage.desk.live.take(line)
            await stage.enter(name)
            await scenario(stage, controllers)

    asyncio.run(acting())


async def asks(stage: Stage, act: str, queue: str = "", call_id: str = "c1") -> tuple[int, str]:
    answer = await stage.http.post(f"/api/calls/{call_id}/acts", json={"act": act, "queue": queue}, headers=ORIGIN)
    return answer.status_code, answer.text


@pytest.mark.parametrize("name", ["sue", "tom"])
def test_each_act_is_audited_with_who_what_and_which_call_and_rings_no_phone_but_ones_own(url: str, name: str) -> None:
    async def scenario(stage: Stage, controllers: Controllers) -> None:
        await stage.desk.duty.take(name, "6003")
        for act, queue in (("listen", ""), ("whisper", ""), ("barge", ""), ("send", "support"), ("send", ""), ("end", "")):
            assert await asks(stage, act, queue) == (204, "")
        assert [(each["deed"], each["phone"], each["queue"]) for each in controllers.asked] == [
            *[(act, "6003", "") for act in ("listen", "whisper", "barge")],
            *[("send", "", "support"), ("send", "", ""), ("end", "", "")],
        ]
        assert {each["call"] for each in controllers.asked} == {"c1"}
        assert [(each.staff, each.deed, each.about) for each in (await deeds(stage.desk.store))[::-1]] == [
            *[(name, act, "c1 6003") for act in ("listen", "whisper", "barge")],
            *[(name, "send", "c1 support"), (name, "send", "c1"), (name, "end", "c1")],
        ]

    at_the_desk(url, name, scenario)


def test_who_takes_a_caller_listens_no_more(url: str) -> None:
    async def scenario(stage: Stage, controllers: Controllers) -> None:
        await stage.desk.duty.take("sue", "6003")
        assert await asks(stage, "take") == (204, "")
        assert [(each["deed"], each["phone"]) for each in controllers.asked] == [("leave", "6003"), ("take", "6003")]

    at_the_desk(url, "sue", scenario, place="bot")


def test_an_agent_may_do_nothing_of_it_and_nobody_who_is_not_signed_in(url: str) -> None:
    async def scenario(stage: Stage, controllers: Controllers) -> None:
        await stage.desk.duty.take("ann", "6001")
        assert [(await asks(stage, act))[0] for act in ACTS] == [403] * len(ACTS)
        with pytest.raises(VoicebotError, match="end: for supervisors alone"):
            await supervise(stage.desk, person("ann"), "c1", "end")
        stage.http.cookies.clear()
        assert [(await asks(stage, act))[0] for act in ACTS] == [401] * len(ACTS)
        assert controllers.asked == []
        assert await deeds(stage.desk.store) == []

    at_the_desk(url, "ann", scenario)


def test_another_site_cannot_have_a_supervisor_act(url: str) -> None:
    async def scenario(stage: Stage, controllers: Controllers) -> None:
        for headers in ({}, {"Origin": "https://elsewhere.test"}):
            assert (await stage.http.post("/api/calls/c1/acts", json={"act": "end"}, headers=headers)).status_code == 403
        assert (await stage.http.get("/api/calls/c1/acts")).status_code == 404
        assert controllers.asked == []

    at_the_desk(url, "sue", scenario)


@pytest.mark.parametrize("place", PLACES)
def test_what_can_be_done_depends_on_the_stage(url: str, place: Place) -> None:
    async def scenario(stage: Stage, controllers: Controllers) -> None:
        await stage.desk.duty.take("sue", "6003")
        for act in ACTS:
            controllers.asked.clear()
            status, told = await asks(stage, act)
            assert (status == 204) is (act in acts(place)) is bool(controllers.asked)
            assert status == 204 or (status, "not at this stage" in told) == (409, True)

    at_the_desk(url, "sue", scenario, place=place)


REFUSED: Sequence[tuple[tuple[str, ...], int, str]] = (
    (("listen",), 409, "you sit at no phone"),
    (("take",), 409, "not at this stage"),
    (("send", "nowhere"), 409, "nowhere: no such queue; there are support"),
    (("end", "", "none"), 409, "it is over"),
    (("dial",), 422, "dial: no such act; there are listen"),
    (("leave",), 422, "no such act"),
)


def test_what_cannot_be_done_is_said_and_leaves_no_trace(url: str) -> None:
    async def scenario(stage: Stage, controllers: Controllers) -> None:
        for asked, status, told in REFUSED:
            found = await asks(stage, *asked)
            assert found[0] == status
            assert told in found[1]
        assert controllers.asked == []
        assert await deeds(stage.desk.store) == []

    at_the_desk(url, "sue", scenario)


def test_that_no_controller_can_do_it_is_said_and_that_it_was_tried_is_audited(url: str) -> None:
    async def scenario(stage: Stage, _controllers: Controllers) -> None:
        status, told = await asks(stage, "end")
        assert (status, "no controller can do that now" in told) == (409, True)
        assert [(each.deed, each.about) for each in await deeds(stage.desk.store)] == [("end", "c1")]

    at_the_desk(url, "sue", scenario, able=False)


def test_a_desk_without_controllers_can_do_nothing(url: str) -> None:
    async def scenario() -> None:
        async with staged(url) as stage:
            assert not await stage.desk.order({"deed": "end", "call": "c1"})

    asyncio.run(scenario())


def test_who_is_heard_by_an_agent_is_asked_for_while_one_talks_alone() -> None:
    assert acts("agent") == ("listen", "whisper", "barge", "send", "end")
    assert acts("bot") == ("listen", "take", "send", "end")
    assert acts("over") == ()
    assert set(ACTS) >= BY_PHONE
