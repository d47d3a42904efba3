"""One caller after handover, as far as the floor knows, and how an agent is told from what Asterisk says. It neither watches nor decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicebot.store.events import AgentLeft, CallbackRequested, Event, NobodyThere, QueueEntered, QueueLeft, SurveyAnswered
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal
from voicebot.telephony.adoption import Awaited
from voicebot.telephony.ari import Bridge, Channel
from voicebot.telephony.leg import owner

GIVEN_UP = {"BUSY": "busy", "NOANSWER": "no answer", "CANCEL": "ring cancelled", "CHANUNAVAIL": "unreachable", "CONGESTION": "declined"}
"""Why an agent whose phone rang is off a call, by Asterisk's dial status."""
REFUSALS = {17: "busy", 21: "declined"}
"""The same by the cause (ITU-T Q.850) of the hang-up: to Queue() each refusal of a SIP phone is NOANSWER."""

NOBODY_IN_TIME = "nobody answered in time"
LEFT = {"callback_number": "would rather be called back", "overflow": NOBODY_IN_TIME}
"""Why a caller is out of the queue, by the line he hears next."""
AWAY = {"closed": "out of hours", "nobody": "nobody signed in", "danger": "nobody signed in"}
"""Why there is nobody, by the line that tells the caller."""
SURVEY = "voicebot-survey "
"""What NoOp() says before the caller's mark, which is a digit or nothing."""
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
    ended: bool = False
    """Whether a supervisor ended the call."""
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
        queue = data.partition(",")[0]
        if app == "Queue" and self.queue != queue:  # Asterisk tells of it again when a key takes the caller out
            if self.queue is not None:
                yield QueueLeft(self.queue, NOBODY_IN_TIME)
            self.queue = queue
            yield QueueEntered(queue)
        elif app == "Playback" and line in LEFT and self.queue is not None:
            yield QueueLeft(self.queue, LEFT[line])
            self.queue = None
        elif app == "Playback" and line in AWAY:
            yield NobodyThere(AWAY[line])
        elif app == "Playback" and line == CALLBACK_KEPT:
            yield CallbackRequested()
        elif app == "NoOp" and data.startswith(SURVEY):
            mark = data.removeprefix(SURVEY)
            yield SurveyAnswered(int(mark) if mark else None, "agent")

    def left(self, why: str) -> AgentLeft:
        """The agent who rings or talks is off this call."""
        agent, self.agent, self.agent_channel = self.agent, "", ""
        self.joined = self.answered = False
        return AgentLeft(agent, why)

    def pulled(self, why: str, t_ms: int, *, ended: bool) -> None:
        """A supervisor has the caller out of the queue, or away from his agent: that is journalled, and what comes next begins anew."""
        waits = self.queue is not None and not self.joined
        if self.agent:
            self.record.append(t_ms, self.left(why))
        if waits:
            self.record.append(t_ms, QueueLeft(str(self.queue), why))
        self.queue, self.ended = None, ended

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
