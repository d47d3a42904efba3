"""What a page of the desk stands on: who looks at it, in which language, and how it hears of what happens. A page is one function that is given
this; `pages/agent.py` is the model to follow.

A page never asks who may open it: the guard has (see access.py). It shows what callers said as labels, never as markup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import Request
from nicegui import Client, core, ui
from nicegui.element import Element

from voicebot.desk import theme
from voicebot.desk.auth import Present, digest, secret_in
from voicebot.desk.desk import Desk, now_utc
from voicebot.desk.wording import Say, saying
from voicebot.errors import VoicebotError
from voicebot.handover.story import Story
from voicebot.store.events import Line
from voicebot.store.privacy import Deed, audit
from voicebot.store.staff import Staff

T = TypeVar("T")
RESPONSE_S = 30.0
"""A page on a busy machine comes late; after the library's 3 s it would not come at all."""
LEAVE_S = 0.3
"""How long a page that was signed out has to go to the sign-in page by itself."""
_OPEN: dict[str, set[Client]] = {}
"""The open pages of each sign-in, by its digest."""


@dataclass(frozen=True)
class Here:
    """One open page."""

    desk: Desk
    present: Present
    client: Client
    say: Say
    bar: Element
    """The middle of the bar at the top, for this page's own controls."""
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def person(self) -> Staff:
        """Who looks at this page."""
        return self.present.person

    def on_line(self, watcher: Callable[[Story, Line], None], about: Callable[[Story], bool] = lambda _: True) -> None:
        """Call `watcher` inside this page for every line of the calls that it is `about`, until the page is closed. Both must be quick: hundreds of
        pages may be open, and `about` is asked for every line of all calls."""
        self._until_closed(self.desk.live.watch(lambda story, line: self._inside(watcher, story, line) if about(story) else None))

    def on_board(self, watcher: Callable[[], object]) -> None:
        """Call `watcher` inside this page whenever the list of callers changed."""
        self._until_closed(self.desk.board.watch(lambda: self._inside(watcher)))

    def on_duty(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` inside this page whenever an agent's state changed."""
        self._until_closed(self.desk.duty.watch(lambda: self._inside(watcher)))

    def act(self, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something that takes time; when it cannot be done, say why on this page."""
        self.desk.spawn(self._told(doing))

    def looked(self, about: str) -> None:
        """Personal data is shown here to this person: the audit log takes it, beside the drawing."""
        self.act(lambda: audit(self.desk.store, Deed(now_utc(), self.person.name, "look", about)))

    async def _told(self, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            with self.client:
                await doing()
        except VoicebotError as error:
            with self.client:
                ui.notify(str(error), type="negative")

    def _inside(self, watcher: Callable[..., object], *what: Any) -> None:
        if not self.client.is_deleted:
            with self.client:
                watcher(*what)

    def _until_closed(self, stop: Callable[[], None]) -> None:
        self.client.on_delete(stop)


class Part(Generic[T]):
    """A piece of a page that is drawn anew when, and only when, what it shows has changed."""

    def __init__(self, box: Element, look: Callable[[], T], draw: Callable[[T], None]) -> None:
        self._box = box
        self._look = look
        self._draw = draw
        self._shown: T | None = None
        self.refresh()

    def refresh(self) -> None:
        """Look again."""
        found = self._look()
        if found != self._shown:
            self._shown = found
            self._box.clear()
            with self._box:
                self._draw(found)


Build = Callable[[Here], Awaitable[None]]


def page(path: str, *, bare: bool = False) -> Callable[[Build], Build]:
    """Make a function a page of the desk, inside its frame; `bare` leaves the frame out, for a page that others embed.

    The path needs a line in `access.RULES`, and its module a line in `pages.MODULES`.
    """

    def decorate(build: Build) -> Build:
        @ui.page(path, dark=None, response_timeout=RESPONSE_S)
        async def built(request: Request, client: Client) -> None:
            present: Present = request.state.present
            desk, say = request.app.state.desk, saying(present.person.language)
            theme.apply(present.person, desk.settings.company)
            bar = ui.element("div") if bare else theme.frame(desk, present, say)
            here = Here(desk, present, client, say, bar, dict(request.path_params))
            _register(here)
            await build(here)

        return build

    return decorate


def close(digests: frozenset[str], spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """End every open page of these sign-ins: it goes to the sign-in page, and its socket is cut; the guard lets no other in."""
    for client in [client for one in digests for client in _OPEN.pop(one, set())]:
        client.open("/sign-in")
        spawn(_cut(client))


async def _cut(client: Client) -> None:
    await asyncio.sleep(LEAVE_S)
    for socket, _ in list(core.sio.manager.get_participants("/", client.id)):
        await core.sio.disconnect(socket)


def _register(here: Here) -> None:
    own, client = here.present.entry.digest, here.client
    _OPEN.setdefault(own, set()).add(client)
    client.on_delete(lambda: _OPEN.get(own, set()).discard(client))
    client.on_connect(lambda: _same_browser(here))


def _same_browser(here: Here) -> None:
    """A page is for the browser that opened it: a socket that brings another sign-in's cookie ends it."""
    if digest(secret_in((here.client.environ or {}).get("HTTP_COOKIE", ""))) != here.present.entry.digest:
        here.desk.spawn(_cut(here.client))
