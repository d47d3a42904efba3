"""Callers' voices: cached, trimmed, paused where asked; every way a program can fail is told by name."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from voicebot.errors import EngineError
from voicebot.testbed import audio, synth
from voicebot.testbed.g711 import Samples

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


@pytest.fixture
def fake_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for flite: its `body` is a shell script that gets flite's arguments ($6 is the WAV file to write)."""
    program = tmp_path / "bin" / "flite"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def write_program(program: Path, body: str) -> None:
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def say(text: str, cache: Path, voice: str = "flite:slt") -> Samples:
    return asyncio.run(synth.synth(text, voice, cache))


def test_what_the_program_wrote_is_trimmed_and_cached(fake_program: Path, tmp_path: Path) -> None:
    spoken = audio.tone(300, 0.5)
    audio.write_wav(tmp_path / "said.wav", np.concatenate((audio.silence(0.2), spoken, audio.silence(0.4))))
    write_program(fake_program, f'cat "$4" >> {tmp_path}/log; cp {tmp_path}/said.wav "$6"')
    assert np.array_equal(say("hello", tmp_path / "cache"), spoken)
    assert np.array_equal(say("hello", tmp_path / "cache"), spoken)
    assert (tmp_path / "log").read_text() == "hello\n"
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_another_voice_or_text_is_another_file(fake_program: Path, tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "said.wav", audio.tone(300, 0.5))
    write_program(fake_program, f'cp {tmp_path}/said.wav "$6"')
    for text, voice in (("hello", "flite:slt"), ("hello", "flite:rms"), ("bye", "flite:slt")):
        say(text, tmp_path / "cache", voice)
    assert len(list((tmp_path / "cache").iterdir())) == 3


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("echo no such voice >&2; exit 3", r"flite failed \(3\): no such voice"),
        ("true", "flite:slt made no sound of 'hello'"),
    ],
)
def test_a_failing_program_is_told_by_name_and_leaves_nothing(fake_program: Path, tmp_path: Path, body: str, complaint: str) -> None:
    write_program(fake_program, body)
    with pytest.raises(EngineError, match=complaint):
        say("hello", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_silent_program_made_no_sound(fake_program: Path, tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "said.wav", audio.silence(1.0))
    write_program(fake_program, f'cp {tmp_path}/said.wav "$6"')
    with pytest.raises(EngineError, match="made no sound"):
        say("hello", tmp_path / "cache")


def test_a_missing_program_is_told_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"flite is not installed; try: apt-get install"):
        say("hello", tmp_path / "cache")


@pytest.mark.parametrize("voice", ["slt", "flite:", "sapi:anna"])
def test_a_voice_without_a_known_engine_is_refused(voice: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="name it as engine:voice"):
        say("hello", tmp_path / "cache", voice)


def test_cancelling_kills_the_program_and_cleans_up(fake_program: Path, tmp_path: Path) -> None:
    write_program(fake_program, f"echo $$ > {tmp_path}/pid; exec sleep 30")

    async def main() -> None:
        async with asyncio.timeout(0.5):
            await synth.synth("hello", "flite:slt", tmp_path / "cache")

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
    assert not list((tmp_path / "cache").iterdir())


def test_a_pause_stands_after_the_word_asked_for(fake_program: Path, tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "said.wav", audio.tone(300, 0.4))
    write_program(fake_program, f'cat "$4" >> {tmp_path}/log; cp {tmp_path}/said.wav "$6"')
    said = asyncio.run(synth.synth_with_pause("when are you open", "flite:slt", tmp_path / "cache", after_words=3, pause_ms=500))
    assert np.array_equal(said, np.concatenate((audio.tone(300, 0.4), audio.silence(0.5), audio.tone(300, 0.4))))
    assert (tmp_path / "log").read_text() == "when are you\nopen\n"


@pytest.mark.parametrize("after_words", [0, 4, -1])
def test_a_pause_must_stand_between_words(after_words: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the text has 4 words, so take 1 to 3"):
        asyncio.run(synth.synth_with_pause("when are you open", "flite:slt", tmp_path, after_words=after_words, pause_ms=500))


@needs_flite
@pytest.mark.parametrize("voice", ["flite:slt", "flite:rms"])
def test_flite_speaks(voice: str, tmp_path: Path) -> None:
    said = say("What are your opening hours on Saturday?", tmp_path, voice)
    assert 1.0 < len(said) / audio.RATE_HZ < 4.0
    assert audio.voiced(said).mean() > 0.5
