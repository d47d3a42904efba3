"""Media, bridge and answer of one call: opened in the order that never leaves a dead line, taken down whatever happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from voicebot.errors import AriError, MediaError
from voicebot.telephony import leg as leg_module
from voicebot.telephony.ari import (
    Bridge,
    Channel,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHangupRequest,
    ChannelHold,
    ChannelStateChange,
    ChannelUnhold,
    Event,
    StasisEnd,
    StasisStart,
)
from voicebot.telephony.leg import Leg, MediaDoor, owner
from voicebot.telephony.media import MediaLink

Run = Callable[[object], object]
CALLER = Channel("c1", "PJSIP/x-1")
MEDIA = Channel("c1-media")


async def yes() -> bool:
    return True


class FakeWire:
    def __init__(self, link: MediaLink) -> None:
        self._link = link

    def send_text(self, text: bytes) -> None: ...

    def send_audio(self, pcm: bytes) -> None: ...

    def close(self) -> None:
        self._link.disconnect()


class Pbx:
    """Stands for the control link: notes requests, connects media when asked, tells events."""

    def __init__(self, media: bool = True, refuse: str = "", status: int = 500) -> None:
        self.ari = self
        self.asked: list[str] = []
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.door = MediaDoor()
        self._media = media
        self._refuse = refuse
        self._status = status

    async def next(self) -> Event:
        return await self.events.get()

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self._refuse and what.startswith(self._refuse):
            raise AriError(f"{what}: refused", self._status)

    async def external_media(self, channel: str, app: str, connection: str, data: str) -> None:
        self._ask(f"media {channel} {app} {connection}")
        token = data.rpartition("token=")[2].rstrip(")")
        if self._media and (link := self.door.admit(token)):
            link.connect(FakeWire(link))
            self.events.put_nowait(StasisStart(app, Channel(channel)))

    async def create_bridge(self, bridge: str) -> None:
        self._ask(f"bridge {bridge}")

    async def answer(self, channel: str) -> None:
        self._ask(f"answer {channel}")

    async def add_to_bridge(self, bridge: str, *channels: str) -> None:
        self._ask(f"add {bridge} {' '.join(channels)}")

    async def hang_up(self, channel: str) -> None:
        self._ask(f"hang up {channel}")

    async def destroy_bridge(self, bridge: str) -> None:
        self._ask(f"destroy {bridge}")

    async def set_variable(self, channel: str, name: str, value: str) -> None:
        self._ask(f"set {channel} {name}={value}")

    async def continue_in_dialplan(self, channel: str, context: str) -> None:
        self._ask(f"continue {channel} {context}")


def leg_on(pbx: Any, keys: list[str] | None = None, holds: list[bool] | None = None, part: int = 0, other: Any = None) -> Leg:
    on_digit, on_hold = (keys if keys is not None else []).append, (holds if holds is not None else []).append
    start = StasisStart("voicebot:PJSIP/x-1", CALLER)
    return Leg(pbx, start, pbx.door, lambda: other, part=part, on_frame=lambda _: None, on_digit=on_digit, on_hold=on_hold)


async def opened(leg: Leg) -> None:
    watching = asyncio.create_task(leg.watch())
    try:
        await leg.open()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def test_media_is_up_before_the_caller_is_answered_and_bridged(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        async with leg_on(pbx) as leg:
            await opened(leg)
            assert pbx.asked == [
                "media c1-media voicebot:PJSIP/x-1 voicebot-media",
                "bridge c1-bridge",
                "answer c1",
                "add c1-bridge c1 c1-media",
            ]
        assert pbx.asked[-2:] == ["hang up c1-media", "destroy c1-bridge"]

    run(scenario())


def test_without_a_media_socket_the_caller_is_not_answered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leg_module, "MEDIA_TIMEOUT_S", 0.02)

    async def scenario() -> None:
        pbx = Pbx(media=False)
        with pytest.raises(MediaError, match="no media socket"):
            async with leg_on(pbx) as leg:
                await opened(leg)
        assert "answer c1" not in pbx.asked
        assert len(pbx.door) == 0

    run(scenario())


def test_a_media_channel_that_never_reaches_the_application_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leg_module, "MEDIA_TIMEOUT_S", 0.02)

    async def scenario() -> None:
        pbx = Pbx()
        async with leg_on(pbx) as leg:
            with pytest.raises(MediaError, match="did not reach the application"):
                await leg.open()

    run(scenario())


@pytest.mark.parametrize("step", ["media", "bridge", "answer", "add"])
def test_whichever_request_fails_all_is_taken_down(run: Run, step: str) -> None:
    async def scenario() -> None:
        pbx = Pbx(refuse=step)
        with pytest.raises(AriError, match="refused"):
            async with leg_on(pbx) as leg:
                await opened(leg)
        assert pbx.asked[-2:] == ["hang up c1-media", "destroy c1-bridge"]

    run(scenario())


@pytest.mark.parametrize("event", [StasisEnd(CALLER), ChannelDestroyed(CALLER), ChannelHangupRequest(CALLER)])
def test_watch_ends_when_the_caller_is_gone(run: Run, event: Event) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        pbx.events.put_nowait(event)
        await asyncio.wait_for(leg_on(pbx).watch(), 1)

    run(scenario())


def test_our_own_channel_ending_is_a_fault(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        pbx.events.put_nowait(ChannelDestroyed(MEDIA))
        with pytest.raises(MediaError, match="ended the media channel"):
            await leg_on(pbx).watch()

    run(scenario())


def test_hold_is_the_callers_only(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        holds: list[bool] = []
        told: list[Event] = [ChannelHold(MEDIA), ChannelHold(CALLER), ChannelUnhold(MEDIA), ChannelUnhold(CALLER), StasisEnd(CALLER)]
        for event in told:
            pbx.events.put_nowait(event)
        await leg_on(pbx, holds=holds).watch()
        assert holds == [True, False]

    run(scenario())


def test_keys_are_the_callers_only_once_a_press_and_other_events_mean_nothing(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        keys: list[str] = []
        pressed: list[Event] = [ChannelDtmfReceived(CALLER, "5", 100), ChannelDtmfReceived(CALLER, "5", 160), ChannelDtmfReceived(MEDIA, "6")]
        for event in [*pressed, ChannelStateChange(CALLER), StasisEnd(Channel("z")), StasisEnd(CALLER)]:
            pbx.events.put_nowait(event)
        await leg_on(pbx, keys).watch()
        assert keys == ["5"]

    run(scenario())


def test_handing_over_sets_variables_first(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        leg = leg_on(pbx)
        await leg.hand_over("voicebot-handover", {"A": "1", "B": "2"})
        await leg.hang_up()
        assert pbx.asked == ["set c1 A=1", "set c1 B=2", "continue c1 voicebot-handover", "hang up c1"]

    run(scenario())


@pytest.mark.parametrize("lost", ["", "set", "continue"])
def test_a_rescue_takes_another_socket_where_its_own_is_lost(lost: str, run: Run) -> None:
    async def scenario() -> None:
        pbx, other = Pbx(refuse=lost, status=0), Pbx()
        await leg_on(pbx, other=other).rescue("voicebot-handover", {"A": "1"}, yes)
        assert pbx.asked == ["set c1 A=1", "continue c1 voicebot-handover"][: 1 if lost == "set" else 2]
        assert other.asked == (["continue c1 voicebot-handover"] if lost else [])

    run(scenario())


def test_a_rescue_takes_another_socket_where_its_own_does_not_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leg_module, "RESCUE_S", 0.01)

    async def scenario() -> None:
        pbx, other = Pbx(), Pbx()
        mute: Any = pbx
        mute.continue_in_dialplan = lambda *_: asyncio.Event().wait()
        await leg_on(pbx, other=other).rescue("voicebot-handover", {}, yes)
        assert other.asked == ["continue c1 voicebot-handover"]
        with pytest.raises(AriError, match="no answer from Asterisk"):
            await leg_on(pbx).rescue("voicebot-handover", {}, yes)

    run(scenario())


def test_who_is_with_another_controller_meanwhile_is_not_pulled_away(run: Run) -> None:
    async def no() -> bool:
        return False

    async def scenario() -> None:
        pbx, other = Pbx(refuse="continue", status=0), Pbx()
        with pytest.raises(AriError, match="refused"):
            await leg_on(pbx, other=other).rescue("voicebot-handover", {}, no)
        assert other.asked == []

    run(scenario())


def test_what_asterisk_refuses_is_asked_by_no_other_socket(run: Run) -> None:
    async def scenario() -> None:
        pbx, other = Pbx(refuse="continue", status=404), Pbx()
        with pytest.raises(AriError, match="refused"):
            await leg_on(pbx, other=other).rescue("voicebot-handover", {}, yes)
        await leg_on(Pbx(refuse="hang up", status=500), other=other).close()
        assert other.asked == []

    run(scenario())


@pytest.mark.parametrize("lost", ["hang up", "destroy"])
def test_what_its_own_socket_cannot_take_down_another_does(lost: str, run: Run) -> None:
    async def scenario() -> None:
        pbx, other = Pbx(refuse=lost, status=0), Pbx()
        await leg_on(pbx, other=other).close()
        assert pbx.asked == other.asked == ["hang up c1-media", "destroy c1-bridge"]

    run(scenario())


def test_closing_without_asterisk_is_quiet(run: Run) -> None:
    async def scenario() -> None:
        await leg_on(Pbx(refuse="hang up")).close()

    run(scenario())


def test_a_token_opens_the_door_once() -> None:
    async def scenario() -> None:
        door = MediaDoor()
        link = MediaLink(lambda _: None)
        token = door.expect(link)
        assert len(token) > 20
        assert door.admit("guess") is None
        assert door.admit(token) is link
        assert door.admit(token) is None

    asyncio.run(scenario())


# A call that was taken over.


class Left(Pbx):
    """An Asterisk in which another controller's bridge and media channel for this caller are left, and those of another caller."""

    async def bridges(self) -> tuple[Bridge, ...]:
        return tuple(Bridge(name) for name in ("c1-bridge", "c1-1-bridge", "c12-bridge", "queue"))

    async def channels(self) -> tuple[Channel, ...]:
        return (CALLER, MEDIA, Channel("c1-1-media"), Channel("c12-media"), Channel("c12"))


