"""What a supervisor does to a call, as the desk asks for it: listen, whisper and barge in by his own phone, take a caller, send one on, end a call.

A caller who is with a bot of this process is that call's to let go; all else is done through the floor's socket. Nobody but an agent's phone of the
settings is ever called, and nobody is heard here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import structlog

from voicebot.errors import AriError
from voicebot.settings.handover import DIRECT
from voicebot.telephony.ari import Ari
from voicebot.telephony.floor import Floor

Deed = Literal["listen", "whisper", "barge", "leave", "take", "send", "end"]
"""whisper: the agent alone hears the supervisor; barge: both do; leave: his phone listens no more; take: the caller comes to his phone; send: to a
queue."""
MODES: Mapping[str, str] = {"listen": "l", "whisper": "w", "barge": "b"}
"""Who hears a supervisor, as dialplans/extensions-supervise.conf has it."""
WHY: Mapping[str, str] = {"take": "taken over by a supervisor", "send": "sent on by a supervisor", "end": "ended by a supervisor"}
"""What the record says."""
CONTEXT = "voicebot-supervise"
RING_S = "30"
CONFLICT = 409
"""Asterisk's answer to a channel id that there is already."""
log = structlog.get_logger()
_CALL = re.compile(r"[\w.:-]{1,64}", re.ASCII)
"""A channel's unique id, short enough for an extension."""
_QUEUE = re.compile(r"[a-z0-9_-]{0,32}")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done to the call `call_id`. `phone` is the supervisor's own, `queue` where `send` goes: "" for the usual one."""

    deed: Deed
    call_id: str
    phone: str = ""
    queue: str = ""

    @property
    def goes_to(self) -> str:
        """The queue that the caller comes to."""
        return f"{DIRECT}{self.phone}" if self.deed == "take" else self.queue


def ordered(query: Mapping[str, Sequence[str]], phones: Collection[str]) -> Order | None:
    """The order in a URL's query; None for one that is none, or whose phone is none of `phones`."""
    deed, call_id, phone, queue = (query.get(name, [""])[-1] for name in ("deed", "call", "phone", "queue"))
    known = deed in get_args(Deed) and _CALL.fullmatch(call_id) and _QUEUE.fullmatch(queue)
    from_phone = phone in phones or (not phone and deed in ("send", "end"))
    return Order(deed, call_id, phone, queue) if known and from_phone else None  # type: ignore[arg-type]  # one of its values


@dataclass(slots=True)
class Orders:
    """The calls of this process that a supervisor can have let go, each by the future that its order comes in."""

    _waiting: dict[str, asyncio.Future[Order]] = field(default_factory=dict)

    async def next(self, call_id: str) -> Order:
        """The order for this call; whoever waits for it is one who can carry it out."""
        coming: asyncio.Future[Order] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = coming
        try:
            return await coming
        finally:
            del self._waiting[call_id]

    def give(self, order: Order) -> bool:
        """Whether the call is one of this process, and with its bot still."""
        coming = self._waiting.get(order.call_id)
        if coming is None or coming.done():
            return False
        coming.set_result(order)
        return True


@dataclass(frozen=True, slots=True)
class Supervision:
    """Carries orders out. `phones` are those of the settings, `spawn` starts a task that somebody owns."""

    phones: Collection[str]
    floor: Floor
    orders: Orders
    spawn: Callable[[Coroutine[Any, Any, None]], None]

    def take(self, query: Mapping[str, Sequence[str]]) -> bool:
        """Whether this controller can do what the query asks, and has begun to."""
        order, link = ordered(query, self.phones), self.floor.link
        if order and order.deed in WHY and self.orders.give(order):
            return True
        act = self._act(order, link.ari) if order and link else None
        if order and act:
            self.spawn(_done(order, act))
        return act is not None

    def _act(self, order: Order, ari: Ari) -> Coroutine[Any, Any, None] | None:
        caller = self.floor.of(order.call_id)
        if order.deed == "leave":
            return ari.hang_up(_leg(order))
        if order.deed == "listen":
            return _spy(ari, order, order.call_id)
        if caller is None or (order.deed in MODES and not caller.joined):
            return None
        if order.deed in MODES:
            return _spy(ari, order, caller.agent_channel)
        caller.pulled(WHY[order.deed], caller.now_ms(self.floor.clock()), ended=order.deed == "end")
        return ari.hang_up(order.call_id) if caller.ended else _move(ari, order.call_id, f"q{order.goes_to}")


async def _done(order: Order, act: Coroutine[Any, Any, None]) -> None:
    try:
        await act
    except AriError as error:
        log.warning("a supervisor's order could not be carried out", deed=order.deed, call_id=order.call_id, why=str(error))


def _leg(order: Order) -> str:
    """The id of the supervisor's channel."""
    return f"supervisor-{order.phone}"


async def _spy(ari: Ari, order: Order, watched: str) -> None:
    """Ring the supervisor's phone; one that is listening already listens so from now on. One that rings still is left to be answered."""
    leg, wanted = _leg(order), f"{MODES[order.deed]}{watched}"
    try:
        await ari.originate(f"PJSIP/{order.phone}", (CONTEXT, wanted), {}, leg, RING_S)
    except AriError as error:
        if error.status != CONFLICT:
            raise
        if any(channel.id == leg and channel.state == "Up" for channel in await ari.channels()):
            await _move(ari, leg, wanted)


async def _move(ari: Ari, channel: str, to: str) -> None:
    """ARI moves channels of its own application alone; others the dialplan moves, in a channel that lives for that one step."""
    await ari.originate(f"Local/move@{CONTEXT}", (CONTEXT, "move"), {"VOICEBOT_MOVED": channel, "VOICEBOT_TO": to})
