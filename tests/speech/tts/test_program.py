"""A synthesiser as a program: safe with any text, never later than its deadline, and every failure named."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech.tts.program import Program, plain

Run = Callable[[Any], Any]
Make = Callable[..., Program]

SPEAKS = """
import wave
with wave.open(heard, "wb") as out:
    out.setparams((1, 2, 16_000, 0, "NONE", ""))
    out.writeframes(bytes(2) * 16_000)
"""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A program that runs `body` with its text in `said` and the path of its WAV file in `heard`."""

    def build(body: str, deadline_s: float = 10.0) -> Program:
        script = tmp_path / "synth"
        head = f"#!{sys.executable}\nimport os, sys, time\narguments = sys.argv[1:]\n"
        files = "said, heard = (arguments[arguments.index(name) + 1] for name in ('-f', '-o')) if '-f' in arguments else ('', '')\n"
        script.write_text(head + files + body, encoding="utf-8")
        script.chmod(0o755)
        return Program(str(script), package="synth-deb", out_option="-o", deadline_s=deadline_s)

    return build


def alive(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


async def written(path: Path) -> None:
    while not path.exists() or not path.read_text():
        await asyncio.sleep(0.01)


def test_samples_and_rate_come_from_the_file_it_wrote(make: Make, run: Run) -> None:
    samples, rate_hz = run(make(SPEAKS).speak((), "hello"))
    assert (len(samples), rate_hz) == (16_000, 16_000)


@pytest.mark.parametrize("text", ["-o /tmp/evil", "--version", "$(touch evil); `id`", 'it\'s "quoted"', "您好", "%s %n"])
def test_no_text_becomes_an_option_or_a_command(make: Make, run: Run, tmp_path: Path, text: str) -> None:
    seen = tmp_path / "seen"
    body = f"open({str(seen)!r}, 'w').write(open(said).read() + '|' + ' '.join(arguments[:2]))\n"
    run(make(body + SPEAKS).speak(("-v", "x"), text))
    assert seen.read_text() == f"{text}\n|-v x"


def test_a_missing_program_names_its_package(run: Run) -> None:
    program = Program("no-such-synth", package="synth-deb", out_option="-o")
    for ask in (lambda: run(program.speak((), "hello")), program.version):
        with pytest.raises(EngineError, match=r"no-such-synth is not installed; run: apt-get install synth-deb"):
            ask()


def test_a_late_program_is_killed_at_its_deadline(make: Make, run: Run, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = make(f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n", deadline_s=1.0)
    started_s = time.monotonic()
    with pytest.raises(EngineError, match="did not finish within 1 s"):
        run(program.speak((), "hello"))
    assert time.monotonic() - started_s < 5
    assert not alive(pid_file)


def test_one_that_never_stops_complaining_fills_no_memory_and_is_killed(make: Make, run: Run) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EngineError, match="did not finish within 1 s"):
        run(make("while True: sys.stderr.write('nonsense' * 10_000)\n", deadline_s=1.0).speak((), "hello"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_a_machine_that_starts_no_more_processes_is_an_engine_error(make: Make, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    with pytest.raises(EngineError, match="cannot be started: Resource temporarily unavailable"):
        run(make(SPEAKS).speak((), "hello"))


def test_a_cancelled_caller_leaves_no_process(make: Make, run: Run, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = make(f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n")

    async def hang_up() -> None:
        async with asyncio.TaskGroup() as group:
            speaking = group.create_task(program.speak((), "hello"))
            await written(pid_file)
            speaking.cancel()

    run(hang_up())
    assert not alive(pid_file)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('voice not found')", "exit status 1: voice not found"),
        ("os._exit(3)", "exit status 3: no message"),
        ("os.kill(os.getpid(), 11)", "exit status -11"),
        ("pass", "wrote no readable WAV file"),
        ("open(heard, 'w').write('no audio')", "wrote no readable WAV file"),
        ("open(heard, 'wb')", "wrote no readable WAV file"),
        ("open(heard, 'wb').truncate(1 << 30)", "over 64 MB"),
        ("sys.stderr.write('no ' * 100_000); sys.exit(1)", r"exit status 1: (no ){132}no"),
        (SPEAKS.replace("(1, 2, ", "(2, 2, "), "2 channels of 16 bits"),
        (SPEAKS.replace("(1, 2, ", "(1, 1, "), "1 channels of 8 bits"),
    ],
)
def test_every_failure_is_named(make: Make, run: Run, body: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        run(make(body + "\n").speak((), "hello"))


def test_no_file_is_left(make: Make, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    run(make(SPEAKS).speak((), "hello"))
    with pytest.raises(EngineError):
        run(make("sys.exit(1)\n").speak((), "hello"))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("said", "version"), [("synth 1.51 at /usr/lib", "1.51"), ("x version: y-2.2-current", "2.2"), ("none", "unknown")])
def test_the_version_is_what_looks_like_one(make: Make, said: str, version: str) -> None:
    assert make(f"print({said!r})\nsys.exit(1)\n").version() == version


def test_text_is_cleaned_of_what_a_synthesiser_would_obey() -> None:
    assert plain("a\x01b\x00c\n\td\u200be\u2028f") == "a b c d e f"


@pytest.mark.parametrize("text", ["", "  \n", "...", "-", "\x00"])
def test_nothing_to_say_is_an_error(text: str) -> None:
    with pytest.raises(EngineError, match="nothing to say"):
        plain(text)


@given(st.text())
def test_any_text_becomes_one_plain_line_or_is_refused(text: str) -> None:
    try:
        cleaned = plain(text)
    except EngineError:
        assert not any(each.isalnum() for each in text)
        return
    assert cleaned == plain(cleaned)
    assert cleaned.isprintable()
    assert [each for each in cleaned if each.isalnum()] == [each for each in text if each.isalnum()]
