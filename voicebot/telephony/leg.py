"""The telephony of one call: the caller's channel, our media channel and the bridge between them, opened and closed as one thing.

It watches the control socket and says when the caller is gone. It decides nothing and hears nothing.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

import structlog

from voicebot.errors import AriError, MediaError
from voicebot.scopes import finished
from voicebot.telephony.ari import (
    Channel,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHangupRequest,
    ChannelHold,
    ChannelUnhold,
    StasisEnd,
    StasisStart,
)
from voicebot.telephony.keys import Presses
from voicebot.telephony.media import Frame, MediaLink
from voicebot.telephony.server import ControlLink

QUEUE_CONTEXT = "voicebot-handover"
"""Where in the dialplan the way to a person begins."""
MEDIA_TIMEOUT_S = 3.0
RESCUE_S = 2.0
"""How long a rescue waits for the call's own socket."""
log = structlog.get_logger()


def owner(name: str) -> str:
    """The caller's channel for which a bridge or channel of this name was made; empty when it is none of ours."""
    found = re.fullmatch(r"(.+?)(-\d+)?-(bridge|media)", name)
    return found[1] if found else ""


class MediaDoor:
    """Where media sockets arrive: each is let in once, by a token only Asterisk was told. `connection` is what Asterisk calls the way here."""

    def __init__(self, connection: str = "voicebot-media") -> None:
        self.connection = connection
        self._waiting: dict[str, MediaLink] = {}

    def expect(self, link: MediaLink) -> str:
        """A new token for `link`."""
        token = secrets.token_urlsafe(18)
        self._waiting[token] = link
        return token

    def admit(self, token: str) -> MediaLink | None:
        """The link that waits for `token`; it opens once."""
        return self._waiting.pop(token, None)

    def __len__(self) -> int:
        return len(self._waiting)


class Leg:
    """One caller's telephony. `async with` opens media, answers and bridges; leaving it hangs our side up, the caller's only by `hang_up`.

    `other` gives another control socket, for what is to be taken down when the call's own is lost.
    """

    def __init__(
        self,
        control: ControlLink,
        start: StasisStart,
        door: MediaDoor,
        other: Callable[[], ControlLink | None] = lambda: None,
        *,
        part: int = 0,
        on_frame: Callable[[Frame], None],
        on_digit: Callable[[str], None],
        on_hold: Callable[[bool], None],
    ) -> None:
        self.caller = start.channel
        self.link = MediaLink(on_frame)
        self._control = control
        self._other = other
        self._app = start.application
        self._door = door
        self._on_digit = on_digit
        self._on_hold = on_hold
        self._presses = Presses()
        stem = f"{self.caller.id}-{part}" if part else self.caller.id
        self._media = f"{stem}-media"
        self._bridge = f"{stem}-bridge"
        self._part = part
        self._token = ""
        self._media_up = asyncio.Event()

    async def open(self, within_s: float | None = None) -> None:
        """Media first, then answer and bridge: the caller never hears a line that is not live. `watch` must run beside it.

        `part` counts how often the call was taken over: what an earlier part left in Asterisk is removed first. Raises AriError, MediaError.
        """
        try:
            async with asyncio.timeout(within_s):
                await self._open()
        except TimeoutError:
            raise MediaError(f"the line could not be opened within {within_s:g} s") from None

    async def _open(self) -> None:
        ari = self._control.ari
        if self._part:
            await self._clear()
        self._token = self._door.expect(self.link)
        # Asterisk's option list is comma-separated: neither a channel id nor a token holds a comma.
        await ari.external_media(self._media, self._app, self._door.connection, f"f(json)v(call={self.caller.id},token={self._token})")
        await self.link.opened(MEDIA_TIMEOUT_S)
        await self._media_in_stasis()
        await ari.create_bridge(self._bridge)
        await ari.answer(self.caller.id)
        await ari.add_to_bridge(self._bridge, self.caller.id, self._media)

    async def watch(self) -> None:
        """Follow the control socket; returns when the caller is gone. Raises AriError when the socket is lost, MediaError when our channel ends."""
        while True:
            match await self._control.next():
                case StasisStart(channel=Channel(id=self._media)):
                    self._media_up.set()
                case ChannelDtmfReceived(channel=Channel(id=self.caller.id), digit=digit, duration_ms=lasted_ms):
                    if self._presses.new(digit, asyncio.get_running_loop().time() * 1000, lasted_ms):
                        self._on_digit(digit)
                case ChannelHold(channel=Channel(id=self.caller.id)):
                    self._on_hold(True)
                case ChannelUnhold(channel=Channel(id=self.caller.id)):
                    self._on_hold(False)
                case StasisEnd(channel=channel) | ChannelDestroyed(channel=channel) | ChannelHangupRequest(channel=channel):
                    if channel.id == self.caller.id:
                        return
                    if channel.id == self._media:
                        raise MediaError("Asterisk ended the media channel")
                case _:
                    pass

    async def hang_up(self) -> None:
        """End the caller's call."""
        await self._control.ari.hang_up(self.caller.id)

    async def hand_over(self, context: str, variables: Mapping[str, str]) -> None:
        """Set channel variables, then give the caller back to the dialplan at `context`. Raises AriError."""
        for name, value in variables.items():
            await self._control.ari.set_variable(self.caller.id, name, value)
        await self._control.ari.continue_in_dialplan(self.caller.id, context)

    async def rescue(self, context: str, variables: Mapping[str, str], ours: Callable[[], Awaitable[bool]]) -> None:
        """Hand over; where the call's own socket is lost or does not answer, by another, without `variables`, if the call is still `ours`: where
        Asterisk found that socket lost, it may be another controller's meanwhile. Raises AriError."""
        try:
            async with asyncio.timeout(RESCUE_S):
                return await self.hand_over(context, variables)
        except TimeoutError:
            silent = AriError(f"no answer from Asterisk within {RESCUE_S:g} s")
        except AriError as error:
            silent = error
        other = self._other()
        if silent.status or not other or not await ours():
            raise silent
        return await other.ari.continue_in_dialplan(self.caller.id, context)

    async def close(self) -> None:
        """Take down what is ours, whatever state it is in."""
        self._door.admit(self._token)
        self.link.close()
        if not await self._taken_down(self._control) and (other := self._other()):
            await self._taken_down(other)

    async def _taken_down(self, link: ControlLink) -> bool:
        """Whether Asterisk answered: what it refuses by one socket it refuses by another."""
        answered = True
        for take_down, what in ((link.ari.hang_up, self._media), (link.ari.destroy_bridge, self._bridge)):
            try:
                await take_down(what)
            except AriError as error:
                log.debug("leg closed without Asterisk", why=str(error))
                answered = answered and error.status != 0
        return answered

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await finished(self.close())

    async def _clear(self) -> None:
        """Another controller's bridge and media channel for this caller, dead or frozen."""
        ari = self._control.ari
        for bridge in await ari.bridges():
            if owner(bridge.id) == self.caller.id:
                await ari.destroy_bridge(bridge.id)
        for channel in await ari.channels():
            if owner(channel.id) == self.caller.id:
                await ari.hang_up(channel.id)

    async def _media_in_stasis(self) -> None:
        try:
            async with asyncio.timeout(MEDIA_TIMEOUT_S):
                await self._media_up.wait()
        except TimeoutError:
            raise MediaError(f"the media channel did not reach the application within {MEDIA_TIMEOUT_S:g} s") from None
