"""The desk's one word to the controller: which agents are to be paused in the queue. It asks each controller until one has the floor.

The whole of it is said at every change and every few seconds, so that an Asterisk or a controller that started anew learns it too.
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
        self._urls = tuple(f"http://{host}/desk/pauses" for host in hosts)
        self._credentials = httpx.BasicAuth(USERNAME, secret(settings.secrets, "control"))
        self._said = True

    async def pause(self, paused: Mapping[str, bool]) -> bool:
        """Agent → whether it is to be paused. False when no controller has taken it; that is logged once."""
        flags = {agent: str(int(flag)) for agent, flag in paused.items()}
        async with httpx.AsyncClient(auth=self._credentials, timeout=TIMEOUT_S, trust_env=False) as http:
            taken = False
            for url in self._urls:
                taken = taken or await _taken(http, url, flags)
        if taken != self._said:
            (log.info if taken else log.warning)("pauses reach the queue" if taken else "pauses do not reach the queue; no controller has the floor")
        self._said = taken
        return taken


async def _taken(http: httpx.AsyncClient, url: str, flags: Mapping[str, str]) -> bool:
    try:
        return (await http.get(url, params=flags)).status_code == HTTPStatus.OK
    except httpx.HTTPError:
        return False
