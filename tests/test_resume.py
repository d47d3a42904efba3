"""A call that lost its controller: what the next one remembers is what the first one did, and the caller hears the bot go on.

The first controller dies at any line of the record; what Asterisk holds is what a killed process leaves behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.kit.asterisk import APPLICATION, CALLER, NAME, FakeAsterisk
from tests.kit.bot import Bench
from tests.kit.clock import run_virtual
from tests.kit.conversation import Caller, Held, Step, hangs_up, hold, says
from tests.kit.record import Record
from tests.kit.speech import scripted_ears
from tests.kit.tales import ANSWER, BILL, GONE, TALES, WHEN, Tale
from voicebot import call
from voicebot.call import RESUME_S
from voicebot.errors import AriError, StoreError
from voicebot.memory import Memory, recalled, remember
from voicebot.resume import GAP_MAX_MS, take_over, unfinished
from voicebot.scribe import Scribe
from voicebot.settings import Turns
from voicebot.speech import ear
from voicebot.store import events
from voicebot.store.events import BotSpoke, CallAnswered, CallStarted, Decided, Event, HandoverDecided, Line, NoticeGiven, OptedOut, Resumed
from voicebot.store.journal import Journal
from voicebot.telephony.ari import Channel

Run = Callable[[object], object]
MakeBench = Callable[..., Bench]
GAP_MS = 700
BACK = "bot, prompt: lost you"
OLD_BRIDGE, OLD_MEDIA = f"{CALLER}-bridge", f"{CALLER}-media"


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


@pytest.fixture
def bench(tmp_path: Path) -> MakeBench:
    return lambda **how: Bench(tmp_path, **how)


# What is remembered.


@pytest.mark.parametrize("tale", TALES, ids=lambda tale: tale.title)
def test_at_every_line_of_every_tale_the_journal_remembers_what_the_call_does(tale: Tale, bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    writes, write = [0], Scribe.write

    def checked(scribe: Scribe, event: Event) -> None:
        write(scribe, event)
        writes[0] += 1
        record: Any = scribe.record
        assert recalled(record.history) == scribe.memory

    monkeypatch.setattr(Scribe, "write", checked)
    made = bench(**dict(tale.how))
    tale.bend(made)
    hold(made, *tale.acts, **dict(tale.where))
    assert writes[0] > 0


# How the next controller goes on.


class Resumption:
    """A call that goes on after its first controller has died behind the line `until`."""

    def __init__(self, bench: Bench, lines: Sequence[Line], until: Callable[[Event], bool]) -> None:
        kept = next(number for number, line in enumerate(lines, start=1) if until(line.event))
        self.bench = bench
        self.record = Record()
        for line in lines[:kept]:
            self.record.append(line.t_ms, line.event)
        before = recalled(self.record.history)
        resumed = Resumed("its controller was lost", GAP_MS)
        self.at_ms = before.t_ms + GAP_MS
        self.record.append(self.at_ms, resumed)
        self.memory = remember(before, self.at_ms, resumed)
        self.kept = kept + 1
        self.asterisk: FakeAsterisk | None = None

    def go_on(self, *steps: Step, media: bool = True) -> Resumption:
        run_virtual(self._go_on(steps, media))
        return self

    async def _go_on(self, steps: Sequence[Step], media: bool) -> None:
        asterisk = self.asterisk = FakeAsterisk(self.bench.door, media=media, floor=self.bench.bot.floor)
        asterisk.channels.add(OLD_MEDIA)
        asterisk.bridges[OLD_BRIDGE] = {CALLER}
        asterisk.media = f"{CALLER}-{self.memory.resumed}-media"
        caller = Caller(self.bench, asterisk)
        async with asyncio.timeout(300), asyncio.TaskGroup() as scope:
            calling = scope.create_task(call.run(self.bench.bot, asterisk.control, asterisk.start, self.record, self.memory))
            acting = scope.create_task(_act(caller, steps))
            await calling
            acting.cancel()

    @property
    def story(self) -> list[str]:
        told = self.record.story
        return told[len(told) - told[::-1].index("Resumed") :]

    @property
    def leftovers(self) -> list[str]:
        assert self.asterisk
        return [*sorted(self.asterisk.channels - {CALLER}), *self.asterisk.bridges, *self.record.wrongs]


async def _act(caller: Caller, steps: Sequence[Step]) -> None:
    for step in steps:
        await step(caller)


def spoke_the_answer(event: Event) -> bool:
    return isinstance(event, BotSpoke) and event.kind == "answer"


def asked_when(bench: Bench) -> Held:
    return hold(bench, says(WHEN), hangs_up())


def test_the_bot_apologises_says_what_it_was_about_to_say_and_goes_on(bench: MakeBench) -> None:
    held = asked_when(bench())
    resumed = Resumption(bench(), held.record.history, lambda event: isinstance(event, Decided)).go_on(says(BILL), hangs_up())
    assert resumed.story[:2] == [BACK, ANSWER]
    assert resumed.story[-1:] == GONE
    assert f"caller: {BILL}" in resumed.story
    assert "answered" not in resumed.story
    assert resumed.leftovers == []


def test_what_was_said_to_its_end_is_not_said_again(bench: MakeBench) -> None:
    held = asked_when(bench())
    done = Resumption(bench(), held.record.history, spoke_the_answer).go_on(says(WHEN), hangs_up())
    assert done.story[0] == BACK
    assert done.story[2] == "decided Reply: matched opening-hours 0.95, asked twice"


def test_a_caller_who_asks_for_a_person_is_briefed_with_what_the_first_controller_heard(bench: MakeBench) -> None:
    held = asked_when(bench())
    resumed = Resumption(bench(), held.record.history, spoke_the_answer).go_on(says("agent please"))
    [decided] = resumed.record.of(HandoverDecided)
    assert decided.briefing == "Caller asked for a person. Topics: opening hours."
    assert resumed.asterisk
    assert resumed.asterisk.place == "voicebot-handover"
    assert resumed.leftovers == []


def test_the_time_of_the_call_goes_on(bench: MakeBench) -> None:
    held = asked_when(bench())
    resumed = Resumption(bench(), held.record.history, lambda event: isinstance(event, Decided)).go_on(says(BILL), hangs_up())
    times_ms = [t_ms for t_ms, _ in resumed.record.lines]
    assert times_ms == sorted(times_ms)
    spoken = [event for _, event in resumed.record.lines[resumed.kept :] if isinstance(event, events.CallerSpoke)]
    assert spoken[0].start_ms > resumed.at_ms


@pytest.mark.parametrize("until", [CallStarted, CallAnswered])
def test_who_was_not_told_of_the_machine_is_greeted_first(until: type[Event], bench: MakeBench) -> None:
    held = asked_when(bench())
    resumed = Resumption(bench(), held.record.history, lambda event: isinstance(event, until)).go_on(says(WHEN), hangs_up())
    answered = ["answered"] if until is CallStarted else []
    assert resumed.story[: len(answered) + 2] == [*answered, "bot, greeting: greeting", "notice given"]
    assert BACK not in resumed.story


def test_who_was_told_is_not_greeted_again(bench: MakeBench) -> None:
    held = asked_when(bench())
    resumed = Resumption(bench(), held.record.history, lambda event: isinstance(event, NoticeGiven)).go_on(says(WHEN), hangs_up())
    assert resumed.story[0] == BACK
    assert "bot, greeting: greeting" not in resumed.story


def test_a_recording_that_was_refused_stays_off(bench: MakeBench, tmp_path: Path) -> None:
    held = hold(bench(recorded=True), says("please do not record this call"), hangs_up())
    resumed = Resumption(bench(recorded=True), held.record.history, lambda event: isinstance(event, OptedOut)).go_on(says(WHEN), hangs_up())
    assert "recording on" not in resumed.story
    assert list((tmp_path / "recordings").glob("*")) == []


def test_a_recording_goes_on_beside_the_first_part_and_both_go_when_it_is_refused(bench: MakeBench, tmp_path: Path) -> None:
    held = hold(bench(recorded=True), says(WHEN), hangs_up())
    goes_on = Resumption(bench(recorded=True), held.record.history, lambda event: isinstance(event, Decided)).go_on(says(BILL), hangs_up())
    assert "recording on" in goes_on.story
    assert len(list((tmp_path / "recordings").glob("*.wav"))) == 2
    Resumption(bench(recorded=True), held.record.history, lambda event: isinstance(event, Decided)).go_on(
        says("please do not record this call"), hangs_up()
    )
    assert list((tmp_path / "recordings").glob("*.wav")) == []


def test_a_call_whose_media_does_not_come_in_time_goes_to_a_person(bench: MakeBench) -> None:
    held = asked_when(bench())
    resumed = Resumption(bench(), held.record.history, lambda event: isinstance(event, Decided)).go_on(media=False)
    assert resumed.story == [f"fault, call: the line could not be opened within {RESUME_S:g} s"]
    assert resumed.asterisk
    assert resumed.asterisk.place == "voicebot-handover"


# A process that was frozen and wakes.


def test_a_call_that_another_controller_took_is_left_alone(bench: MakeBench) -> None:
    async def taken(caller: Caller) -> None:
        await caller.bot_speaks()
        record.taken.set()

    async def scenario() -> FakeAsterisk:
        made = bench()
        asterisk = FakeAsterisk(made.door, floor=made.bot.floor)
        async with asyncio.timeout(60), asyncio.TaskGroup() as scope:
            scope.create_task(call.run(made.bot, asterisk.control, asterisk.start, record))
            scope.create_task(taken(Caller(made, asterisk)))
        assert len(made.bot.floor) == 0
        return asterisk

    record = Record()
    asterisk = run_virtual(scenario())
    assert asterisk.place == "bot"
    assert not [request for request in asterisk.asked if request.startswith((f"send {CALLER}", f"hang up {CALLER} "))]
    assert not record.sealed


# Sockets that are cut, and engines that never answer.


class FloorLink:
    """The floor's socket, on which the same Asterisk still answers."""

    def __init__(self, asterisk: FakeAsterisk, refuses: int = 0) -> None:
        self.ari = self
        self.asterisk = asterisk
        self.refuses = refuses
        self.sent: list[str] = []
        self.removed: list[str] = []

    async def hang_up(self, channel: str) -> None:
        self.removed.append(channel)
        self.asterisk.act("DELETE", f"channels/{channel}", {})

    async def destroy_bridge(self, bridge: str) -> None:
        self.removed.append(bridge)
        self.asterisk.act("DELETE", f"bridges/{bridge}", {})

    async def continue_in_dialplan(self, channel: str, context: str) -> None:
        self.sent.append(f"{channel} to {context}")
        if self.refuses:
            raise AriError("refused", self.refuses)
        self.asterisk.move_on()


