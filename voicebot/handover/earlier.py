"""An earlier call of a number as the customer's profile counts it, made from that call's story. Pure."""

from __future__ import annotations

from voicebot.customers.profile import EarlierCall
from voicebot.dialogue.knowledge import Knowledge
from voicebot.handover.story import Story
from voicebot.handover.written import level


def earlier_call(story: Story, knowledge: Knowledge) -> EarlierCall:
    """What is counted of one call. An answer that is no longer in the knowledge base counts by its id."""
    entries = ((entry_id, knowledge.entry(entry_id, story.language)) for entry_id in story.answered)
    return EarlierCall(
        story.started_utc.date(),
        story.outcome,
        tuple(entry.title if entry else entry_id for entry_id, entry in entries),
        story.reason,
        level(story.last) == "angry",
        story.opt_outs,
        story.language,
    )