def test_what_an_earlier_controller_left_is_removed_before_the_caller_is_bridged_again(run: Run) -> None:
    async def scenario() -> None:
        pbx = Left()
        async with leg_on(pbx, part=2) as leg:
            await opened(leg)
        assert pbx.asked == [
            *["destroy c1-bridge", "destroy c1-1-bridge", "hang up c1-media", "hang up c1-1-media"],
            *["media c1-2-media voicebot:PJSIP/x-1 voicebot-media", "bridge c1-2-bridge", "answer c1", "add c1-2-bridge c1 c1-2-media"],
            *["hang up c1-2-media", "destroy c1-2-bridge"],
        ]

    run(scenario())


@pytest.mark.parametrize(
    ("name", "caller"),
    [
        ("c1-media", "c1"),
        ("c1-bridge", "c1"),
        ("c1-3-media", "c1"),
        ("voicebot-1795379204.4-bridge", "voicebot-1795379204.4"),
        ("voicebot-1795379204.4-12-media", "voicebot-1795379204.4"),
        ("1795379204.4", ""),
        ("-media", ""),
        ("bridge", ""),
        ("c1-medial", ""),
    ],
)
def test_a_name_tells_for_which_caller_it_was_made(name: str, caller: str) -> None:
    assert owner(name) == caller


def test_each_controller_has_its_own_way_for_media(run: Run) -> None:
    async def scenario() -> None:
        pbx = Pbx()
        pbx.door = MediaDoor("voicebot-media-8089")
        async with leg_on(pbx) as leg:
            await opened(leg)
        assert pbx.asked[0] == "media c1-media voicebot:PJSIP/x-1 voicebot-media-8089"

    run(scenario())
