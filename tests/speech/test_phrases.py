"""The phrase cache: each phrase rendered once, whoever asks and however often; nothing damaged is ever played."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech import phrases as module
from voicebot.speech.phrases import RENDERS_AT_ONCE, Phrases, split

Run = Callable[[Any], Any]


@dataclass
class Fake:
    """A voice that says its text as bytes, counts what it renders, and fails on request."""

    name: str = "fake 1"
    language: str = "en"
    fails: set[str] = field(default_factory=set)
    rendered: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def render(self, text: str) -> bytes:
        self.rendered.append(text)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        if text in self.fails:
            raise EngineError(f"cannot say {text}")
        return f"{self.name}|{text}|".encode() * 8


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@contextmanager
def no_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refused(path: Path) -> bytes:
        raise AssertionError(f"read {path}")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        yield


def test_a_phrase_is_rendered_once_and_kept_over_a_restart(tmp_path: Path, run: Run) -> None:
    voice = Fake()
    first = run(Phrases(tmp_path / "made", {"en": voice}).audio("hello", "en"))
    again = Phrases(tmp_path / "made", {"en": voice})
    assert again.cached("hello", "en") == first == run(again.audio("hello", "en"))
    assert voice.rendered == ["hello"]


def test_what_was_never_rendered_is_not_cached(tmp_path: Path) -> None:
    voice = Fake()
    assert Phrases(tmp_path, {"en": voice}).cached("hello", "en") is None
    assert voice.rendered == []


def test_a_cached_phrase_is_read_from_disk_once(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(Phrases(tmp_path, {"en": Fake()}).audio("hello", "en"))
    later = Phrases(tmp_path, {"en": Fake()})
    pcm = later.cached("hello", "en")
    with no_disk(monkeypatch):
        assert later.cached("hello", "en") == pcm is not None


def test_callers_who_want_the_same_phrase_share_one_rendering(tmp_path: Path, run: Run) -> None:
    voice = Fake()
    phrases = Phrases(tmp_path, {"en": voice})

    async def ten() -> list[bytes]:
        return await asyncio.gather(*(phrases.audio("hello", "en") for _ in range(10)))

    assert len(set(run(ten()))) == 1
    assert voice.rendered == ["hello"]


def test_a_caller_who_hangs_up_does_not_take_the_phrase_from_the_next(tmp_path: Path, run: Run) -> None:
    voice = Fake()
    phrases = Phrases(tmp_path, {"en": voice})

    async def two() -> bytes:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(phrases.audio("hello", "en"))
            second = group.create_task(phrases.audio("hello", "en"))
            await asyncio.sleep(0)
            first.cancel()
        return second.result()

    assert run(two()) == phrases.cached("hello", "en")
    assert voice.rendered == ["hello", "hello"]


def test_a_failure_reaches_its_caller_and_is_not_kept(tmp_path: Path, run: Run) -> None:
    voice = Fake(fails={"hello"})
    phrases = Phrases(tmp_path, {"en": voice})
    with pytest.raises(EngineError, match="cannot say hello"):
        run(phrases.audio("hello", "en"))
    voice.fails.clear()
    assert run(phrases.audio("hello", "en"))


def test_no_lock_is_left_behind(tmp_path: Path, run: Run) -> None:
    phrases = Phrases(tmp_path, {"en": Fake()})
    run(phrases.prepare([str(number) for number in range(20)], "en"))
    assert len(phrases._rendering) == 0


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-2], lambda whole: b"", lambda whole: whole[:32], lambda whole: whole[:-1] + b"\xff", lambda whole: bytes(9)]
)
def test_a_damaged_file_is_rendered_again(tmp_path: Path, run: Run, damage: Callable[[bytes], bytes]) -> None:
    voice = Fake()
    whole = run(Phrases(tmp_path, {"en": voice}).audio("hello", "en"))
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    later = Phrases(tmp_path, {"en": voice})
    assert later.cached("hello", "en") is None
    assert run(later.audio("hello", "en")) == whole
    assert Phrases(tmp_path, {"en": voice}).cached("hello", "en") == whole


def test_another_voice_version_or_language_is_another_phrase(tmp_path: Path, run: Run) -> None:
    voices = {"en": Fake(), "zh": Fake(language="zh")}
    run(Phrases(tmp_path, voices).audio("hello", "en"))
    assert Phrases(tmp_path, voices).cached("hello", "zh") is None
    assert Phrases(tmp_path, {"en": Fake("fake 2")}).cached("hello", "en") is None
    assert Phrases(tmp_path, voices).cached("Hello", "en") is None


def test_another_shaping_is_another_phrase(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(Phrases(tmp_path, {"en": Fake()}).audio("hello", "en"))
    monkeypatch.setattr(module, "SHAPE", "other")
    assert Phrases(tmp_path, {"en": Fake()}).cached("hello", "en") is None


def test_a_crash_while_writing_leaves_no_phrase_and_no_litter(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(EngineError, match=r"No space left on device; free space or set \[speech\] cache"):
        run(Phrases(tmp_path, {"en": Fake()}).audio("hello", "en"))
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError, match=r"phrase cache .*file"):
        run(Phrases(tmp_path / "file", {"en": Fake()}).audio("hello", "en"))


def test_an_unknown_language_is_named(tmp_path: Path, run: Run) -> None:
    phrases = Phrases(tmp_path, {"zh": Fake(), "en": Fake()})
    with pytest.raises(EngineError, match="no voice for language 'fr'; voices: en, zh"):
        phrases.cached("bonjour", "fr")
    with pytest.raises(EngineError, match="no voice for language 'fr'"):
        run(phrases.audio("bonjour", "fr"))


def test_prepare_renders_what_is_missing_two_at_a_time(tmp_path: Path, run: Run) -> None:
    voice, steps = Fake(), list[tuple[int, int]]()
    phrases = Phrases(tmp_path, {"en": voice})
    run(phrases.audio("one", "en"))
    run(phrases.prepare(["one", "two", "three", "two", "four"], "en", lambda done, total: steps.append((done, total))))
    assert sorted(voice.rendered) == ["four", "one", "three", "two"]
    assert voice.most_at_once == RENDERS_AT_ONCE
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_prepare_of_nothing_is_nothing(tmp_path: Path, run: Run) -> None:
    run(Phrases(tmp_path, {"en": Fake()}).prepare([], "en"))


def test_prepare_names_one_phrase_that_cannot_be_said(tmp_path: Path, run: Run) -> None:
    phrases = Phrases(tmp_path, {"en": Fake(fails={"two", "three"})})
    with pytest.raises(EngineError, match=r"cannot say (two|three)"):
        run(phrases.prepare(["one", "two", "three", "four"], "en"))


def test_memory_is_bounded_and_forgets_what_was_not_used_longest(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = Fake()
    size = len(run(voice.render("0")))
    phrases = Phrases(tmp_path, {"en": voice}, memory_bytes=2 * size)
    for text in ("0", "1", "0", "2"):
        run(phrases.audio(text, "en"))
    with no_disk(monkeypatch):
        assert phrases.cached("0", "en")
        assert phrases.cached("2", "en")
        with pytest.raises(AssertionError, match="read"):
            phrases.cached("1", "en")
    assert phrases.cached("1", "en")


def test_a_phrase_larger_than_memory_is_still_spoken(tmp_path: Path, run: Run) -> None:
    phrases = Phrases(tmp_path, {"en": Fake()}, memory_bytes=1)
    assert run(phrases.audio("hello", "en")) == phrases.cached("hello", "en")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("One.", ("One.",)),
        ("One. Two! Three? Four", ("One.", "Two!", "Three?", "Four")),
        ("It costs 3.5 pounds, e.g. in a shop. Yes.", ("It costs 3.5 pounds, e.g. in a shop.", "Yes.")),
        ("Wait... go on. 10 pounds.", ("Wait... go on.", "10 pounds.")),
        ("您好。请讲！好吗？好", ("您好。", "请讲！", "好吗？", "好")),
    ],
)
def test_text_is_split_where_sentences_end(text: str, parts: tuple[str, ...]) -> None:
    assert split(text) == parts


def test_only_a_long_sentence_is_split_at_its_clauses() -> None:
    clause = "this is a clause of a rather long sentence that goes on"
    assert split(f"{clause}, {clause}.") == (f"{clause}, {clause}.",)
    assert split(f"{clause}, {clause}, {clause}.") == (f"{clause},", f"{clause},", f"{clause}.")
    assert split("，".join(["这是一个很长的句子里的一个分句"] * 9)) == (*["这是一个很长的句子里的一个分句，"] * 8, "这是一个很长的句子里的一个分句")


@given(st.text(st.sampled_from("ab Z9.,!?;:。，！\n"), max_size=400))
def test_split_loses_nothing_but_blanks(text: str) -> None:
    parts = split(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part == part.strip() != "" for part in parts)
