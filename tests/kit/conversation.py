"""A call as a list of what the caller does, held against the real call coroutine in virtual time.

    held = hold(bench, says("when are you open"), presses("0"))
    assert held.story == [...]

Each step waits for its moment by itself: `says` until the bot has finished, `interrupts` until it is so far into its speech.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.kit.asterisk import BRIDGE, CALLER, MEDIA, FakeAsterisk, Trouble
from tests.kit.bot import Bench
from tests.kit.clock import VirtualLoop, run_virtual
from tests.kit.line import Line
from tests.kit.record import Record
from tests.kit.speech import NOISE, WORD_MS
from voicebot import call
from voicebot.values import FRAME_MS

LONGEST_S = 600.0
REACTION_MS = 300

OPENED = ["open media", f"make {BRIDGE}", f"answer {CALLER}", f"join {CALLER},{MEDIA} in {BRIDGE}"]
CLOSED = [f"hang up {MEDIA}", f"remove {BRIDGE}"]
QUEUED = f"send {CALLER} to voicebot-handover"


class Caller:
    """The person on the phone."""

    def __init__(self, bench: Bench, asterisk: FakeAsterisk) -> None:
        self.bench = bench
        self.asterisk = asterisk
        self.heard_frames = 0

    @property
    def line(self) -> Line:
        assert self.asterisk.line, "no audio yet"
        return self.asterisk.line

    async def until(self, condition: Callable[[], bool]) -> None:
        """Looks every 20 ms without a step of this task: the steps of a conversation are the call's own."""
        loop = asyncio.get_running_loop()
        come = loop.create_future()

        def look() -> None:
            if not come.done():
                come.set_result(None) if condition() else loop.call_later(FRAME_MS / 1000, look)

        look()
        await come

    async def bot_speaks(self) -> None:
        """Until the bot begins to say something new."""
        await self.until(lambda: self.asterisk.line is not None and self.line.played_frames > self.heard_frames)

    async def bot_finished(self) -> None:
        """Until the bot has said something new and then nothing for a moment."""
        await self.bot_speaks()
        quiet = deque([False], maxlen=REACTION_MS // FRAME_MS)

        def finished() -> bool:
            quiet.append(self.line.quiet)
            return len(quiet) == quiet.maxlen and all(quiet)

        await self.until(finished)
        self.heard_frames = self.line.played_frames

    async def speak(self, text: str, word_ms: int) -> None:
        self.line.voice.extend(self.bench.speech.frames(text, word_ms))
        await self.until(lambda: not self.line.voice)


Step = Callable[[Caller], Awaitable[None]]


def says(text: str, word_ms: int = WORD_MS) -> Step:
    """Speak once the bot has finished."""

    async def step(caller: Caller) -> None:
        await caller.bot_finished()
        await caller.speak(text, word_ms)

    return step


def interrupts(text: str, after_ms: int, word_ms: int = WORD_MS) -> Step:
    """Speak when the bot has spoken for `after_ms`."""

    async def step(caller: Caller) -> None:
        await caller.bot_speaks()
        await asyncio.sleep(after_ms / 1000)
        await caller.speak(text, word_ms)
        caller.heard_frames = caller.line.played_frames

    return step


def coughs(after_ms: int, length_ms: int = 100) -> Step:
    return interrupts(NOISE, after_ms, length_ms)


def goes_on(text: str, after_ms: int) -> Step:
    """Speak again `after_ms` after the last step, whatever the bot does."""

    async def step(caller: Caller) -> None:
        await asyncio.sleep(after_ms / 1000)
        await caller.speak(text, WORD_MS)

    return step


def presses(key: str, after_ms: int | None = None) -> Step:
    """A key: when the bot has finished, or `after_ms` into its speech."""
    return _act(lambda caller: caller.asterisk.press(key), after_ms)


def hangs_up(after_ms: int | None = None) -> Step:
    return _act(lambda caller: caller.asterisk.hang_up(), after_ms)


def happens(what: Callable[[Caller], None], after_ms: int | None = None) -> Step:
    """Something befalls the call: when the bot has finished, or `after_ms` into its speech."""
    return _act(what, after_ms)


def at_once(what: Callable[[Caller], None], after_ms: int) -> Step:
    """Something befalls the call `after_ms` after the last step, whatever the bot does."""

    async def step(caller: Caller) -> None:
        await asyncio.sleep(after_ms / 1000)
        what(caller)

    return step


def _act(what: Callable[[Caller], None], after_ms: int | None) -> Step:
    async def step(caller: Caller) -> None:
        if after_ms is None:
            await caller.bot_finished()
        else:
            await caller.bot_speaks()
            await asyncio.sleep(after_ms / 1000)
        caller.heard_frames = caller.line.played_frames
        what(caller)

    return step


@dataclass(frozen=True)
class Held:
    """A call that is over for the bot."""

    bench: Bench
    asterisk: FakeAsterisk
    record: Record
    steps: int
    done: bool
    """Whether the caller came to do all that was scripted."""

    @property
    def story(self) -> list[str]:
        return self.record.story

    @property
    def asked(self) -> list[str]:
        """The requests between opening and taking down, both of which every call shares."""
        assert self.asterisk.asked[:4] == OPENED, self.asterisk.asked
        assert self.asterisk.asked[-2:] == CLOSED, self.asterisk.asked
        folder = str(self.bench.spool_folder.parent)
        return [request.replace(folder, "") for request in self.asterisk.asked[4:-2]]

    @property
    def ending(self) -> str:
        return f"{self.record.outcome} by {self.record.sealed_by}" if self.record.sealed else "followed" if len(self.bench.bot.floor) else "open"

    def leaks(self) -> list[str]:
        """What no call may leave behind, whatever befell it."""
        found = list(self.record.wrongs)
        found += [f"channel {MEDIA} is left"] * (MEDIA in self.asterisk.channels)
        found += [f"bridge {name} is left" for name in self.asterisk.bridges]
        found += ["the door still waits for media"] * (len(self.bench.door) > 0)
        found += ["the media socket is open"] * (self.asterisk.line is not None and not self.asterisk.line.closed)
        found += [f"the caller is still with the bot, record {self.ending}"] * (self.asterisk.place == "bot")
        found += ["neither sealed nor followed"] * (self.ending == "open")
        found += [f"in the queue with a record {self.ending}"] * (self.asterisk.place == "voicebot-handover" and self.ending != "followed")
        told_why = any(line.startswith(("handover", "fault, call")) for line in self.story)
        found += ["on the way to a person, and the record does not say why"] * (self.ending == "followed" and not told_why)
        found += ["sealed and still followed"] * (self.record.sealed and len(self.bench.bot.floor) > 0)
        streams = [stream for stream in self.bench.recogniser.streams if not stream.closed]
        found += ["a recogniser stream is open"] * len(streams)
        return found


def hold(
    bench: Bench,
    *steps: Step,
    variables: Mapping[str, str] | None = None,
    troubles: Mapping[int, Trouble] | None = None,
    media: bool = True,
    cancel_at: int | None = None,
) -> Held:
    """Hold one call to its end. `troubles`: what befalls the n-th request; `cancel_at`: before which step of the loop the call is cancelled."""
    loop = VirtualLoop()
    held = run_virtual(_held(bench, steps, FakeAsterisk(bench.door, variables, troubles, media), loop, cancel_at), loop)
    bench.bot.metrics.render()
    return held


async def _held(bench: Bench, steps: tuple[Step, ...], asterisk: FakeAsterisk, loop: VirtualLoop, cancel_at: int | None) -> Held:
    record = Record(CALLER)
    progress: list[Step] = []
    async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as scope:
        calling = scope.create_task(call.run(bench.bot, asterisk.control, asterisk.start, record))
        acting = scope.create_task(_act_out(Caller(bench, asterisk), steps, progress))
        loop.on_step = _cancel(calling, loop.steps, cancel_at)
        with contextlib.suppress(asyncio.CancelledError):
            await calling
        loop.on_step = None
        acting.cancel()
    return Held(bench, asterisk, record, loop.steps, len(progress) == len(steps))


async def _act_out(caller: Caller, steps: tuple[Step, ...], progress: list[Step]) -> None:
    for step in steps:
        await step(caller)
        progress.append(step)


def _cancel(calling: asyncio.Task[None], begun: int, at: int | None) -> Callable[[int], None] | None:
    def strike(step: int) -> None:
        if at is not None and step - begun == at:
            calling.cancel()

    return strike if at is not None else None