def cut_off(how: str, made: Bench, refuses: int = 0) -> Step:
    """The control socket of the call is cut, or nothing that is asked on it is answered any more; its media is lost too."""

    async def step(caller: Caller) -> None:
        await caller.bot_finished()
        floor: Any = FloorLink(caller.asterisk, refuses)
        made.bot.floor.link = floor
        if how == "cut":
            caller.asterisk.disconnect()
        else:
            caller.asterisk._troubles = dict.fromkeys(range(1, 100), "no answer")
            caller.line.close()

    return step


@pytest.mark.parametrize("how", ["cut", "half-open"])
def test_a_call_whose_own_socket_is_lost_is_sent_on_by_the_floors(how: str, bench: MakeBench) -> None:
    made = bench()
    held = hold(made, cut_off(how, made))
    floor: Any = made.bot.floor.link
    assert floor.sent == [f"{CALLER} to voicebot-handover"]
    assert held.asterisk.place == "voicebot-handover"
    assert held.ending == "followed"
    assert held.story[-1].startswith("fault, call: ")
    assert floor.removed == [OLD_MEDIA, OLD_BRIDGE]
    assert held.leaks() == []


def test_a_caller_whom_asterisk_moved_on_meanwhile_is_followed(bench: MakeBench) -> None:
    made = bench()
    held = hold(made, cut_off("cut", made, refuses=409))
    assert held.ending == "followed"
    assert held.record.wrongs == []


