"""The buttons by which a supervisor acts on a call of now, on the wall and on its page.

They change with its stage alone, so that whoever goes by keys keeps his place.
"""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui
from nicegui.element import Element

from voicebot.desk.page import Here, Part
from voicebot.desk.supervise import BY_PHONE, acts, supervise
from voicebot.handover.story import Stage, Story
from voicebot.telephony.supervision import Deed as Act

Shown = tuple[str, Stage, str]
"""Call, stage, and the phone of who looks; "" for none."""


def acts_on(here: Here, box: Element, look: Callable[[], Story | None]) -> Part[Shown | None]:
    """The buttons in `box` for the call that `look` gives; none for no call, and for one that is over."""

    def shown() -> Shown | None:
        story, posting = look(), here.desk.duty.of(here.person.name)
        return (story.call_id, story.stage, posting.extension if posting else "") if story and story.stage != "over" else None

    box.classes("acts").props(f'role="group" aria-label="{here.say("supervise.title")}"')
    return Part(box, shown, _Buttons(here).draw)


class _Buttons:
    def __init__(self, here: Here) -> None:
        self._here = here
        self._say = here.say

    def draw(self, shown: Shown | None) -> None:
        if shown is None:
            return
        call_id, stage, phone = shown
        for act in acts(stage):
            if act == "send":
                self._queues(call_id)
            else:
                self._button(call_id, act, phone)
        if not phone:
            ui.link(self._say("supervise.no_phone"), "/").classes("quiet")

    def _button(self, call_id: str, act: Act, phone: str) -> None:
        pressed = self._confirm if act == "end" else self._do
        button = ui.button(self._say(f"supervise.{act}"), on_click=lambda: pressed(call_id, act))
        button.props(f"dense no-caps {'outline color=negative' if act == 'end' else 'unelevated'}").tooltip(self._say(f"supervise.{act}_means"))
        button.set_enabled(bool(phone) or act not in BY_PHONE)

    def _queues(self, call_id: str) -> None:
        with ui.dropdown_button(self._say("supervise.send"), auto_close=True) as choice:
            for queue in self._here.desk.settings.handover.names:
                ui.item(queue, on_click=lambda _, queue=queue: self._do(call_id, "send", queue))
        choice.props("unelevated no-caps dense").tooltip(self._say("supervise.send_means"))

    def _confirm(self, call_id: str, act: Act) -> None:
        with ui.dialog(value=True) as dialog, ui.card():
            ui.label(self._say("supervise.sure"))
            with ui.row():
                ui.button(self._say("supervise.end"), on_click=lambda: self._sure(dialog, call_id, act)).props("no-caps color=negative")
                ui.button(self._say("supervise.keep"), on_click=dialog.close).props("no-caps flat")

    def _sure(self, dialog: ui.dialog, call_id: str, act: Act) -> None:
        dialog.close()
        self._do(call_id, act)

    def _do(self, call_id: str, act: Act, queue: str = "") -> None:
        async def done() -> None:
            await supervise(self._here.desk, self._here.person, call_id, act, queue)
            ui.notify(self._say(f"supervise.{act}_done"), type="positive")

        self._here.act(done)
