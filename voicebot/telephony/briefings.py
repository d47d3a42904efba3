"""How agents like to be briefed, as the desk says it: all of it, short, or not at all; and who has read a caller's briefing and need not hear it.

The desk says the whole of it again and again. It reaches Asterisk through the floor's socket and touches no channel.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import structlog

from voicebot.errors import AriError
from voicebot.telephony.server import ControlLink

FORMS: Final[Mapping[str, str]] = {"full": "", "short": "short", "off": "off"}
"""What an agent likes → the value of the dialplan's VOICEBOT_BRIEF_<agent>."""
READ = "read"
"""In a query, before the id of a call of which the briefing was read."""
_AGENT = re.compile(r"[0-9]{3,6}")
log = structlog.get_logger()


class Briefings:
    """`floor` gives the floor's socket, `spawn` starts a task that somebody owns, `hush` takes the briefing of a call away (OSError)."""

    def __init__(
        self,
        floor: Callable[[], ControlLink | None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        hush: Callable[[str], Awaitable[None]],
    ) -> None:
        self._floor = floor
        self._spawn = spawn
        self._hush = hush
        self._forms: dict[str, str] = {}

    def take(self, query: Mapping[str, Sequence[str]]) -> bool:
        """Agent → how he likes it, or `read` → a call id, as a URL's query has it. False when this controller has no floor to tell; what is neither
        is passed over."""
        link = self._floor()
        if link is None:
            return False
        for agent, forms in query.items():
            if _AGENT.fullmatch(agent) and forms[-1] in FORMS:
                self._forms[agent] = forms[-1]
                self._spawn(self._tell(link, agent, FORMS[forms[-1]]))
        for call_id in query.get(READ, ()):
            self._spawn(self._silence(call_id))
        return True

    def hears(self, agent: str) -> bool:
        """Whether this agent is briefed by ear at all."""
        return self._forms.get(agent) != "off"

    async def _tell(self, link: ControlLink, agent: str, form: str) -> None:
        try:
            await link.ari.set_everywhere(f"VOICEBOT_BRIEF_{agent}", form)
        except AriError as error:
            log.warning("an agent's form of briefing is not known to Asterisk", agent=agent, why=str(error))

    async def _silence(self, call_id: str) -> None:
        try:
            await self._hush(call_id)
        except OSError as error:
            log.warning("a briefing that was read is heard all the same", why=str(error))
