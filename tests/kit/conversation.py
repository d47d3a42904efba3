"""A call as a list of what the caller does, held against the real call coroutine in virtual time.

    held = hold(bench, says("when are you open"), presses("0"))
    assert held.story == [...]

Each step waits for its moment by itself: `says` until the bot has finished, `interrupts` until it is so far into its speech.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.kit.asterisk import BRIDGE, CALLER, MEDIA, QUEUE, FakeAsterisk, Trouble
from tests.kit.bot import Bench
from tests.kit.clock import VirtualLoop, run_virtual
from tests.kit.line import Line
from tests.kit.record import BEGUN, Record
from tests.kit.speech import NOISE, WORD_MS
from tests.kit.strikes import Strike, ours, striking
from voicebot import call
from voicebot.arrivals import CLOSE_TIMEOUT_S
from voicebot.memory import Memory, recalled, remember
from voicebot.store.events import Line as Entry
from voicebot.store.events import Resumed
from voicebot.store.history import violations
from voicebot.telephony.ari import Bridge, Channel, ChannelDestroyed, ChannelEnteredBridge, Dial
from voicebot.values import FRAME_MS

LONGEST_S = 600.0
REACTION_MS = 300
GAP_MS = 900
KEY_MS = 300

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


def keyed(keys: str) -> Step:
    """Several keys, one after the other as a person presses them, once the bot has finished."""

    async def step(caller: Caller) -> None:
        await caller.bot_finished()
        for key in keys:
            await asyncio.sleep(KEY_MS / 1000)
            caller.asterisk.press(key)

    return step


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
    timers: tuple[str, ...] = ()
    """Timers of ours that are still set."""

    @property
    def story(self) -> list[str]:
        """Without the start, which every call has."""
        return self.record.story[1:]

    @property
    def asked(self) -> list[str]:
        """The requests between opening and taking down, both of which every call shares."""
        assert self.asterisk.asked[:4] == OPENED, self.asterisk.asked
        assert self.asterisk.asked[-2:] == CLOSED, self.asterisk.asked
        folder = str(self.bench.spool_folder.parent)
        reason = "set VOICEBOT_REASON="  # the story tells it already
        return [request.replace(folder, "") for request in self.asterisk.asked[4:-2] if not request.startswith(reason)]

    @property
    def ending(self) -> str:
        return f"{self.record.outcome} by {self.record.sealed_by}" if self.record.sealed else "followed" if len(self.bench.bot.floor) else "open"

    def leaks(self) -> list[str]:
        """What no call may leave behind, whatever befell it."""
        asterisk, record, ending = self.asterisk, self.record, self.ending
        found = list(record.wrongs)
        found += [f"channel {asterisk.media} is left"] * (asterisk.media in asterisk.channels)
        found += [f"bridge {name} is left" for name in asterisk.bridges]
        found += ["the door still waits for media"] * (len(self.bench.door) > 0)
        found += ["the media socket is open"] * (asterisk.line is not None and not asterisk.line.closed)
        found += [f"the caller is still with the bot, record {ending}"] * (asterisk.place == "bot")
        found += ["neither sealed nor followed"] * (ending == "open")
        found += [f"in the queue with a record {ending}"] * (asterisk.place == QUEUE and ending != "followed")
        told_why = any(line.startswith(("handover", "fault, call")) for line in self.story)
        found += ["on the way to a person, and the record does not say why"] * (ending == "followed" and not told_why)
        found += ["sealed and still followed"] * (record.sealed and len(self.bench.bot.floor) > 0)
        found += ["a recogniser stream is open"] * any(not stream.closed for stream in self.bench.recogniser.streams)
        return found + list(self.timers)

    def wrongs(self) -> list[str]:
        """Leaks, and what the history of the call tells that cannot be, once the floor has seen the caller out."""
        leaks = self.leaks()
        if self.ending == "followed":
            self._see_out()
        history = self.record.history
        found = [f"{one.invariant}: {one.what}" for one in violations(history)]
        found += ["the record is not sealed"] * (not self.record.sealed)
        found += [f"the floor still follows {len(self.bench.bot.floor)}"] * (len(self.bench.bot.floor) > 0)
        return leaks + found

    def _see_out(self) -> None:
        """An agent takes the caller from the queue, and the caller hangs up; one who is elsewhere just ends."""
        caller, agent = Channel(CALLER), Channel("a1", "PJSIP/6001-0000002")
        self.bench.bot.floor.clock = lambda: LONGEST_S
        if self.asterisk.place == QUEUE:
            for event in (Dial(agent, "RINGING", caller), Dial(agent, "ANSWER", caller), ChannelEnteredBridge(Bridge("q"), caller)):
                self.bench.bot.floor.take(event)
        self.bench.bot.floor.take(ChannelDestroyed(caller))


def hold(
    bench: Bench,
    *steps: Step,
    variables: Mapping[str, str] | None = None,
    troubles: Mapping[int, Trouble] | None = None,
    media: bool = True,
    slow_s: float = 0.001,
    strikes: Sequence[Strike] = (),
    refuses: int = 0,
    before: Sequence[Entry] = (),
) -> Held:
    """Hold one call to its end. `troubles`: what befalls the n-th request; each takes `slow_s`; the journal `refuses` one line by number.

    `before`: the record of a call whose controller was lost, and that is taken over here.
    """
    loop = VirtualLoop()
    asterisk = FakeAsterisk(
        bench.door, {"VOICEBOT_LANGUAGE": bench.language, **(variables or {})}, troubles, media=media, floor=bench.bot.floor, slow_s=slow_s
    )
    return run_virtual(_held(bench, steps, asterisk, _begun(refuses, before), strikes), loop)


async def _held(bench: Bench, steps: tuple[Step, ...], asterisk: FakeAsterisk, begun: tuple[Record, Memory], strikes: Sequence[Strike]) -> Held:
    record, memory = begun
    if memory.resumed:
        asterisk.media = f"{CALLER}-{memory.resumed}-media"
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    progress: list[Step] = []
    async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as scope:
        calling = scope.create_task(call.run(bench.bot, asterisk.control, asterisk.start, record, memory))
        acting = scope.create_task(_act_out(Caller(bench, asterisk), steps, progress))
        loop.on_step = striking(loop, calling, asterisk, strikes)
        with contextlib.suppress(asyncio.CancelledError):
            await calling
        loop.on_step = None
        acting.cancel()
    taken = loop.steps
    await asyncio.sleep(CLOSE_TIMEOUT_S)
    asterisk.move_on()  # a caller whom the call left where he was: the app closes the control socket, and Asterisk's dialplan goes on
    timers = tuple(f"a timer is left: {timer}" for timer in loop.timers if ours(timer))
    return Held(bench, asterisk, record, taken, len(progress) == len(steps), timers)


def _begun(refuses: int, before: Sequence[Entry]) -> tuple[Record, Memory]:
    record = Record(CALLER, refuses)
    memory = Memory()
    for line in before:
        record.append(line.t_ms, line.event)
    if before:
        resumed = Resumed("its controller was lost", GAP_MS)
        memory = remember(recalled(before), before[-1].t_ms + GAP_MS, resumed)
        record.append(memory.t_ms, resumed)
    else:
        record.append(0, BEGUN)
    return record, memory


async def _act_out(caller: Caller, steps: tuple[Step, ...], progress: list[Step]) -> None:
    for step in steps:
        await step(caller)
        progress.append(step)
