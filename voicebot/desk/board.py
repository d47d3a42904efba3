"""Who waits and who is with the bot, as every agent's desk shows it: made once for all desks, and at most once a second, so that hundreds of open
desks cost a call that rings no time. Numbers are shortened and escaped; no word of a caller stands here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape

from voicebot.desk.live import Live
from voicebot.desk.wording import Say, saying
from voicebot.handover.story import Stage, Story
from voicebot.handover.written import Level, level

EVERY_S = 1.0
SHOWN = 12
"""How many callers of each kind are listed; the rest are counted."""
KINDS: dict[str, frozenset[Stage]] = {"queue.waiting": frozenset({"leaving", "queue", "ringing", "briefing"}), "queue.bots": frozenset({"bot"})}
"""The two lists: word of the title → stages."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What the list shows of one caller."""

    ani: str
    stage: Stage
    since_utc: datetime
    urgent: bool
    level: Level


Listed = tuple[tuple[str, int, tuple[Caller, ...]], ...]
"""Of each kind: word of its title, how many there are, the first of them."""


def listed(stories: list[Story]) -> Listed:
    """The lists of these calls, which come in the order they are shown in."""
    found = []
    for title, stages in KINDS.items():
        those = [story for story in stories if story.stage in stages]
        found.append((title, len(those), tuple(map(_caller, those[:SHOWN]))))
    return tuple(found)


def markup(lists: Listed, say: Say) -> str:
    """The lists as the page shows them."""
    return "".join(_card(f"{say(title)} · {count}", callers, say) for title, count, callers in lists)


class Board:
    """The lists of now. `run` tells the desks, one after the other, when they changed."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._lists: Listed = listed([])
        self._made: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._watchers: set[Callable[[], object]] = set()
        live.watch(lambda _story, _line: self._changed.set())

    def markup(self, language: str) -> str:
        """The lists in the words of `language`."""
        if language not in self._made:
            self._made[language] = markup(self._lists, saying(language))
        return self._made[language]

    def watch(self, watcher: Callable[[], object]) -> Callable[[], None]:
        """Have `watcher` told of every change until what is returned is called."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    async def run(self) -> None:
        """Look again whenever something happened, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Take the lists over from the live calls, and tell the desks if they changed. Between two desks all else may go on."""
        found = listed(self._live.open())
        if found == self._lists:
            return
        self._lists, self._made = found, {}
        for watcher in tuple(self._watchers):
            watcher()
            await asyncio.sleep(0)


def _caller(story: Story) -> Caller:
    return Caller(story.ani, story.stage, story.since_utc, story.urgent, level(story.last))


def _card(title: str, callers: tuple[Caller, ...], say: Say) -> str:
    rows = "".join(_row(caller, say) for caller in callers) or f'<div class="quiet">{escape(say("queue.nobody"))}</div>'
    return f'<section class="card callers"><h2>{escape(title)}</h2>{rows}</section>'


def _row(caller: Caller, say: Say) -> str:
    number = f"…{caller.ani[-3:]}" if caller.ani else "–"
    since = f'<span class="since" data-since="{round(caller.since_utc.timestamp() * 1000)}"></span>'
    classes = f"caller {'urgent' if caller.urgent else 'usual'} {caller.level}"
    return f'<div class="{classes}"><div class="ani">{escape(number)}</div><div class="what">{escape(say(f"side.{caller.stage}"))}</div>{since}</div>'
