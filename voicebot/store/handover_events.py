"""What can happen to a caller on the way to a person, and with one. What holds for `events` holds here."""

from __future__ import annotations

from voicebot.store.event import Event


class HandoverDecided(Event, frozen=True):
    """The caller is on the way to a person; `briefing` is what the agent will hear. `urgent`: None in old rows, where priority 1 said so."""

    reason: str
    queue: str
    priority: int
    briefing: str
    urgent: bool | None = None


class QueueEntered(Event, frozen=True):
    """The caller waits in a queue."""

    queue: str


class QueueLeft(Event, frozen=True):
    """The caller left a queue without an agent: timeout, nobody signed in, hang-up."""

    queue: str
    why: str


class NobodyThere(Event, frozen=True):
    """The dialplan told the caller so, before any queue: out of hours, or nobody signed in."""

    why: str


class CallbackRequested(Event, frozen=True):
    """The caller wants to be called back at the number he calls from, the record's `ani`; he heard it read out and confirmed it by a key."""


class AgentRang(Event, frozen=True):
    """An agent's phone rings for this caller."""

    agent: str


class AgentAnswered(Event, frozen=True):
    """The agent picked up; the briefing comes before the caller."""

    agent: str


class BriefingStarted(Event, frozen=True):
    """The agent hears the briefing; the caller hears music."""

    agent: str


class BriefingImproved(Event, frozen=True):
    """A model's briefing replaced the template's while the caller waited: `spoken` is heard, `need` seen; or `refused` says why it did not."""

    engine: str
    took_ms: int
    spoken: str = ""
    need: str = ""
    refused: str = ""


class AgentJoined(Event, frozen=True):
    """Agent and caller hear each other; nothing is analysed from here on."""

    agent: str


class AgentLeft(Event, frozen=True):
    """The agent is off this call: no answer, busy, declined, hang-up."""

    agent: str
    why: str
