"""Pausing agents in the queue, as the desk asks for it: through the floor's socket, since Asterisk lets itself be reached by nobody else.

The desk says the whole of what it wants again and again, so nothing is remembered here. It touches no channel.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import product
from typing import Any

import structlog

from voicebot.errors import AriError
from voicebot.telephony.server import ControlLink

log = structlog.get_logger()
_AGENT = re.compile(r"[0-9]{3,6}")
_FLAG = re.compile(r"[01]")


class Pauses:
    """Sets the pauses of agents in these queues. `spawn` starts a task that somebody owns, `floor` gives the floor's socket."""

    def __init__(self, queues: Sequence[str], floor: Callable[[], ControlLink | None], spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._queues = queues
        self._floor = floor
        self._spawn = spawn

    def take(self, query: Mapping[str, Sequence[str]]) -> bool:
        """Agent → `["1"]` paused or `["0"]` ready, as a URL's query has it. False when this controller has no floor to ask; what is no agent is
        passed over, and an agent whom a queue does not know changes nothing there."""
        link = self._floor()
        wanted = {agent: flags[-1] for agent, flags in query.items() if _AGENT.fullmatch(agent) and _FLAG.fullmatch(flags[-1])}
        if link is None:
            return False
        self._spawn(self._set(link, wanted))
        return True

    async def _set(self, link: ControlLink, wanted: Mapping[str, str]) -> None:
        try:
            async with asyncio.TaskGroup() as scope:
                for queue, (agent, flag) in product(self._queues, wanted.items()):
                    scope.create_task(link.ari.set_everywhere(f"QUEUE_MEMBER({queue},paused,PJSIP/{agent})", flag))
        except* AriError as error:
            log.warning("agents cannot be paused", why=str(error.exceptions[0]))
