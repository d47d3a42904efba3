"""How the bot speaks to this caller now: neutral, warm, brief or calming, and what that changes in a step that is decided already.

Pure. It chooses among approved wordings and leaves out what would hurt; it never invents one and never changes what is to be done.
"""

from __future__ import annotations

from dataclasses import replace

from voicebot.dialogue.decisions import Answer, EndCall, Line, Prompt, Reply, Sense, State, Step, Style, Told
from voicebot.dialogue.entry import Variant

STRONG = 0.5
"""From here on a feeling changes how the bot speaks."""
_VARIANTS: dict[Style, Variant] = {"brief": "short", "calming": "calm"}


def chosen(sense: Sense, hurried: bool, before: Style) -> Style:
    """Anger counts first, then hurry, then sadness. Who was angry once is spoken to calmly to the end of the call."""
    if before == "calming" or sense.anger >= STRONG:
        return "calming"
    if hurried or sense.urgency >= STRONG:
        return "brief"
    return "warm" if sense.sadness >= STRONG else before


def styled(step: Step) -> Step:
    """`step` in the style its state names. What is remembered for "say that again" is what is said."""
    match step.decision:
        case Reply(lines=lines) as reply if step.state.style in _VARIANTS:
            said, state = _acknowledged(step.state, tuple(_worded(line, step.state.style) for line in lines), reply.entry_id)
            return replace(step, decision=replace(reply, lines=said), state=replace(state, lines=said if step.state.lines == lines else state.lines))
        case EndCall(lines=(Prompt("goodbye"),)) as end if step.state.style == "calming":
            return replace(step, decision=replace(end, lines=(Told("goodbye_plain"),)))
    return step


def _worded(line: Line, style: Style) -> Line:
    return replace(line, variant=_VARIANTS[style]) if isinstance(line, Answer) and line.variant == "full" else line


def _acknowledged(state: State, lines: tuple[Line, ...], entry_id: str | None) -> tuple[tuple[Line, ...], State]:
    """Who is upset hears once that his trouble was understood, by its name, before its answer."""
    if state.style != "calming" or state.acknowledged or entry_id is None:
        return lines, state
    return (Told("sorry_about", (f"{{title:{entry_id}}}",)), *lines), replace(state, acknowledged=True)
