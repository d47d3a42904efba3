"""Each job is told on the rung it would stand on: with weights, embedded, at its last resort, or broken."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from voicebot.doctor import Finding, Standing, examine, jobs
from voicebot.errors import EngineError
from voicebot.settings import Hotline, Settings
from voicebot.settings.engines import Models, Speech
from voicebot.settings.llm import Llm
from voicebot.speech.asr.whisper_files import FILES

LISTENING = {"100": Hotline(), "200": Hotline(language="zh")}


class Silent:
    """Stands for a voice that is installed."""

    def __init__(self, language: str) -> None:
        self.name = {"en": "flite 2.2 slt", "zh": "espeak-ng 1.51 cmn"}[language]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "embedded", Silent)
    monkeypatch.setattr(jobs, "found", lambda: "/opt/piper")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What looks like models."""
    for name in ("base", "voice"):
        (tmp_path / name).mkdir()
    for name in FILES:
        (tmp_path / "base" / name).write_text("{}")
    (tmp_path / "voice/voice.onnx").write_text("onnx")
    (tmp_path / "voice/voice.onnx.json").write_text('{"audio": {}, "phoneme_id_map": {}}')
    return tmp_path


def settings(folder: Path | None = None, **speech: Any) -> Settings:
    return Settings(hotlines=LISTENING, speech=Speech(**speech), models=Models(folder=folder or Path("models")))


def standings(check: Callable[[Settings], Iterable[Finding]], chosen: Settings) -> list[tuple[str, Standing, str]]:
    return [(found.job, found.standing, found.rung) for found in check(chosen)]


def test_without_weights_every_job_still_has_a_rung() -> None:
    found = examine(settings(), jobs.JOBS)
    assert all(each.standing is not Standing.BROKEN for each in found)
    assert all(each.climb and each.costs for each in found if each.standing is Standing.LOWER)


def test_recognition_without_weights() -> None:
    assert standings(jobs.recognition, settings()) == [
        ("recognition (en)", Standing.LOWER, "PocketSphinx"),
        ("recognition (zh)", Standing.LOWER, "keys of the phone"),
    ]


def test_recognition_with_a_folder_for_pocketsphinx(folder: Path) -> None:
    _, mandarin = jobs.recognition(settings(pocketsphinx={"zh": folder}))
    assert mandarin.rung == "PocketSphinx"


def test_recognition_with_a_whisper(folder: Path) -> None:
    found = standings(jobs.recognition, settings(folder, whisper_model="base", whisper_window_s=4))
    assert found == [(f"recognition ({language})", Standing.BEST, "Whisper base, window 4 s") for language in ("en", "zh")]


def test_a_whisper_that_is_not_whole_is_named_and_the_rung_below_told(folder: Path) -> None:
    (folder / "base/tokenizer.json").unlink()
    english, mandarin = jobs.recognition(settings(folder, whisper_model="base"))
    assert (english.rung, mandarin.rung) == ("PocketSphinx", "keys of the phone")
    assert "tokenizer.json is missing" in english.climb
    demanded = next(iter(jobs.recognition(settings(folder, whisper_model="base", recogniser="whisper"))))
    assert demanded.standing is Standing.BROKEN
    assert "tokenizer.json is missing" in demanded.rung


def test_a_hotline_of_keys_needs_no_recogniser() -> None:
    (found,) = jobs.recognition(Settings(hotlines={"100": Hotline(menu=True)}))
    assert found.rung.startswith("keys of the phone, as [hotlines] says")


def test_the_voices_that_debian_has() -> None:
    assert standings(jobs.voice, settings()) == [("voice (en)", Standing.LOWER, "flite"), ("voice (zh)", Standing.LOWER, "espeak-ng")]


def test_a_voice_with_weights(folder: Path) -> None:
    english, _ = jobs.voice(settings(folder, voices={"en": "voice"}))
    assert (english.standing, english.rung) == (Standing.BEST, "Piper voice, run as /opt/piper")


def test_a_voice_that_is_missing_falls_to_the_embedded_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    english, _ = jobs.voice(settings(folder, voices={"en": "none"}))
    assert english.rung == "flite"
    assert "none.onnx.json: cannot be read" in english.climb

    def absent() -> str:
        raise EngineError("piper is not installed; run: pip")

    monkeypatch.setattr(jobs, "found", absent)
    english, _ = jobs.voice(settings(folder, voices={"en": "voice"}))
    assert (english.rung, english.climb) == ("flite", "piper is not installed; run: pip")


def test_a_missing_synthesiser_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_language: str) -> Silent:
        raise EngineError("flite is not installed; run scripts/setup")

    monkeypatch.setattr(jobs, "embedded", absent)
    (found,) = examine(settings(), {"voice": jobs.voice})
    assert (found.standing, found.rung) == (Standing.BROKEN, "flite is not installed; run scripts/setup")


@pytest.mark.parametrize(
    ("llm", "installed", "standing", "rung"),
    [
        (Llm(), False, Standing.LOWER, "none"),
        (Llm(engine="server", model="big", url="https://llm.example/v1"), False, Standing.BEST, "big at https://llm.example/v1"),
        (Llm(engine="llama", model="here.gguf"), False, Standing.BROKEN, "llama-cpp-python is not installed"),
        (Llm(engine="llama", model="none.gguf"), True, Standing.BROKEN, "none.gguf is missing"),
        (Llm(engine="llama", model="here.gguf"), True, Standing.BEST, "llama.cpp with here.gguf"),
        (Llm(engine="llama", model="small-llm"), True, Standing.BEST, "llama.cpp with pulled.gguf"),
        (Llm(engine="llama", model="no-llm"), True, Standing.BROKEN, "models/no-llm/no-llm.gguf is missing"),
    ],
)
def test_the_language_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, llm: Llm, installed: bool, standing: Standing, rung: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.gguf").write_text("GGUF")
    (tmp_path / "models/small-llm").mkdir(parents=True)
    (tmp_path / "models/small-llm/pulled.gguf").write_text("GGUF")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None) if installed else None)
    (found,) = jobs.language_model(Settings(llm=llm))
    assert (found.standing, found.rung) == (standing, rung)


def test_end_of_speech_without_silero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [found.standing for found in jobs.end_of_speech(Settings())] == [Standing.BEST]

    def absent() -> Path:
        raise EngineError("silero: not found")

    monkeypatch.setattr(jobs, "model_file", absent)
    assert [found.rung for found in jobs.end_of_speech(Settings())] == ["webrtcvad alone"]


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed; run scripts/setup")
def test_the_real_voice_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert next(iter(jobs.voice(Settings(hotlines={"100": Hotline()})))).rung == "flite"
