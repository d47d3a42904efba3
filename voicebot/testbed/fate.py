"""What became of a caller after a fault, from what the phone heard and where Asterisk had the channel. Pure: no clock, no network.

The phone counts, not the bot: who hears nothing is stranded, whatever the bot believes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from voicebot.testbed import measure
from voicebot.testbed.bench_figures import Figure, share
from voicebot.testbed.recording import Recording

End = Literal["in queue", "resumed", "went on", "stranded", "lost"]
"""in queue: by the fault; resumed: the bot took the conversation up again; went on: it never let go, and still brings the caller to a person;
stranded: in the call, and nobody there; lost: the call was dropped."""
ENDS: tuple[End, ...] = get_args(End)
GAP_S = 0.4
"""Quiet of this length is a break in what the caller hears, not a breath of the bot."""
SILENCE_S = 9.0
"""A bot that waits for the caller's words asks again after 6 s; who hears nothing for longer than this is alone, whatever comes then."""
STAY_S = 3.0
"""A caller whom another controller takes over hears the bot by then."""
SEEN_LATE_S = 0.3
"""A console that is asked again and again may see a channel in the queue so much after the caller hears its music."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One caller from the fault at `struck_s` until `until_s`, monotonic seconds. `to_person`: reached the queue when asking for it afterwards."""

    ani: str
    struck_s: float
    until_s: float
    heard: Recording
    queued_s: float | None = None
    ended_s: float | None = None
    taken_up: bool = False
    """The journal says that the bot took the call up again."""
    to_person: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """How it ended; after how long the caller heard somebody again (nan when the bot never let go), and the longest time of hearing nothing."""

    ani: str
    end: End
    back_s: float
    silent_s: float

    def row(self) -> dict[str, Any]:
        return {"ani": self.ani, "end": self.end, "back_s": self.back_s, "silent_s": self.silent_s}


def fate(seen: Seen) -> Fate:
    """What became of one caller."""
    silent_s = measure.longest_quiet_ms(seen.heard, seen.struck_s, seen.until_s) / 1000
    end = _end(seen, silent_s)
    return Fate(seen.ani, end, _back_s(seen, end), silent_s)


def figures(fates: Sequence[Fate], calls: int, bar_s: float, *, lost_by_nature: bool = False, stay: bool = False) -> tuple[Figure, ...]:
    """The callers of one fault that was to strike `calls` of them: who was lost before that is missing, and the fault was not tried as it should be.

    `lost_by_nature`: when Asterisk itself ends, so do its calls. `stay`: they are to stay with a bot.
    """
    count = Counter(each.end for each in fates)
    backs_s = sorted(each.back_s for each in fates if not math.isnan(each.back_s))
    forbidden = {"stranded", *(() if lost_by_nature else ("lost",))}
    ends = (Figure(end, count[end], bar=0 if end in forbidden else None) for end in ENDS)
    times = (("p50", 50, None), ("max", 100, bar_s))
    return (
        Figure("calls", len(fates), bar=calls, at_most=False),
        *ends,
        *(Figure(f"back {name}", measure.percentile(backs_s, share) if backs_s else 0.0, "s", bar) for name, share, bar in times),
        Figure("silence max", max((each.silent_s for each in fates if each.end != "lost"), default=0.0), "s"),
        *((_stayed(fates),) if stay else ()),
    )


def _stayed(fates: Sequence[Fate]) -> Figure:
    stayed = sum(each.end == "went on" or (each.end == "resumed" and each.back_s <= STAY_S) for each in fates)
    return share(f"in conversation again within {STAY_S:g} s", stayed, len(fates), 90, at_most=False)


def _end(seen: Seen, silent_s: float) -> End:
    if seen.queued_s is not None:
        return "in queue"
    if seen.ended_s is not None:
        return "lost"
    if not seen.to_person or silent_s > SILENCE_S:
        return "stranded"
    return "resumed" if seen.taken_up else "went on"


def _back_s(seen: Seen, end: End) -> float:
    if end == "in queue" and seen.queued_s is not None:
        return _after(seen, max(seen.queued_s - SEEN_LATE_S, seen.struck_s))
    if end == "resumed":
        return _after(seen, _break_s(seen))
    return math.nan if end in {"went on", "lost"} else math.inf


def _after(seen: Seen, from_s: float) -> float:
    onset_s = seen.heard.onset_s(from_s, seen.until_s)
    return math.inf if onset_s is None else onset_s - seen.struck_s


def _break_s(seen: Seen) -> float:
    """When the caller stopped hearing what was being said as the fault struck."""
    last_s = seen.struck_s
    while (next_s := seen.heard.onset_s(last_s + 0.001, min(last_s + GAP_S, seen.until_s))) is not None:
        last_s = max(next_s, last_s + 0.01)
    return last_s + 0.02
