"""The phrase cache: each phrase rendered once, whoever asks and however often; nothing damaged is ever played."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import EngineError
from voicebot.speech import phrases as module
from voicebot.speech.phrases import RENDERS_AT_ONCE, Phrases
from voicebot.speech.tts.manner import MANNERS
from voicebot.speech.tts.mannered import mannered

Run = Callable[[Any], Any]


@dataclass
class Fake:
    """A voice that says its text as bytes, counts what it renders, and fails on request."""

    name: str = "fake 1"
    language: str = "en"
    fails: set[str] = field(default_factory=set)
    takes_s: float = 0.0
    rendered: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def render(self, text: str) -> bytes:
        self.rendered.append(text)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(self.takes_s)
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


def test_each_manner_is_made_once_of_the_neutral_phrase_and_kept_beside_it(tmp_path: Path, run: Run) -> None:
    voice, calming = Fake(), MANNERS["calming"]
    phrases = Phrases(tmp_path, {"en": voice})
    text = "hello " * 200
    slow, usual = run(phrases.audio(text, "en", calming)), run(phrases.audio(text, "en"))
    assert slow == mannered(usual, calming) != usual
    assert len(files(tmp_path)) == 2
    again = Phrases(tmp_path, {"en": voice})
    assert run(again.audio(text, "en", calming)) == slow
    assert len(voice.rendered) == 1


def test_what_is_said_once_has_its_manner_and_is_kept_nowhere(tmp_path: Path, run: Run) -> None:
    phrases, calming = Phrases(tmp_path, {"en": Fake()}), MANNERS["calming"]
    text = "hello " * 200
    assert run(phrases.once(text, "en", calming)) == mannered(run(phrases.once(text, "en")), calming)
    assert files(tmp_path) == []


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


def test_what_is_kept_is_known_without_reading_it_and_counts_as_used(tmp_path: Path, run: Run) -> None:
    voice = Fake()
    run(Phrases(tmp_path, {"en": voice}).audio("hello", "en"))
    (path,) = files(tmp_path)
    os.utime(path, (0, 0))
    later = Phrases(tmp_path, {"en": voice})
    assert later.kept("hello", "en")
    assert not later.kept("good morning", "en")
    assert path.stat().st_mtime > 0
    assert voice.rendered == ["hello"]


def test_callers_who_want_the_same_phrase_share_one_rendering(tmp_path: Path, run: Run) -> None:
    voice = Fake()
    phrases = Phrases(tmp_path, {"en": voice})

    async def ten() -> list[bytes]:
        return await asyncio.gather(*(phrases.audio("hello", "en") for _ in range(10)))

    assert len(set(run(ten()))) == 1
    assert voice.rendered == ["hello"]


def test_a_caller_who_hangs_up_does_not_take_the_phrase_from_the_next(tmp_path: Path, run: Run) -> None:
    voice = Fake(takes_s=0.05)
    phrases = Phrases(tmp_path, {"en": voice})

    async def two() -> bytes:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(phrases.audio("hello", "en"))
            second = group.create_task(phrases.audio("hello", "en"))
            while not voice.rendered:
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


def test_a_full_disk_leaves_no_litter_and_the_phrase_is_spoken_and_remembered(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    voice = Fake()
    phrases = Phrases(tmp_path, {"en": voice})
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert run(phrases.audio("hello", "en")) == run(phrases.audio("hello", "en"))
        run(phrases.audio("goodbye", "en"))
    assert (voice.rendered, files(tmp_path)) == (["hello", "goodbye"], [])
    assert capsys.readouterr().out.count("phrases cannot be kept") == 1
    run(phrases.audio("welcome", "en"))
    assert len(files(tmp_path)) == 1


def test_a_folder_that_cannot_be_made_costs_only_the_keeping(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run(Phrases(tmp_path / "file", {"en": Fake()}).audio("hello", "en"))
    assert "[speech] cache" in capsys.readouterr().out


def test_a_disk_that_stands_still_does_not_hold_up_the_loop(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    freed = threading.Event()

    def stuck(_path: Path) -> bytes:
        assert freed.wait(20)
        raise OSError

    monkeypatch.setattr(Path, "read_bytes", stuck)

    async def scenario() -> bytes:
        asking = asyncio.ensure_future(Phrases(tmp_path, {"en": Fake()}).audio("hello", "en"))
        await asyncio.sleep(0.05)
        freed.set()
        return await asking

    assert run(scenario()) == b"fake 1|hello|" * 8


def test_a_voice_that_does_not_speak_in_time_is_given_up(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.05)
    phrases = Phrases(tmp_path, {"en": Fake(takes_s=20)})
    for speak in (phrases.audio, phrases.once):
        with pytest.raises(EngineError, match=r"did not speak within 0\.05 s"):
            run(speak("hello", "en"))


def test_preparing_may_take_longer_than_a_caller_waits(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.01)
    phrases = Phrases(tmp_path, {"en": Fake(takes_s=0.05)})
    run(phrases.prepare(["hello"], "en"))
    assert phrases.cached("hello", "en")


def test_what_tells_of_a_caller_is_kept_nowhere(tmp_path: Path, run: Run) -> None:
    voice = Fake()
    phrases = Phrases(tmp_path, {"en": voice})
    assert run(phrases.once("caller two oh one", "en")) == run(phrases.once("caller two oh one", "en"))
    assert voice.rendered == ["caller two oh one"] * 2
    assert (files(tmp_path), phrases.cached("caller two oh one", "en")) == ([], None)


def test_the_disk_holds_what_was_spoken_last(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["one.", "two.", "six."]
    phrases = Phrases(tmp_path, {"en": Fake()})
    run(phrases.prepare(texts, "en"))
    for age_s, text in enumerate(texts):
        path = phrases._path(phrases._key(text, Fake()))
        os.utime(path, (1_000 + age_s, 1_000 + age_s))
    later = Phrases(tmp_path, {"en": Fake()})
    assert later.cached("one.", "en")
    monkeypatch.setattr(module, "DISK_BYTES", 2 * path.stat().st_size)
    assert later.sweep() == 1
    again = Phrases(tmp_path, {"en": Fake()})
    assert [again.cached(text, "en") is not None for text in texts] == [True, False, True]


def test_drafts_of_a_killed_process_are_swept_and_those_being_written_are_not(tmp_path: Path) -> None:
    old, new = (tmp_path / "ab" / f"{name}.part" for name in ("old", "new"))
    old.parent.mkdir()
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (1_000, 1_000))
    assert Phrases(tmp_path, {}).sweep() == 1
    assert files(tmp_path) == [new]


def test_many_new_phrases_sweep_by_themselves(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DISK_BYTES", 500)
    monkeypatch.setattr(module, "_SWEEP_AFTER_BYTES", 1_000)
    phrases = Phrases(tmp_path, {"en": Fake()})
    for number in range(40):
        run(phrases.audio(f"number {number}", "en"))
    assert len(files(tmp_path)) < 15


def test_an_unknown_language_is_named(tmp_path: Path, run: Run) -> None:
    phrases = Phrases(tmp_path, {"zh": Fake(), "en": Fake()})
    with pytest.raises(EngineError, match="no voice for language 'fr'; voices: en, zh"):
        phrases.cached("bonjour", "fr")
    with pytest.raises(EngineError, match="no voice for language 'fr'"):
        run(phrases.audio("bonjour", "fr"))


def test_prepare_renders_what_is_missing_two_at_a_time(tmp_path: Path, run: Run) -> None:
    voice, steps = Fake(takes_s=0.3), list[tuple[int, int]]()
    phrases = Phrases(tmp_path, {"en": voice})
    run(phrases.audio("one", "en"))
    run(phrases.prepare(["one", "two", "three", "two", "four"], "en", lambda done, total: steps.append((done, total))))
    assert sorted(voice.rendered) == ["four", "one", "three", "two"]
    assert voice.most_at_once == RENDERS_AT_ONCE
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_prepare_of_nothing_is_nothing(tmp_path: Path, run: Run) -> None:
    voice = Fake()
    run(Phrases(tmp_path, {"en": voice}).prepare([], "en"))
    assert voice.rendered == []


def test_prepare_names_one_phrase_that_cannot_be_said(tmp_path: Path, run: Run) -> None:
    phrases = Phrases(tmp_path, {"en": Fake(fails={"two", "three"})})
    with pytest.raises(EngineError, match=r"cannot say (two|three)"):
        run(phrases.prepare(["one", "two", "three", "four"], "en"))


def test_memory_is_bounded_and_forgets_what_was_not_used_longest(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = Fake()
    size = len(run(voice.render("a")))
    phrases = Phrases(tmp_path, {"en": voice}, memory_bytes=2 * size)
    for text in ("a", "b", "a", "c"):
        run(phrases.audio(text, "en"))
    with no_disk(monkeypatch):
        assert phrases.cached("a", "en")
        assert phrases.cached("c", "en")
        with pytest.raises(AssertionError, match="read"):
            phrases.cached("b", "en")
    assert phrases.cached("b", "en")


def test_a_voice_gets_figures_in_words_of_its_language(tmp_path: Path, run: Run) -> None:
    voices = {"en": Fake(), "zh": Fake("fake 1", "zh")}
    phrases = Phrases(tmp_path, voices)
    run(phrases.audio("It is $12.", "en"))
    run(phrases.once("It is 12%.", "en"))
    run(phrases.prepare(["共¥58.50"], "zh"))
    assert voices["en"].rendered == ["It is twelve dollars.", "It is twelve percent."]
    assert voices["zh"].rendered == ["共五十八元五角"]
    assert phrases.cached("It is $12.", "en") == phrases.cached("It is twelve dollars.", "en") is not None
    assert phrases.kept("共¥58.50", "zh")


def test_what_another_voice_said_instead_is_kept_under_its_name(tmp_path: Path, run: Run) -> None:
    class Failing(Fake):
        async def render(self, text: str) -> bytes:
            self.name = "second best"
            return await super().render(text)

    voice = Failing()
    phrases = Phrases(tmp_path, {"en": voice})
    run(phrases.audio("hello", "en"))
    assert phrases.kept("hello", "en")
    assert not Phrases(tmp_path, {"en": Fake()}).kept("hello", "en"), "kept under the name of a voice that did not say it"


def test_a_phrase_larger_than_memory_is_still_spoken(tmp_path: Path, run: Run) -> None:
    phrases = Phrases(tmp_path, {"en": Fake()}, memory_bytes=1)
    assert run(phrases.audio("hello", "en")) == phrases.cached("hello", "en")
