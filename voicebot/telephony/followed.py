"""One caller after handover, as far as the floor knows, and how an agent is told from what Asterisk says. It neither watches nor decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicebot.store.events import CallbackRequested, Event, QueueEntered, QueueLeft
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony.adoption import Awaited
from voicebot.telephony.ari import Bridge, Channel
from voicebot.telephony.leg import owner

GIVEN_UP = {"BUSY": "busy", "NOANSWER": "no answer", "CANCEL": "ring cancelled", "CHANUNAVAIL": "unreachable", "CONGESTION": "declined"}
"""Why an agent whose phone rang is off a call, by Asterisk's dial status."""
REFUSALS = {17: "busy", 21: "declined"}
"""The same by the cause (ITU-T Q.850) of the hang-up: to Queue() each refusal of a SIP phone is NOANSWER."""

LEFT = {"callback_number": "would rather be called back"}
"""Why a caller is out of the queue, by the line he hears next; any other is said to who was not answered in time."""
CALLBACK_KEPT = "callback_kept"
"""The line that is said to who has confirmed his number."""


@dataclass(slots=True)
class Followed:
    """One caller after handover. `agent` is who rings or talks now."""

    record: CallJournal | Awaited
    zero_s: float
    briefed: bool = False
    queue: str | None = None
    agent_channel: str = ""
    agent: str = ""
    answered: bool = False
    """Whether `agent` picked up."""
    dialled: str = ""
    """The channel of the agent's phone that is called, from before it rings."""
    refusal: str | None = None
    """Why that phone hung up, "" for no reason of its own; None while it has not."""
    hangs_up: bool = False
    """Whether the caller went first, ahead of the agent."""
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

    def steps(self, app: str, data: str) -> Iterator[Event]:
        """What it means that the caller is in this step of the dialplan."""
        line = line_of(data)
        if app == "Queue" and self.queue is None:  # Asterisk tells of it again when a key takes the caller out
            self.queue = data.partition(",")[0]
            yield QueueEntered(self.queue)
        elif app == "Playback" and self.queue is not None:
            yield QueueLeft(self.queue, LEFT.get(line, "nobody answered in time"))
            self.queue = None
        if app == "Playback" and line == CALLBACK_KEPT:
            yield CallbackRequested()

    def why_unserved(self, status: str) -> str:
        """Why `agent` is off the call, the caller not having reached him; `status` is Asterisk's, one of GIVEN_UP."""
        if self.answered:
            return "caller hung up" if self.hangs_up else "left before the caller was through"
        return self.refusal or GIVEN_UP[status]

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


def line_of(data: str) -> str:
    """`/run/sounds/overflow-en` → `overflow`."""
    return data.rpartition("/")[2].partition("-")[0]
