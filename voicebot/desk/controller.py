"""The desk's word to the controllers: which agents are to be paused in the queues, what a supervisor wants done. It asks each until one can do it.

The whole of the pauses is said at every change and every few seconds, so that an Asterisk or a controller that started anew learns it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import httpx
import structlog

from voicebot.settings import Settings
from voicebot.telephony.pbx_plan import USERNAME, secret

TIMEOUT_S = 2.0
log = structlog.get_logger()


class ControllerDoor:
    """Where the controllers are, and what they let in with."""

    def __init__(self, settings: Settings) -> None:
        hosts = settings.pbx.controllers or (f"{settings.serve.host}:{settings.serve.port}",)
        self._urls = tuple(f"http://{host}/desk" for host in hosts)
        self._credentials = httpx.BasicAuth(USERNAME, secret(settings.secrets, "control"))
        self._said = True

    async def pause(self, paused: Mapping[str, bool]) -> bool:
        """Agent → whether it is to be paused. False when no controller has taken it; that is logged once."""
        taken = await self._ask("pauses", {agent: str(int(flag)) for agent, flag in paused.items()})
        if taken != self._said:
            (log.info if taken else log.warning)("pauses reach the queue" if taken else "pauses do not reach the queue; no controller has the floor")
        self._said = taken
        return taken

    async def supervise(self, order: Mapping[str, str]) -> bool:
        """What telephony.supervision reads. Whether a controller does it: the one whose bot has the call, or the one with the floor."""
        return await self._ask("supervise", order)

    async def brief(self, wanted: Mapping[str, str]) -> bool:
        """What telephony.briefings reads. Whether the controller with the floor has it."""
        return await self._ask("briefings", wanted)

    async def _ask(self, what: str, query: Mapping[str, str]) -> bool:
        async with httpx.AsyncClient(auth=self._credentials, timeout=TIMEOUT_S, trust_env=False) as http:
            for url in self._urls:
                if await _taken(http, f"{url}/{what}", query):
                    return True
        return False


async def _taken(http: httpx.AsyncClient, url: str, query: Mapping[str, str]) -> bool:
    try:
        return (await http.get(url, params=query)).status_code == HTTPStatus.OK
    except httpx.HTTPError:
        return False
