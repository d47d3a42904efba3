"""A fault strikes where it was armed, once unless it lasts; without one, workers and voice programs are themselves."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import EngineError, VoicebotError
from voicebot.prosodist import Service as Prosodist
from voicebot.speech.serving import Message, Reply
from voicebot.speech.silero import Silero
from voicebot.speech.tts.program import Program
from voicebot.testbed import faulty
from voicebot.testbed.faulty import FOLDER, Fault, Faults

SAYS = f"""#!{sys.executable}
import sys, wave
with wave.open(sys.argv[-1], "wb") as out:
    out.setparams((1, 2, 16_000, 0, "NONE", ""))
    out.writeframes(bytes(320))
"""


class Plain:
    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        for message in batch:
            yield Reply(message.stream, "transcript", message.verb)


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    programs = tmp_path / "real"
    programs.mkdir()
    (programs / "flite").write_text(SAYS)
    (programs / "flite").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    found = Faults(tmp_path / "faults")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


def struck(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    points: list[str] = []
    monkeypatch.setattr(faulty, "_STRIKES", dict.fromkeys(faulty._STRIKES, lambda _link, stream: points.append(str(stream))))
    return points


def engine(tmp_path: Path) -> faulty._Faulty:
    ours, theirs = socket.socketpair()
    theirs.close()
    ours.close()
    return faulty._Faulty(Plain(), tmp_path / "faults", "recogniser", ours)


def test_who_is_fed_the_same_audio_is_not_the_recogniser() -> None:
    prosodist = Prosodist.__new__(Prosodist)
    assert [faulty.part_of(each) for each in (Plain(), prosodist, Silero.__new__(Silero))] == ["recogniser", "prosodist", "silero"]


def test_a_fault_strikes_one_message_at_its_point_and_a_lasting_one_each(faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points, wrapped = struck(monkeypatch), engine(tmp_path)
    faults.arm("recogniser", "settle", "crash")
    faults.arm("silero", "feed", "crash")
    batch = [Message(1, "feed"), Message(2, "settle"), Message(3, "settle")]
    assert [reply.stream for reply in wrapped.handle(batch)] == [1, 2, 3]
    assert (points, faults.armed("recogniser", "settle"), faults.armed("silero", "feed")) == (["2"], False, True)
    faults.arm("recogniser", "settle", "crash", lasting=True)
    list(wrapped.handle(batch))
    assert points == ["2", "2", "3"]
    faults.disarm()
    list(wrapped.handle(batch))
    assert points == ["2", "2", "3"]
    assert not faults.armed("recogniser", "settle")


def test_without_a_folder_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    link: Any = None
    with pytest.raises(VoicebotError, match=FOLDER):
        faulty.serve(link, Plain())


FLITE = Program("flite", package="flite", out_option="-o", deadline_s=1.0)
ENDS: dict[Fault, str] = {
    "crash": "exit status -11",
    "killed": "exit status -9",
    "hang": "did not finish",
    "loop": "did not finish",
    "slow": "did not finish",
    "garbage": "no readable WAV",
    "lengthy": "no readable WAV",
    "truncated": "no readable WAV",
    "flood": "did not finish",
}


@pytest.mark.parametrize("fault", ENDS)
def test_a_voice_program_fails_as_told_and_then_speaks_again(faults: Faults, fault: Fault) -> None:
    faults.arm("flite", "speak", fault)
    with pytest.raises(EngineError, match=ENDS[fault]):
        asyncio.run(FLITE.speak((), "hello"))
    samples, rate_hz = asyncio.run(FLITE.speak((), "hello"))
    assert (len(samples), rate_hz) == (160, 16_000)
