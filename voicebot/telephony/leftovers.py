"""What bots leave in Asterisk when their controller crashes or is cut off: bridges and media channels, removed, and callers, sent on to the queue.

It decides nothing about a caller who has a bot, or an agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import structlog

from voicebot.errors import AriError
from voicebot.telephony.ari import Bridge, Channel
from voicebot.telephony.leg import QUEUE_CONTEXT, owner
from voicebot.telephony.server import ControlLink

NOT_BOOTED = (0, 503)
"""What Asterisk answers while it boots: nothing, or "service unavailable"."""
BOOT_PAUSE_S = 0.1
log = structlog.get_logger()


async def left(link: ControlLink) -> tuple[Bridge, ...]:
    """The bridges of bots, once Asterisk has booted: it opens this socket before it answers requests. Listed before the channels: each is younger
    than its caller."""
    while True:
        try:
            return tuple(bridge for bridge in await link.ari.bridges() if owner(bridge.id))
        except AriError as error:
            if link.ari.lost or error.status not in NOT_BOOTED:
                raise
        await asyncio.sleep(BOOT_PAUSE_S)


async def sweep(link: ControlLink, bridges: tuple[Bridge, ...], live: Mapping[str, Channel]) -> None:
    """Remove what crashed controllers left in Asterisk: bridges and media channels whose caller is gone, or no longer with a bot."""
    with_bot = {channel.id for channel in live.values() if channel.dialplan.app_name == "Stasis"}
    for channel in live:
        if owner(channel) and owner(channel) not in with_bot:
            await link.ari.hang_up(channel)
    for bridge in bridges:
        if owner(bridge.id) not in with_bot:
            await remove(link, bridge)


async def remove(link: ControlLink, bridge: Bridge) -> None:
    for channel in bridge.channels:
        if owner(channel):
            await link.ari.hang_up(channel)
    await link.ari.destroy_bridge(bridge.id)


async def clear(link: ControlLink, callers: Collection[str]) -> None:
    """Remove the bridges that bots had with these callers, who are with none now. Raises AriError."""
    for bridge in await left(link) if callers else ():
        if owner(bridge.id) in callers:
            await remove(link, bridge)


async def send_on(link: ControlLink, callers: set[str]) -> None:
    """To the queue with those of these callers who are still with the application and without a bot's media: their controller gave them up and could
    not tell Asterisk. Raises AriError."""
    live = await link.ari.channels() if callers else ()
    tended = {owner(channel.id) for channel in live}
    for channel in live:
        if channel.id in callers - tended and channel.dialplan.app_name == "Stasis":
            log.warning("caller without a bot sent on to the queue", call_id=channel.id)
            await link.ari.continue_in_dialplan(channel.id, QUEUE_CONTEXT)
