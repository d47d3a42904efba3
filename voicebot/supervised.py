"""What becomes of a bot's call that a supervisor takes, sends on or ends: a decision like the policy's own. Pure."""

from __future__ import annotations

from voicebot.dialogue.decisions import EndCall, HandOver, Prompt, State, Step, Why
from voicebot.dialogue.steps import after
from voicebot.telephony.supervision import WHY, Order


def obeyed(order: Order, state: State) -> Step:
    """The step that carries `order` out; the caller hears where he goes."""
    if order.deed == "end":
        return after(state, EndCall((Prompt("goodbye"),), "contained" if state.answered else "unanswered"), WHY[order.deed])
    return after(state, HandOver(Why.SUPERVISOR, "normal", (Prompt("connecting"),), order.goes_to), WHY[order.deed])
