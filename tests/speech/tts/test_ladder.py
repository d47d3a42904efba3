"""The best voice that works speaks; one that fails rests a while, and the words are not lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from voicebot.errors import EngineError
from voicebot.speech.tts.ladder import REST_S, Ladder

Run = Callable[[Any], Any]


@dataclass
class Fake:
    name: str
    language: str = "en"
    well: bool = True
    asked: list[str] = field(default_factory=list)

    async def render(self, text: str) -> bytes:
        self.asked.append(text)
        if not self.well or not text:
            raise EngineError(f"{self.name} is hoarse")
        return f"{self.name}: {text}".encode()


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_best_voice_speaks(run: Run) -> None:
    best, last = Fake("best"), Fake("last")
    ladder = Ladder((best, last))
    assert run(ladder.render("hello")) == b"best: hello"
    assert (ladder.name, ladder.language, last.asked) == ("best", "en", [])


def test_one_that_fails_rests_and_is_asked_again(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    best, last, clock = Fake("best", well=False), Fake("last"), Clock()
    ladder = Ladder((best, last), clock)
    assert run(ladder.render("one")) == b"last: one"
    assert ladder.name == "last"
    assert "best is hoarse" in capsys.readouterr().out
    assert run(ladder.render("two")) == b"last: two"
    assert best.asked == ["one"], "a voice that has just failed is asked again"
    clock.now_s += REST_S
    best.well = True
    assert ladder.name == "best"
    assert run(ladder.render("three")) == b"best: three"


def test_text_that_none_can_say_is_no_fault_of_the_voice(run: Run) -> None:
    best, last = Fake("best"), Fake("last")
    ladder = Ladder((best, last))
    with pytest.raises(EngineError, match="last is hoarse"):
        run(ladder.render(""))
    assert ladder.name == "best"


def test_the_last_voice_is_never_given_up(run: Run) -> None:
    last = Fake("last", well=False)
    ladder = Ladder((Fake("best", well=False), last))
    for _ in range(2):
        with pytest.raises(EngineError):
            run(ladder.render("hello"))
    assert len(last.asked) == 2
