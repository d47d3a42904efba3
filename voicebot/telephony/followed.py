"""One caller after handover, as far as the floor knows, and how an agent is told from what Asterisk says. It neither watches nor decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony.adoption import Awaited
from voicebot.telephony.ari import Bridge, Channel
from voicebot.telephony.leg import owner


@dataclass(slots=True)
class Followed:
    """One caller after handover. `agent` is who rings or talks now."""

    record: CallJournal | Awaited
    zero_s: float
    briefed: bool = False
    queue: str | None = None
    agent_channel: str = ""
    agent: str = ""
    joined: bool = False
    was_joined: bool = False
    seen_s: float = 0.0
    """When he was last seen while nobody watches the floor."""

    @property
    def anothers(self) -> bool:
        """Whether another controller went on with his call after all."""
        return isinstance(self.record, CallJournal) and self.record.taken.is_set()

    def now_ms(self, now_s: float) -> int:
        return max(0, int((now_s - self.zero_s) * 1000))

    async def catch_up(self, journal: Journal) -> None:
        """Go on behind what others wrote in his record, and write there what was seen meanwhile. Raises StoreError."""
        if not self.record.call_id:
            return
        record = await journal.resume(self.record.call_id)
        if isinstance(self.record, Awaited) and not record.sealed:
            self.record.into(record, 0)
        self.record = record


def with_him(caller: str, bridges: Sequence[Bridge], live: Mapping[str, Channel]) -> Channel | None:
    """The channel that hears this caller now, when it is not a bot's."""
    together = next((bridge for bridge in bridges if caller in bridge.channels and not owner(bridge.id)), None)
    return next((live[each] for each in together.channels if each != caller and each in live), None) if together else None


def agent_of(peer: Channel) -> str:
    """`PJSIP/6001-0000002` → `6001`."""
    found = re.match(r"[^/]+/(.+)-[0-9a-f]+$", peer.name)
    return found[1] if found else peer.name
