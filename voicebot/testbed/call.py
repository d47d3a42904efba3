"""One call of a test phone, placed or taken: what the person holding it can do, hear and see.

Signalling is driven by callbacks of sip.py, audio by the ticker of rtp.py; no task of its own. It never decides what to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from sipmessage import Request, Response

from voicebot.testbed import audio, rtp, sdp
from voicebot.testbed.dialog import Dialog
from voicebot.testbed.g711 import Codec
from voicebot.testbed.sip import ALLOW, PhoneError, ServerTransaction
from voicebot.testbed.talk import Talk

KeysBy = Literal["rfc4733", "dtmf-relay", "dtmf", "inband"]
"""How a phone tells of its keys: telephone-events in RTP, SIP INFO with one of two bodies, or tones."""
_INFO = {"dtmf-relay": "Signal={key}\r\nDuration={ms}\r\n", "dtmf": "{key}"}
_FAREWELL_S = 2.0
"""How long a hang-up waits for the other side before the call counts as ended anyway."""


class State(Enum):
    DIALLING = "dialling"
    RINGING = "ringing"
    ANSWERING = "answering"
    ANSWERED = "answered"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Status:
    """A SIP response to our INVITE, and when it came (monotonic seconds)."""

    code: int
    phrase: str
    at_s: float


class Call(Talk):
    """A call; made by Phone. All times are monotonic seconds."""

    def __init__(self, dialog: Dialog, stream: rtp.Stream, media: sdp.Media, forget: Callable[[], None]) -> None:
        super().__init__(stream)
        self.state = State.DIALLING
        self.statuses: list[Status] = []
        self.invite: Request | None = None
        """The INVITE of a call taken: its From is the number that calls."""
        self.answered_at_s: float | None = None
        self.ended_at_s: float | None = None
        self.ended_by: Literal["here", "there"] | None = None
        self.remote_hold = False
        """The other side has put us on hold."""
        self.dialog = dialog
        self._media, self._version, self._remote = media, 0, media
        self._forget = forget
        self._answered = asyncio.Event()
        self._incoming: ServerTransaction | None = None

    @property
    def ani(self) -> str:
        """The other side's number."""
        return self.dialog.remote.uri.user or ""

    async def dtmf(self, keys: str, how: KeysBy = "rfc4733", key_ms: int = 100, gap_ms: int = 100) -> None:
        """Press `keys` one after the other. Raises PhoneError when the other side takes no telephone-events or refuses the INFO."""
        for key in keys:
            match how:
                case "rfc4733" | "inband":
                    await self.press(key, how, key_ms, gap_ms)
                case _:
                    await self._press_by_info(key, key_ms, how)
                    await self.play(audio.silence((key_ms + gap_ms) / 1000))

    async def wait_answered(self, timeout_s: float = 10.0) -> None:
        """Until the call is answered. Raises PhoneError with the SIP status if it is refused, TimeoutError if nothing happens."""
        async with asyncio.timeout(timeout_s):
            await self._answered.wait()
        if self.answered_at_s is None:
            last = self.statuses[-1] if self.statuses else Status(0, "ended before it was answered", 0.0)
            raise PhoneError(f"call refused: {last.code} {last.phrase}", last.code)

    async def wait_ended(self, timeout_s: float | None = None) -> None:
        """Until the call is over on both sides. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self.ended.wait()

    async def answer(self, timeout_s: float = 5.0) -> None:
        """Take a call that rings; returns once the other side has acknowledged. Raises PhoneError if it is gone or no codec fits."""
        if self._incoming is None or self.state is not State.RINGING:
            raise PhoneError("no call rings here: it was answered, refused or given up")
        self._accept(self._incoming)
        await self.wait_answered(timeout_s)

    async def reject(self, code: int = 486) -> None:
        """Refuse a call that rings."""
        if self._incoming is not None and self.state is State.RINGING:
            self._incoming.respond(code, tag=self.dialog.tag)
            self.end("here")

    async def hang_up(self) -> None:
        """BYE, CANCEL or refusal, whatever fits; returns when it is over, at the latest after two seconds."""
        if self.state not in {State.ENDING, State.ENDED}:
            self._begin_hang_up()
        try:
            await self.wait_ended(_FAREWELL_S)
        except TimeoutError:
            self.end("here")

    async def hold(self, direction: sdp.Direction = "sendonly") -> None:
        """Put the other side on hold by re-INVITE. Raises PhoneError if it refuses."""
        await self._reinvite(replace(self._media, direction=direction))

    async def unhold(self) -> None:
        """Resume by re-INVITE."""
        await self._reinvite(replace(self._media, direction="sendrecv"))

    async def change_codec(self, codec: Codec) -> None:
        """Offer `codec` alone from now on, by re-INVITE."""
        await self._reinvite(replace(self._media, codecs=(codec,)))

    async def move(self) -> None:
        """Send and receive audio at another port from now on, by re-INVITE."""
        self.stream.move()
        await self._reinvite(replace(self._media, port=self.stream.port))

    def place(self, headers: dict[str, str]) -> None:
        """Send the INVITE."""
        self.dialog.send(self.dialog.request("INVITE", self._described(self._media), headers), self._invite_answered)

    def ring(self, incoming: ServerTransaction) -> None:
        """Ring for an INVITE from the other side."""
        self._incoming, self.invite, self.state = incoming, incoming.request, State.RINGING
        incoming.on_cancel = self._cancelled
        incoming.respond(180, tag=self.dialog.tag, headers=self._contact())

    def requested(self, transaction: ServerTransaction) -> None:
        """A request within this call."""
        method = transaction.request.method
        if method == "BYE":
            transaction.respond(200)
            self.end("there")
        elif method == "INVITE":
            self._reinvited(transaction)
        elif method == "INFO":
            self._info_received(transaction.request)
            transaction.respond(200)
        else:
            transaction.respond(200 if method in {"OPTIONS", "NOTIFY"} else 405)

    def end(self, by: Literal["here", "there"]) -> None:
        """The call is over: stop the audio, tell who waits."""
        if self.state is not State.ENDED:
            self.state, self.ended_by, self.ended_at_s = State.ENDED, by, time.monotonic()
            self.stream.close()
            self._forget()
            self._answered.set()
            self.ended.set()

    def _invite_answered(self, response: Response) -> None:
        self.statuses.append(Status(response.code, response.phrase, time.monotonic()))
        if response.code < 200:
            self._progressed(response)
        elif response.code < 300:
            self._accepted(response)
        else:
            self.end("there" if self.state is not State.ENDING else "here")

    def _progressed(self, response: Response) -> None:
        if self.state in {State.ENDING, State.ENDED}:
            self.dialog.cancel()
        elif response.code > 100:
            self.state = State.RINGING
            with contextlib.suppress(ValueError):  # early media is a courtesy; the answer itself must be right
                self._flow(sdp.load(response.body))

    def _accepted(self, response: Response) -> None:
        repeated = self.answered_at_s is not None
        if not repeated:
            self.dialog.establish(response)
        self.dialog.ack(response)
        if self.state in {State.ENDING, State.ENDED}:  # answered in the instant we gave up
            self._bye()
        elif not repeated:
            self._start(response.body)

    def _start(self, answer: bytes) -> None:
        try:
            self._flow(sdp.load(answer))
        except ValueError as error:
            self.statuses.append(Status(488, f"answer of no use: {error}", time.monotonic()))
            self._begin_hang_up(answered=True)
        else:
            self._established()

    def _accept(self, incoming: ServerTransaction) -> None:
        try:
            offered = sdp.load(incoming.request.body) if incoming.request.body else None
            answer = sdp.answer(offered, self._media) if offered else self._media
        except ValueError as error:
            incoming.respond(488, tag=self.dialog.tag)
            self.end("here")
            raise PhoneError(f"call cannot be answered: {error}", 488) from None
        self._media = replace(self._media, codecs=answer.codecs)
        if offered:
            self._flow(offered)
        self.state = State.ANSWERING
        incoming.on_ack = self._acknowledged
        incoming.on_no_ack = lambda: self.end("there")
        incoming.respond(200, tag=self.dialog.tag, body=self._described(answer), headers=self._contact())

    def _acknowledged(self, ack: Request) -> None:
        if self.state is not State.ANSWERING:
            return
        if ack.body:
            self._start(ack.body)
        else:
            self._established()

    def _cancelled(self) -> None:
        if self._incoming is not None and self.state is State.RINGING:
            self._incoming.respond(487, tag=self.dialog.tag)
            self.end("there")

    async def _reinvite(self, wanted: sdp.Media) -> None:
        response = await self.dialog.ask("INVITE", self._described(wanted))
        if response.code >= 300:
            raise PhoneError(f"re-INVITE refused: {response.code} {response.phrase}", response.code)
        self._media = wanted
        try:
            self._flow(sdp.load(response.body))
        except ValueError as error:
            raise PhoneError(f"re-INVITE answered, but not so that it can be understood: {error}", response.code) from None

    def _reinvited(self, transaction: ServerTransaction) -> None:
        try:
            offered = sdp.load(transaction.request.body) if transaction.request.body else self._remote
            answer = sdp.answer(offered, self._media)
        except ValueError:
            transaction.respond(488)
            return
        self._flow(offered)
        transaction.respond(200, body=self._described(answer), headers=self._contact())

    def _begin_hang_up(self, answered: bool = False) -> None:
        before, self.state = self.state, State.ENDING
        self.stream.enabled = False
        if answered or before in {State.ANSWERING, State.ANSWERED}:
            self._bye()
        elif self._incoming is not None:
            self._incoming.respond(480, tag=self.dialog.tag)
            self.end("here")
        elif self.dialog.invite is not None and self.dialog.invite.provisional:
            self.dialog.cancel()

    def _bye(self) -> None:
        self.dialog.send(self.dialog.request("BYE"), lambda response: self.end("here"))

    def _established(self) -> None:
        self.state, self.answered_at_s = State.ANSWERED, time.monotonic()
        self._answered.set()

    def _described(self, media: sdp.Media) -> bytes:
        self._version += 1
        return sdp.dump(media, self._version)

    def _contact(self) -> dict[str, str]:
        return {"Contact": self.dialog.contact, "Allow": ALLOW}

    def _flow(self, remote: sdp.Media) -> None:
        """Send to where the other side listens, in the codec it likes best of ours."""
        codecs = [codec for codec in remote.codecs if codec in self._media.codecs]
        if codecs and self.state is not State.ENDED:
            self._remote = remote
            self.remote_hold = not sdp.may_send("sendrecv", remote.direction) or not sdp.may_send(remote.direction, "sendrecv")
            self.stream.held = not sdp.may_send(self._media.direction, remote.direction)
            self.stream.connect((remote.host, remote.port), codecs[0], remote.event_type)

    async def _press_by_info(self, key: str, key_ms: int, how: str) -> None:
        response = await self.dialog.ask("INFO", _INFO[how].format(key=key, ms=key_ms).encode(), {"Content-Type": f"application/{how}"})
        if response.code >= 300:
            raise PhoneError(f"INFO refused: {response.code} {response.phrase}", response.code)

    def _info_received(self, request: Request) -> None:
        """Bodies of application/dtmf-relay ("Signal=5") and application/dtmf ("5")."""
        if found := re.match(rb"(?:Signal\s*=)?\s*([0-9*#A-D])\s*$", request.body, re.MULTILINE):
            self.stream.keys.append(rtp.KeyPress(found[1].decode(), time.monotonic(), "info"))
