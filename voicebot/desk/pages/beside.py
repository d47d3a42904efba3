"""What an agent needs beside the briefing while talking: suggested sentences, notes, the knowledge base, earlier calls of the number."""

from __future__ import annotations

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here
from voicebot.desk.pages import customer
from voicebot.dialogue.knowledge import Entry
from voicebot.handover.story import Story
from voicebot.handover.written import written
from voicebot.store import after
from voicebot.store.after import Earlier, Note

LONGEST_NOTE = 4_000


def tools(here: Here, story: Story) -> None:
    """The column to the right of the briefing."""
    suggestions(here, story)
    notes(here, story.call_id)
    knowledge(here, story.language)
    customer.card(here, story)
    earlier(here, story)


def suggestions(here: Here, story: Story) -> None:
    """Sentences to say after the first, out of approved answers."""
    rest = written(story, here.desk.search.knowledge, here.person.language).suggest[1:]
    if rest:
        with draw.card(here.say("pop.suggest"), "suggest"):
            draw.listed(rest)


def notes(here: Here, call_id: str) -> None:
    """What was noted about this call, and a place for more."""
    with draw.card(here.say("pop.notes"), "notes"):
        written_box = draw.box("written")
        field = ui.textarea(placeholder=here.say("pop.note_new")).props(
            f"dense outlined hide-bottom-space autogrow maxlength={LONGEST_NOTE} accesskey=n"
        )
        field.props(f'aria-label="{here.say("pop.notes")}"')

        def show(found: list[Note]) -> None:
            written_box.clear()
            with written_box:
                draw.listed(note.text for note in found)

        async def load() -> None:
            show(await after.notes_of(here.desk.store, call_id))

        async def keep() -> None:
            text = str(field.value or "").strip()[:LONGEST_NOTE]
            if text:
                await after.note(here.desk.store, Note(after.new_id(), call_id, here.person.name, now_utc(), text))
                field.value = ""
                await load()

        field.on("keydown.ctrl.enter", lambda: here.act(keep))
        ui.button(here.say("pop.keep"), on_click=lambda: here.act(keep)).props("flat dense no-caps color=accent")
    here.act(load)


def knowledge(here: Here, language: str) -> None:
    """Search of the approved answers, in the caller's language."""
    with draw.card(here.say("pop.knowledge"), "knowledge"):
        field = ui.input(placeholder=here.say("pop.search")).props("dense outlined hide-bottom-space clearable accesskey=k")
        field.props(f'aria-label="{here.say("pop.search")}"')
        hits = draw.box("hits")

        def show(found: tuple[Entry, ...]) -> None:
            hits.clear()
            with hits:
                if not found:
                    ui.label(here.say("pop.no_hits")).classes("quiet")
                for entry in found:
                    with ui.expansion(entry.title).props("dense"):
                        ui.label(entry.answer)

        async def search() -> None:
            show(await here.desk.search.find(str(field.value or ""), language))

        field.on("keydown.enter", lambda: here.act(search))


def earlier(here: Here, story: Story) -> None:
    """Earlier calls of this number: when, what became of them, what was noted."""
    with draw.card(here.say("pop.earlier"), "earlier"):
        rows = draw.box()

    def show(found: list[Earlier]) -> None:
        with rows:
            if not found:
                ui.label(here.say("pop.no_earlier")).classes("quiet")
            for call in found:
                with draw.box("row"):
                    ui.label(f"{call.started_utc.astimezone():%d.%m.%Y %H:%M}").classes("when")
                    closed = here.say(f"dispositions.{call.disposition}") if call.disposition else here.say(f"outcome.{call.outcome or 'open'}")
                    ui.label(closed)
                    draw.listed(call.notes)

    async def load() -> None:
        show(await after.earlier(here.desk.store, story.ani, story.call_id))

    here.act(load)
