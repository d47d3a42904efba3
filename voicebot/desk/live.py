"""What happens now: one follower of the journal for all open pages. It folds lines into stories and tells who watches; it never writes.

After an hour a call that is over is forgotten here and read from the store when somebody asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import structlog

from voicebot.errors import StoreError
from voicebot.handover.story import Story, begin, fold, told
from voicebot.store.calls import follow, show
from voicebot.store.events import Line

POLL_MS = 50
AGAIN_S = 1.0
KEPT = timedelta(hours=1)
Watcher = Callable[[Story, Line], None]
log = structlog.get_logger()


class Live:
    """All calls of now by id."""

    def __init__(self, url: str) -> None:
        self.calls: dict[str, Story] = {}
        self._url = url
        self._running: dict[str, Story] = {}
        """Those of `calls` that are not over."""
        self._at: dict[str, str] = {}
        """Which call rings at, or talks to, a phone."""
        self._watchers: set[Watcher] = set()

    async def run(self) -> None:
        """Follow the journal until cancelled; when it cannot be read, try again and build everything anew."""
        while True:
            try:
                async with aclosing(follow(self._url, poll_ms=POLL_MS)) as lines:
                    async for line in lines:
                        self.take(line)
            except StoreError as error:
                log.error("the journal cannot be followed; trying again", why=str(error))
            await asyncio.sleep(AGAIN_S)
            for known in (self.calls, self._running, self._at):
                known.clear()

    def take(self, line: Line) -> None:
        """One more line: the call's story goes on, and whoever watches hears of it."""
        known = self.calls.get(line.call_id)
        story = fold(known, line) if known else begin(line)
        if story is None:
            return
        self.calls[line.call_id] = story
        self._place(known.agent if known else "", story)
        if story.outcome:
            self._forget_old()
        for watcher in tuple(self._watchers):
            watcher(story, line)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Have `watcher` told of every line until what is returned is called."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def at(self, extension: str) -> Story | None:
        """The call that rings at, or talks to, this phone now."""
        return self.calls.get(self._at.get(extension, ""))

    def open(self) -> list[Story]:
        """Calls that are not over, those first that wait longest for a person, then those with the bot."""
        return sorted(self._running.values(), key=lambda story: (story.stage in ("bot", "agent"), not story.urgent, story.since_utc))

    async def story(self, call_id: str) -> Story | None:
        """One call, of now or of long ago; None when there is none of exactly this id."""
        if found := self.calls.get(call_id):
            return found
        try:
            record = await show(self._url, call_id)
        except StoreError:
            return None
        return told(record.lines) if record.summary.call_id == call_id else None

    def _place(self, agent_before: str, story: Story) -> None:
        """Keep both indices: hundreds of desks ask them at every line."""
        if story.stage == "over":
            self._running.pop(story.call_id, None)
        else:
            self._running[story.call_id] = story
        if agent_before and agent_before != story.agent and self._at.get(agent_before) == story.call_id:
            del self._at[agent_before]
        if story.agent:
            self._at[story.agent] = story.call_id

    def _forget_old(self) -> None:
        before = datetime.now(UTC) - KEPT
        for call_id in [story.call_id for story in self.calls.values() if story.outcome and story.since_utc < before]:
            del self.calls[call_id]
