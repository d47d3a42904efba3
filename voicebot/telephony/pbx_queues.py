"""The queues as Asterisk's configuration wants them: who is rung for which, and the opening hours in the dialplan's own words. Pure.

The dialplan asks the hours itself: a caller whom no bot serves is to hear the truth as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from voicebot.errors import PbxError
from voicebot.settings import Settings
from voicebot.settings.handover import DIRECT, Handover
from voicebot.settings.hours import DAYS, Hours


def direct(agents: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The queues of one phone each, by which a supervisor takes a caller."""
    return {f"{DIRECT}{agent}": (agent,) for agent in agents}


def members(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Queue → whom it rings. Raises PbxError naming an agent who is not there."""
    everybody = (settings.trunk.handover,) if settings.trunk else settings.pbx.agents
    if settings.trunk and settings.handover.agents:
        raise PbxError("[handover] agents are those who are here; leave it out or the section [trunk]")
    for queue, agents in settings.handover.agents.items():
        if strange := [agent for agent in agents if agent not in everybody]:
            raise PbxError(f"[handover] agents: {', '.join(strange)} of queue {queue} not among [pbx] agents ({', '.join(everybody)})")
    return {queue: settings.handover.agents.get(queue, everybody) for queue in settings.handover.names}


def values(handover: Handover, edge: bool) -> dict[str, object]:
    """What fills the queues' place-holders. `edge`: who is signed in is not known here."""
    return {
        "queue": handover.queue,
        "ring_s": handover.ring_s,
        "max_wait_s": handover.max_wait_s,
        "announce_s": handover.announce_s,
        "zone": handover.hours.zone,
        "hours": spans(handover.hours),
        "holidays": "|".join(day.isoformat() for day in handover.hours.closed),
        "nobody": "wait" if edge else handover.nobody,
    }


def spans(hours: Hours) -> str:
    """Each as GotoIfTime() takes it, which counts the last minute in; `|` between them, none for always open."""
    return "|".join(_spans(hours))


def _spans(hours: Hours) -> Sequence[str]:
    """In the order of the week."""
    found = ((day, first, last) for day in range(len(DAYS)) for first, last in sorted(hours.on(day)))
    return [f"{_clock(first)}-{_clock(last - 1)},{DAYS[day]},*,*,{hours.zone}" for day, first, last in found]


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