def never(_: str) -> float:
    return 1e9


@pytest.mark.parametrize("engine", ["voice", "recogniser"])
def test_an_engine_that_never_answers_does_not_leave_the_caller_in_silence(engine: str, bench: MakeBench) -> None:
    made = bench()
    if engine == "voice":
        made.phrases.takes = lambda text: 1e9 if text == "the bill is in the app" else 0.0
    else:
        made.recogniser.takes_s = never
    held = hold(made, says(BILL))
    assert held.story[-1] == "fault, call: nobody spoke for 20 s and nothing was pending"
    assert held.asterisk.place == "voicebot-handover"
    assert held.leaks() == []


def test_a_lost_wake_up_does_not_either(bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgotten(_: ear.Ear) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(ear.Ear, "next", forgotten)
    held = hold(bench())
    assert held.story[-1] == "fault, call: nobody spoke for 20 s and nothing was pending"
    assert held.leaks() == []


def test_patience_is_longer_than_the_ears_own_deadlines(bench: MakeBench) -> None:
    held = hold(bench(turns=Turns(no_speech_ms=30_000)))
    assert "decided Reply: silent for 30000 ms" in held.story


# Looking for it, and taking it over.


class FakeAri:
    def __init__(self, *channels: Channel) -> None:
        self._channels = channels
        self.asked = 0

    async def channels(self) -> tuple[Channel, ...]:
        self.asked += 1
        return self._channels


def started(channel: str = CALLER) -> CallStarted:
    return CallStarted("555", "100", "en", channel, datetime.now(UTC))


async def journal_at(folder: Path) -> Journal:
    return await Journal.open(f"sqlite+aiosqlite:///{folder}/calls.db", folder / "spool")


async def dead_call(folder: Path, *happened: Event, channel: str = CALLER) -> None:
    """A process had a call and is gone."""
    journal = await journal_at(folder)
    record = journal.call(channel, started(channel))
    for event in happened:
        record.append(1_000, event)
    await journal.close()


def test_a_lost_call_is_found_by_the_name_of_its_channel(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await dead_call(tmp_path)
        journal = await journal_at(tmp_path)
        ari: Any = FakeAri(Channel("other", "PJSIP/x-2"), Channel(CALLER, NAME, channelvars={"VOICEBOT_LANGUAGE": "en"}))
        found = await unfinished(journal, ari, APPLICATION)
        assert found is not None
        assert (found.application, found.channel.id, found.channel.channelvars["VOICEBOT_LANGUAGE"]) == (APPLICATION, CALLER, "en")
        assert await unfinished(journal, ari, "voicebot:PJSIP/x-2") is None
        assert await unfinished(journal, ari, "voicebot:PJSIP/gone") is None
        await journal.close()

    run(scenario())


def test_without_open_calls_asterisk_is_not_asked_and_ones_own_call_is_not_lost(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        journal = await journal_at(tmp_path)
        ari: Any = FakeAri(Channel(CALLER, NAME))
        assert await unfinished(journal, ari, APPLICATION) is None
        journal.call(CALLER, started())
        assert await unfinished(journal, ari, APPLICATION) is None
        assert ari.asked == 0
        await journal.close()

    run(scenario())


def test_a_journal_that_cannot_be_read_finds_nothing(run: Run) -> None:
    class Broken:
        async def unsealed(self) -> list[Any]:
            raise StoreError("the journal cannot be read")

    async def scenario() -> None:
        journal: Any = Broken()
        ari: Any = FakeAri()
        assert await unfinished(journal, ari, APPLICATION) is None

    run(scenario())


def test_taking_over_writes_so_and_remembers(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await dead_call(tmp_path, NoticeGiven(False))
        journal = await journal_at(tmp_path)
        taken = await take_over(journal, CALLER, "its controller was lost")
        assert taken is not None
        record, memory = taken
        assert (memory.noticed, memory.resumed) == (True, 1)
        last = (await journal.lines(CALLER))[-1]
        assert isinstance(last.event, Resumed)
        assert last.event.gap_ms < timedelta(minutes=1) / timedelta(milliseconds=1)
        assert last.t_ms == 1_000 + last.event.gap_ms == memory.t_ms
        record.seal(5_000, "contained", "bot")
        await journal.close()

    run(scenario())


@pytest.mark.parametrize(("ahead_s", "gap_ms"), [(-3_600, GAP_MAX_MS), (3_600, 0)])
def test_two_machines_whose_clocks_differ_make_no_hour_of_silence(ahead_s: int, gap_ms: int, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        lost = await journal_at(tmp_path)
        lost._clock = lambda: datetime.now(UTC) + timedelta(seconds=ahead_s)
        lost.call(CALLER, started()).append(1_000, CallAnswered())
        await lost.close()
        journal = await journal_at(tmp_path)
        taken = await take_over(journal, CALLER, "lost")
        assert taken is not None
        assert taken[1].t_ms == 1_000 + gap_ms
        await journal.close()

    run(scenario())


@pytest.mark.parametrize("happened", [HandoverDecided("asked", "support", 0, ""), events.Fault("call", "broke")])
def test_a_caller_on_the_way_to_a_person_is_not_taken_back(happened: Event, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await dead_call(tmp_path, happened)
        journal = await journal_at(tmp_path)
        assert await take_over(journal, CALLER, "lost") is None
        assert await take_over(journal, "nobody", "lost") is None
        await journal.close()

    run(scenario())


@pytest.mark.parametrize("seals", [False, True])
def test_the_first_controller_is_fenced_off(seals: bool, run: Run, tmp_path: Path) -> None:
    """Frozen in the middle of a call, it wakes when another has taken over: what it writes then stands nowhere, and it is told."""

    async def scenario() -> None:
        frozen, second = await journal_at(tmp_path), await journal_at(tmp_path)
        record = frozen.call(CALLER, started())
        assert await record.ours()
        taken = await take_over(second, CALLER, "lost")
        assert taken
        for number in range(3):
            record.append(2_000 + number, events.DigitPressed(str(number)))
        if seals:
            record.seal(3_000, "failed", "call")
        else:
            assert not await record.ours()
            assert record.taken.is_set()
            record.append(3_000, events.DigitPressed("9"))
            assert not record.seal(3_000, "failed", "call")
        await frozen.close()
        taken[0].seal(4_000, "contained", "bot")
        assert [type(line.event) for line in await second.lines(CALLER)] == [CallStarted, Resumed, events.CallSealed]
        await second.close()

    run(scenario())


def test_of_two_that_take_over_at_once_one_has_it(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        await dead_call(tmp_path)
        journals = [await journal_at(tmp_path), await journal_at(tmp_path)]
        taken = await asyncio.gather(*(take_over(journal, CALLER, f"by {number}") for number, journal in enumerate(journals)))
        assert sum(each is not None for each in taken) == 1
        resumed = [line for line in await journals[0].lines(CALLER) if isinstance(line.event, Resumed)]
        assert len(resumed) == 1
        for journal in journals:
            await journal.close()

    run(scenario())


def test_asterisk_that_is_gone_again_is_an_error_of_its_socket(run: Run, tmp_path: Path) -> None:
    class Gone:
        async def channels(self) -> tuple[Channel, ...]:
            raise AriError("Asterisk closed the control connection")

    async def scenario() -> None:
        await dead_call(tmp_path)
        journal = await journal_at(tmp_path)
        ari: Any = Gone()
        with pytest.raises(AriError):
            await unfinished(journal, ari, APPLICATION)
        await journal.close()

    run(scenario())


def test_a_new_call_remembers_nothing() -> None:
    assert Memory().state is None
    assert Memory().unsaid == ()
