"""The floor's socket as those see it who set Asterisk's global variables."""

from __future__ import annotations

import asyncio
import json

from voicebot.telephony.ari import Ari


class Globals:
    """Takes every request to set one, and answers with `status`. What is set twice stands twice in `asked`."""

    def __init__(self, status: int = 204) -> None:
        self.asked: list[tuple[str, str]] = []
        self._status = status
        self.ari = Ari(self._send, timeout_s=1)

    def _send(self, text: bytes) -> None:
        request = json.loads(text)
        query = {one["name"]: one["value"] for one in request["query_strings"]}
        assert (request["method"], request["uri"]) == ("POST", "asterisk/variable")
        self.asked.append((query["variable"], query["value"]))
        answer = {"type": "RESTResponse", "request_id": request["request_id"], "status_code": self._status}
        asyncio.get_running_loop().call_soon(self.ari.receive, json.dumps(answer).encode())
