"""The customer's profile on the agent's screen: every field with its source, its date and what shows it. Nothing of it is ever spoken by the bot."""

from __future__ import annotations

from nicegui import ui

from voicebot.customers.profile import Field
from voicebot.desk import draw, wording
from voicebot.desk.customer import Caller, caller
from voicebot.desk.page import Here
from voicebot.handover.story import Story


def card(here: Here, story: Story) -> None:
    """What is known of the caller, read once."""
    with draw.card(here.say("customer.title"), "customer"):
        rows = draw.box()

    def show(found: Caller) -> None:
        with rows:
            ui.label(here.say("customer.verified" if found.profile.verified else "customer.unverified")).classes("quiet")
            if found.failed:
                ui.label(here.say("customer.failed", why=found.failed)).classes("quiet")
            if not found.profile.fields:
                ui.label(here.say("customer.nothing")).classes("quiet")
            for field in found.profile.fields:
                _row(here, field)

    async def load() -> None:
        show(await caller(here.desk, story))

    here.act(load)


def _row(here: Here, field: Field) -> None:
    with draw.box("row"):
        ui.label(_word(here, field.name)).classes("what")
        ui.label(", ".join(_word(here, value) for value in field.value.split(", ")))
        ui.label(f"{_word(here, field.source)}, {field.day:%d.%m.%Y}: {_word(here, field.evidence)}").classes("quiet")


def _word(here: Here, name: str) -> str:
    """A name as the desk says it; titles and figures stand as they are."""
    return wording.table(here.person.language).get(f"known.{name.replace(' ', '_')}", name)
