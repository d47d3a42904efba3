"""What crashed controllers leave in Asterisk is told from what is live, and removed; a booting Asterisk is waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from voicebot.errors import AriError
from voicebot.telephony import leftovers
from voicebot.telephony.ari import Bridge, Channel, Dialplan
from voicebot.telephony.leftovers import clear, left, send_on, sweep


class Asterisk:
    """Answers on a control socket once it has refused `refusals`."""

    def __init__(self, *refusals: int, lost: bool = False) -> None:
        self.ari = self
        self.lost = lost
        self.refusals = list(refusals)
        self.removed: list[str] = []
        self.sent_on: list[str] = []
        self.live: tuple[Channel, ...] = ()

    async def bridges(self) -> tuple[Bridge, ...]:
        if self.refusals:
            raise AriError("refused", self.refusals.pop(0))
        return (Bridge("c-bridge"), Bridge("queue"))

    async def channels(self) -> tuple[Channel, ...]:
        return self.live

    async def continue_in_dialplan(self, channel: str, context: str) -> None:
        self.sent_on.append(f"{channel} {context}")

    async def hang_up(self, channel: str) -> None:
        self.removed.append(channel)

    async def destroy_bridge(self, bridge: str) -> None:
        self.removed.append(bridge)


def test_a_booting_asterisk_is_waited_for_and_only_bridges_of_bots_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "BOOT_PAUSE_S", 0.001)
    link: Any = Asterisk(503, 0)
    assert asyncio.run(left(link)) == (Bridge("c-bridge"),)


@pytest.mark.parametrize("asterisk", [Asterisk(500), Asterisk(0, lost=True)])
def test_a_refusal_or_a_lost_socket_is_an_error(asterisk: Any) -> None:
    with pytest.raises(AriError):
        asyncio.run(left(asterisk))


def test_what_has_no_caller_with_a_bot_is_removed() -> None:
    link: Any = Asterisk()
    live = {"1": Channel("1", dialplan=Dialplan(app_name="Stasis")), "2": Channel("2", dialplan=Dialplan(app_name="Queue"))}
    live |= {name: Channel(name) for name in ("1-media", "2-media", "3-media", "agent")}
    bridges = (Bridge("1-bridge", "", ("1", "1-media")), Bridge("2-1-bridge", "", ("2", "2-1-media")))
    asyncio.run(sweep(link, bridges, live))
    assert link.removed == ["2-media", "3-media", "2-1-media", "2-1-bridge"]


def test_the_bridges_of_these_callers_are_removed_and_of_none_nobody_is_asked() -> None:
    link: Any = Asterisk()
    asyncio.run(clear(link, {"c", "x"}))
    assert link.removed == ["c-bridge"]
    asyncio.run(clear(Asterisk(500), set()))  # type: ignore[arg-type]


def test_who_has_neither_a_bot_nor_an_agent_is_sent_on() -> None:
    link: Any = Asterisk()
    with_bot = Dialplan(app_name="Stasis")
    link.live = (Channel("silent", dialplan=with_bot), Channel("spoken to", dialplan=with_bot), Channel("spoken to-1-media", dialplan=with_bot))
    link.live += (Channel("waits", dialplan=Dialplan(app_name="Queue")), Channel("another's", dialplan=with_bot))
    asyncio.run(send_on(link, {"silent", "spoken to", "waits", "gone"}))
    assert link.sent_on == ["silent voicebot-handover"]
    asyncio.run(send_on(object(), set()))  # type: ignore[arg-type]
