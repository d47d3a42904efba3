"""What a control socket is for, told by what Asterisk says first on it: a new call, one that lost its controller, or one nobody knows.

It decides nothing about a call; a caller of whom nothing is known is sent on to the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from voicebot.call import QUEUE_CONTEXT
from voicebot.errors import AriError
from voicebot.resume import unfinished
from voicebot.store.journal import Journal
from voicebot.telephony.ari import ApplicationRegistered, StasisStart
from voicebot.telephony.server import ControlLink

START_TIMEOUT_S = 1.2
"""Asterisk tells of a new call 0.5 s after it connects. A socket that brings none by then is a call this process does not know."""
CLOSE_TIMEOUT_S = 5.0
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
    """Another process had the call; `application` ends with the name of its channel, or is empty."""

    application: str


async def brought(link: ControlLink, journal: Journal) -> New | Lost | Unknown:
    """What comes on `link`. Raises AriError when it is closed before that is known."""
    application = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                match await link.next():
                    case StasisStart() as start:
                        return New(start)
                    case ApplicationRegistered(application):
                        if lost := await unfinished(journal, link.ari, application):
                            return Lost(lost)
    return Unknown(application)


async def send_on(link: ControlLink, application: str) -> None:
    """A caller of whom nothing is known here: the queue is next. Raises AriError."""
    name = application.partition(":")[2]
    for channel in await link.ari.channels():
        if channel.name == name:
            log.warning("unknown call sent on to the queue")
            await link.ari.continue_in_dialplan(channel.id, QUEUE_CONTEXT)


async def until_closed(link: ControlLink) -> None:
    """Let Asterisk close the socket of a call that is over: were we to, it would connect again."""
    with contextlib.suppress(TimeoutError, AriError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            while True:
                await link.next()
