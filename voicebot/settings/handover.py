"""The section [handover]: which queue a caller goes to and how early, when people answer, what is said meanwhile and asked afterwards.

Only what may be written there, and why not. What is made of it for one caller stands in handover.routing.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.settings.hours import Hours

REASONS = (
    *("person", "accepted", "emergency", "self_harm", "fraud", "vulnerable", "upset", "complaint", "complex", "abuse", "unverified", "directory"),
    *("language", "not_understood", "same_question", "not_heard", "wrong_keys", "silent", "no_progress", "recogniser", "supervisor"),
)
"""Why a call goes to a person: dialogue.decisions.Why, in lower case."""
MATTERS = ("danger", "complaint", "complex", "account", "fault")
"""What a caller came for, as dialogue/triage.toml classes it; the latest of these that was heard."""
DIRECT = "direct-"
"""Begins the name of the queue that rings one phone alone."""

QueueName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
Agent = Annotated[str, Field(pattern=r"^[0-9]{3,6}$")]
Positive = Annotated[int, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Way(_Section):
    """Where callers of one reason go."""

    queue: QueueName | None = None
    """Left out: the usual queue."""
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    """Higher ones are answered first; danger is before all of them."""


class Handover(_Section):
    """The live agents' queues."""

    queue: QueueName = "support"
    """The usual one."""
    queues: dict[str, Way] = {}
    """By reason or matter: `complaint = { queue = "complaints", priority = 3 }`. Why a person takes over counts first, then what it is about."""
    agents: dict[QueueName, Annotated[tuple[Agent, ...], Field(min_length=1)]] = {}
    """Who is rung for a queue: `complaints = ["6001", "6002"]`. Left out: everybody in [pbx] agents."""
    hours: Hours = Hours()
    nobody: Literal["offer", "wait"] = "offer"
    """When nobody is signed in: offer a call-back first, or have callers wait at once."""
    max_wait_s: Positive = 300
    """Longest wait in the queue. Then the caller hears that nobody is free, and is offered a call-back."""
    ring_s: Positive = 20
    """An agent's phone rings for so long before the next agent's does."""
    announce_s: Annotated[int, Field(ge=0)] = 45
    """How often those who wait behind others are told their place and about how long they will wait; 0: never."""
    profile: bool = False
    """One step forward in the queue for who calls again within three days unserved, or was angry at an earlier handover. Off: it would teach both."""
    survey: Literal["off", "calm", "all"] = "off"
    """Ask for a mark, one to five, when the agent has hung up; `calm`: not after anger; never after danger."""

    @property
    def names(self) -> tuple[str, ...]:
        """All queues that are named, the usual one first."""
        return tuple(dict.fromkeys((self.queue, *(way.queue for way in self.queues.values() if way.queue))))

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if strange := [reason for reason in self.queues if reason not in (*REASONS, *MATTERS)]:
            known = ", ".join(sorted({*REASONS, *MATTERS}))
            raise PydanticCustomError("reason", f"queues: nobody is handed over for '{strange[0]}'; there are {known}")
        if strange := [queue for queue in self.names if queue.startswith(DIRECT)]:
            raise PydanticCustomError("queue", f"'{strange[0]}': names that begin with {DIRECT} are those of single phones")
        if strange := [queue for queue in self.agents if queue not in self.names]:
            raise PydanticCustomError("queue", f"agents: no caller goes to queue '{strange[0]}'; those of [handover] are {', '.join(self.names)}")
        return self
