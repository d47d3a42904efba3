"""A synthesiser that is kept running outlives its own deaths, hangs and nonsense; whoever asked is told, and the next is served."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest

from tests.kit.piper import pretender
from voicebot.errors import EngineError
from voicebot.speech.tts import kept as module
from voicebot.speech.tts.kept import MOST_WAITING, Kept

OnLoop = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_S", 0.01)


def program(tmp_path: Path, model: str = "voice", deadline_s: float = 20.0) -> Kept:
    command = pretender(tmp_path)
    return Kept("the voice", lambda folder: (command, "--model", model, "--output-dir", str(folder)), deadline_s)


async def another(kept: Kept, than: int | None) -> int:
    while kept.pid in {None, than}:
        await asyncio.sleep(0.01)
    assert kept.pid is not None
    return kept.pid


async def refused(speech: Awaitable[object], why: str) -> None:
    with pytest.raises(EngineError, match=why):
        await speech


def scratches() -> set[str]:
    return {path.name for path in Path(gettempdir()).glob(f"voicebot-scratch-{os.getpid()}-*")}


def test_lines_are_spoken_in_their_order_by_one_process(tmp_path: Path, on_loop: OnLoop) -> None:
    before = scratches()

    async def scenario() -> None:
        async with program(tmp_path) as kept:
            pid = kept.pid
            heard = await asyncio.gather(*(kept.speak("x" * length) for length in (3, 1, 2)))
            assert [(len(samples), rate) for samples, rate in heard] == [(3_000, 22_050), (1_000, 22_050), (2_000, 22_050)]
            assert kept.pid == pid
            (folder,) = scratches() - before
            assert not list(Path(gettempdir(), folder).iterdir()), "audio is left behind"
        assert kept.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid or 0, 0)

    on_loop(scenario())
    assert scratches() == before


def test_it_gives_way_to_calls(tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path) as kept:
            assert os.getpriority(os.PRIO_PROCESS, kept.pid or 0) >= 10
            assert os.sched_getaffinity(kept.pid or 0) == os.sched_getaffinity(0)

    on_loop(scenario())


@pytest.mark.parametrize("text", ["die", "elsewhere"])
def test_one_that_ends_or_talks_nonsense_is_told_of_and_started_again(text: str, tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path) as kept:
            pid = kept.pid
            why = "segmentation fault, so to speak" if text == "die" else "nobody asked for"
            await asyncio.gather(refused(kept.speak(text), why), refused(kept.speak("hello"), why))
            await another(kept, pid)
            assert len((await kept.speak("hi"))[0]) == 2_000

    on_loop(scenario())


def test_one_that_is_killed_is_started_again(tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path) as kept:
            pid = kept.pid
            os.kill(pid or 0, signal.SIGKILL)
            await another(kept, pid)
            assert len((await kept.speak("hi"))[0]) == 2_000

    on_loop(scenario())


def test_one_that_hangs_is_killed_at_its_deadline(tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path, deadline_s=0.3) as kept:
            pid = kept.pid
            await refused(kept.speak("hang"), r"did not speak within 0.3 s; it is started again")
            await another(kept, pid)

    on_loop(scenario())


def test_while_it_is_started_again_nobody_waits(tmp_path: Path, on_loop: OnLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_S", 600)

    async def scenario() -> None:
        async with program(tmp_path) as kept:
            await refused(kept.speak("die"), "ended")
            while kept.pid:
                await asyncio.sleep(0.01)
            await refused(kept.speak("hello"), "the voice is being started again")

    on_loop(scenario())


@pytest.mark.parametrize(("text", "why"), [("stereo", "wrote 2 channels"), ("half", "wrote no readable WAV file")])
def test_what_is_no_audio_costs_one_phrase(text: str, why: str, tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path) as kept:
            pid = kept.pid
            await refused(kept.speak(text), why)
            assert len((await kept.speak("hi"))[0]) == 2_000
            assert kept.pid == pid

    on_loop(scenario())


def test_a_flood_on_standard_error_is_no_audio_and_fills_no_memory(tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path) as kept:
            assert len((await kept.speak("chatter"))[0]) == 7_000

    on_loop(scenario())


def test_who_no_longer_waits_does_not_get_the_words_of_the_next(tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path) as kept:
            gone = asyncio.ensure_future(kept.speak("long, long words"))
            await asyncio.sleep(0)
            gone.cancel()
            assert len((await kept.speak("hi"))[0]) == 2_000

    on_loop(scenario())


def test_more_than_it_can_say_is_refused(tmp_path: Path, on_loop: OnLoop) -> None:
    async def scenario() -> None:
        async with program(tmp_path) as kept:
            said = await asyncio.gather(*(kept.speak("hi") for _ in range(MOST_WAITING + 1)), return_exceptions=True)
            (late,) = [each for each in said if isinstance(each, BaseException)]
            assert "phrases behind" in str(late)

    on_loop(scenario())


def test_one_that_cannot_start_says_why(tmp_path: Path, on_loop: OnLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_S", 0.3)
    before = scratches()

    async def scenario() -> None:
        await refused(program(tmp_path, "dead").__aenter__(), "Load model failed: dead")
        await refused(program(tmp_path, "mute").__aenter__(), "did not speak within 0.3 s")
        missing = Kept("the voice", lambda _folder: ("/no/such/program",))
        await refused(missing.__aenter__(), r"the voice: no program '/no/such/program'")

    on_loop(scenario())
    assert scratches() == before


def test_one_that_keeps_ending_is_started_more_and_more_slowly(tmp_path: Path, on_loop: OnLoop, capsys: pytest.CaptureFixture[str]) -> None:
    command = pretender(tmp_path)
    models = iter(["voice"])

    async def scenario() -> None:
        async with Kept("the voice", lambda folder: (command, "--model", next(models, "dead"), "--output-dir", str(folder))) as kept:
            await refused(kept.speak("die"), "ended")
            while capsys.readouterr().out.count("again_in_s=0.08") == 0:
                await asyncio.sleep(0.02)

    on_loop(scenario())
