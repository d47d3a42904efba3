"""What a control socket is for, told by what Asterisk says first on it: a new call, one that lost its controller, or one nobody knows.

It decides nothing about a call; a caller of whom nothing is known is sent on to the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from voicebot.errors import AriError
from voicebot.resume import unfinished
from voicebot.store.journal import Journal
from voicebot.telephony.ari import ApplicationRegistered, StasisStart
from voicebot.telephony.server import ControlLink

START_TIMEOUT_S = 1.2
"""Asterisk tells of a new call 0.5 s after it connects. When it has not by then, it is asked what the call is."""
LATE_START_TIMEOUT_S = 3.5
"""How long the start of a call that nobody has answered yet is waited for: on a busy machine it comes late. Its first controller may also have been
lost before anything of it was written: then it never comes, and its caller must be in the queue within 5 s of that."""
CLOSE_TIMEOUT_S = 5.0
STUCK_S = 2.0
"""A caller who is still with us so long after he was sent on does not go by himself."""
UNANSWERED = frozenset({"Down", "Rsrvd", "Ring", "Ringing"})
"""Channel states. Every bot answers, and none does before the start: who is answered has had one."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class New:
    """A call that begins."""

    start: StasisStart


@dataclass(frozen=True, slots=True)
class Lost:
    """A call whose controller is gone."""

    start: StasisStart


@dataclass(frozen=True, slots=True)
class Unknown:
    """Another process had the call; the journal has it not open. `start` as it was told there, None when the caller is gone."""

    start: StasisStart | None


async def brought(link: ControlLink, journal: Journal) -> New | Lost | Unknown:
    """What comes on `link`. Raises AriError when it is closed before that is known."""
    began_s = asyncio.get_running_loop().time()
    came, application = await _told(link, journal, began_s + START_TIMEOUT_S)
    if came:
        return came
    start = await _started(link, application)
    if start and start.channel.state in UNANSWERED:
        log.info("call begins late", channel=start.channel.id)
        came, _ = await _told(link, journal, began_s + LATE_START_TIMEOUT_S)
    return came or Unknown(start)


async def _told(link: ControlLink, journal: Journal, until_s: float) -> tuple[New | Lost | None, str]:
    """The call, if it is known by then, and the name of its application. Only the wait has an end: a look into the journal is not cut short."""
    application = ""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout_at(until_s):
                event = await link.next()
            match event:
                case StasisStart() as start:
                    return New(start), application
                case ApplicationRegistered(application):
                    if lost := await unfinished(journal, link.ari, application):
                        return Lost(lost), application
    return None, application


async def _started(link: ControlLink, application: str) -> StasisStart | None:
    """The start of a call as it was told to another. `application` ends with the name of its channel, or is empty. Raises AriError."""
    name = application.partition(":")[2]
    found = next((channel for channel in await link.ari.channels() if channel.name == name), None)
    return StasisStart(application, found) if found else None


async def until_closed(link: ControlLink, start: StasisStart | None) -> None:
    """Let Asterisk close the socket of a call that is over: were we to, it would connect again. Just that is wanted for a caller whom it did not let
    go: on the next socket he is sent on once more."""
    link.over = True
    with contextlib.suppress(AriError):
        await _read_for(link, STUCK_S)
        if start is None or start.channel.id in link.left:
            await _read_for(link, CLOSE_TIMEOUT_S - STUCK_S)


async def _read_for(link: ControlLink, s: float) -> None:
    """Raises AriError when the socket is closed before that time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(s):
            while True:
                await link.next()
