"""What a call remembers, made from its journal by one pure function: the live call and whoever takes it over remember the same.

Nothing here reads a database, a clock or a setting.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from voicebot.dialogue.decisions import Line, Prompt, State
from voicebot.dialogue.recall import restored
from voicebot.emotion.temper import CALM, Temper
from voicebot.settings.handover import MATTERS
from voicebot.store import events
from voicebot.store.events import Event

APOLOGY = Prompt("lost_you")
SAID = 4
"""So many utterances are remembered, to know a repetition by."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A call up to `t_ms`. A new call remembers nothing."""

    t_ms: int = 0
    state: State | None = None
    """None before anything was decided."""
    unsaid: tuple[Line, ...] = ()
    """What the bot had begun to say, or was about to, and has not said to its end."""
    last_words: str = ""
    opt_outs: frozenset[str] = frozenset()
    recordings: tuple[str, ...] = ()
    answered: bool = False
    noticed: bool = False
    """Whether the notice was given whole: who takes the call over gives it again else."""
    resumed: int = 0
    """How often the call was taken over."""
    temper: Temper = CALM
    """How the caller feels, and what is known of his voice."""
    evidence: tuple[str, ...] = ()
    """What spoke of anger in the latest utterance in which anything did, strongest first."""
    said: tuple[str, ...] = ()
    """His latest words, oldest first."""
    interrupted: bool = False
    """He took the turn from the bot, and nothing was decided since."""
    matter: str = ""
    """What he came for, one of queues.MATTERS: the latest that was heard."""
    let_go: bool = False
    """The caller is on the way to a person, or gone: no bot speaks to him again."""


def recalled(lines: Iterable[events.Line]) -> Memory:
    """The memory of a call with these lines."""
    memory = Memory()
    for line in lines:
        memory = remember(memory, line.t_ms, line.event)
    return memory


def remember(memory: Memory, t_ms: int, event: Event) -> Memory:
    """The memory after one more event."""
    return replace(memory, t_ms=t_ms, **_changes(memory, event))


def _changes(memory: Memory, event: Event) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    match event:
        case events.CallAnswered():
            changes = {"answered": True}
        case events.NoticeGiven(whole=whole):
            changes = {"noticed": whole}
        case events.CallerSpoke(text=text) if text:
            changes = {"last_words": text, "said": (*memory.said, text)[-SAID:]}
        case events.AngerScored(state=felt, evidence=evidence):
            changes = {"temper": Temper.restored(felt), "evidence": evidence or memory.evidence}
        case events.BargedIn(outcome="taken"):
            changes = {"interrupted": True}
        case events.Decided():
            state = restored(event.state)
            matter = event.kind if event.kind in MATTERS else memory.matter
            changes = {"state": state, "unsaid": state.lines if state else (), "interrupted": False, "matter": matter}
        case events.BotSpoke(cut=cut):
            changes = {"unsaid": () if cut else memory.unsaid[1:]}
        case events.OptedOut(what):
            changes = {"opt_outs": memory.opt_outs | {what}}
        case events.Recorded(path, on=True):
            changes = {"recordings": (*memory.recordings, path)}
        case events.Resumed():
            apology = (APOLOGY,) if memory.noticed and APOLOGY not in memory.unsaid else ()
            changes = {"resumed": memory.resumed + 1, "unsaid": (*apology, *memory.unsaid)}
        case events.HandoverDecided() | events.QueueEntered() | events.CallSealed() | events.Fault(where="call"):
            changes = {"let_go": True}
    return changes
