"""Recordings come with their text or are refused by name; what a recogniser made of them becomes figures, a table, a CSV."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from voicebot.errors import EngineError, EvaluationError
from voicebot.evaluate.asr import Figures, Heard, Recording, figures, listen, plain, recordings, table, write
from voicebot.evaluate.telephone import Line
from voicebot.values import Transcript


def recorded(folder: Path, name: str, text: str | None = None, seconds: float = 0.5) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / name, np.sin(np.arange(round(8_000 * seconds)) / 5) * 0.3, 8_000)
    if text is not None:
        (folder / name).with_suffix(".txt").write_text(text, encoding="utf-8")
    return folder / name


class Script:
    """Stands for a recogniser: answers by the length of what it was fed, once `together` streams are listening, and counts how many do at most."""

    class Worker:
        backlog_ms = 0

    def __init__(self, workers: int = 2, fails: bool = False, together: int = 1) -> None:
        self.workers = (self.Worker(),) * workers
        self.fails = fails
        self._together, self.enough = together, asyncio.Event()
        self.listening = self.most = self.closed = 0

    def stream(self) -> Any:
        self.listening += 1
        self.most = max(self.most, self.listening)
        if self.listening == self._together:
            self.enough.set()
        return ScriptStream(self)


class ScriptStream:
    def __init__(self, script: Script) -> None:
        self.script, self.heard = script, 0

    def feed(self, pcm: bytes) -> None:
        self.heard += len(pcm)

    async def settle(self) -> Transcript:
        await self.script.enough.wait()
        if self.script.fails:
            raise EngineError("the worker is not running")
        return Transcript(f"{round(self.heard / 32_000, 1)} seconds", 0.75)

    def close(self) -> None:
        self.script.closed += 1
        self.script.listening -= 1


def run(script: Script, found: list[Recording], line: Line | None = None) -> list[Heard]:
    pool: Any = script
    return asyncio.run(listen(pool, found, line or Line()))


def test_a_folder_is_read_with_its_texts(tmp_path: Path) -> None:
    recorded(tmp_path, "b.wav", "where is my order\n")
    recorded(tmp_path / "more", "a.flac", "我想查话费")
    assert [(found.path.name, found.text) for found in recordings(tmp_path)] == [("b.wav", "where is my order"), ("a.flac", "我想查话费")]


def test_a_recording_without_text_is_named(tmp_path: Path) -> None:
    recorded(tmp_path, "b.wav")
    with pytest.raises(EvaluationError, match=r"b\.wav: no b\.txt beside it with what is said"):
        recordings(tmp_path)


def test_a_csv_names_recordings_beside_it_or_anywhere(tmp_path: Path) -> None:
    inside, outside = recorded(tmp_path / "in", "a.wav"), recorded(tmp_path / "out", "b.wav")
    listed = tmp_path / "in/list.csv"
    listed.write_text(f"path,text,speaker\na.wav,hello,1\n{outside},goodbye,2\n", encoding="utf-8-sig")
    assert recordings(listed) == [Recording(inside, "hello"), Recording(outside, "goodbye")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"path,speaker\na.wav,1\n", "no column text; it needs path and text"),
        (b"path,text\nnone.wav,hello\n", r"list\.csv, line 2: none\.wav does not exist"),
        (b"path,text\n", "holds no recordings"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_wrong_csv_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(EvaluationError, match=told):
        recordings(tmp_path / "list.csv")


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="holds no recordings"):
        recordings(tmp_path)
    with pytest.raises(EvaluationError, match="cannot be read"):
        recordings(tmp_path / "none.csv")


def test_as_many_are_heard_at_once_as_there_are_workers_and_none_is_left_open(tmp_path: Path) -> None:
    found = [Recording(recorded(tmp_path, f"{n}.wav", seconds=n / 2), "half") for n in range(1, 6)]
    script = Script(workers=2, together=2)
    heard = run(script, found)
    assert [one.transcript.text for one in heard] == ["0.5 seconds", "1.0 seconds", "1.5 seconds", "2.0 seconds", "2.5 seconds"]
    assert (script.most, script.closed, script.listening) == (2, 5, 0)


def test_a_recogniser_that_lags_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker gives a stream up that has too much waiting: as in a call, audio comes no faster than it is heard."""
    script, fed = Script(workers=1), []
    lag: Any = script.workers[0]

    async def catch_up(_seconds: float) -> None:
        fed.append(lag.backlog_ms)
        lag.backlog_ms = 0

    feed = ScriptStream.feed

    def slowly(stream: ScriptStream, pcm: bytes) -> None:
        feed(stream, pcm)
        lag.backlog_ms += 1_000

    monkeypatch.setattr(ScriptStream, "feed", slowly)
    monkeypatch.setattr(asyncio, "sleep", catch_up)
    (heard,) = run(script, [Recording(recorded(tmp_path, "a.wav", seconds=1.2), "hello")])
    assert heard.transcript.text == "1.2 seconds"
    assert 5_000 in fed


def test_a_recogniser_that_fails_is_a_fault_of_each_recording(tmp_path: Path) -> None:
    script = Script(fails=True)
    (heard,) = run(script, [Recording(recorded(tmp_path, "a.wav"), "hello there")])
    assert (heard.transcript.text, heard.fault) == ("", "the worker is not running")
    assert heard.words.deleted == 2
    assert script.closed == 1


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(ExceptionGroup) as caught:
        run(Script(), [Recording(tmp_path / "a.wav", "hello")])
    assert "a.wav: cannot be read as audio" in str(caught.value.exceptions[0])


@pytest.fixture
def heard() -> list[Heard]:
    def one(said: str, text: str, confidence: float = 0.5, fault: str = "") -> Heard:
        return Heard(Recording(Path("a.wav"), said), Transcript(text, confidence), 2_000, 10.0, fault)

    return [one("pay my bill", "pay my bill", 0.9), one("pay my bill", "play my bill", 0.5), one("yes", ""), one("no", "", 0.0, "crashed")]


def test_figures_of_a_line(heard: list[Heard]) -> None:
    found = figures("ulaw", heard, seed=3)
    assert (found.recordings, found.words.length, found.words.count) == (4, 8, 3)
    assert found.word_error == pytest.approx(3 / 8)
    assert found.low <= found.word_error <= found.high
    assert found.character_error == pytest.approx((1 + 3 + 2) / 23)
    assert (found.exact, found.nothing, found.faults, found.audio_s) == (0.25, 2, 1, 8.0)
    assert found.confidence == pytest.approx(0.7), "of those that came back with words"


def test_figures_of_nothing_are_nothing() -> None:
    found = figures("ulaw", [])
    assert (found.word_error, found.exact, found.confidence) == (0, 0, 0)


def test_a_table_has_a_row_for_each_line(heard: list[Heard]) -> None:
    found = [figures("alaw", heard), figures("ulaw, babble 10 dB", heard[:1])]
    head, first, second = table(found).splitlines()
    assert head.split()[:4] == ["line", "n", "words", "WER"]
    assert first.split()[:4] == ["alaw", "4", "8", "37.5%"]
    assert "100%" in second
    assert json.loads(json.dumps([plain(one) for one in found]))[0]["words"]["length"] == 8


def test_what_was_heard_is_written_for_a_spreadsheet(tmp_path: Path, heard: list[Heard]) -> None:
    write(tmp_path / "out.csv", {"alaw": heard})
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["wrong"] for row in rows] == ["0", "1", "1", "1"]
    assert rows[3]["fault"] == "crashed"
    assert isinstance(figures("x", heard), Figures)
