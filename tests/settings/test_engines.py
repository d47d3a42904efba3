"""What may be written into [speech] and [models], and what is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from voicebot.errors import SettingsError
from voicebot.settings import Settings, load
from voicebot.settings.engines import Models, Speech


def test_without_a_word_everything_embedded_serves() -> None:
    speech = Settings().speech
    assert (speech.recogniser, speech.whisper_model, speech.voices, speech.pocketsphinx) == ("auto", "", {}, {})
    assert speech.whisper_window_s == 10, "shorter costs accuracy until an operator has measured otherwise"


def test_a_file_sets_them(tmp_path: Path) -> None:
    path = tmp_path / "voicebot.toml"
    path.write_text('[speech]\nrecogniser = "whisper"\nwhisper_model = "faster-whisper-base"\nwhisper_window_s = 4\n[models]\nmirror = "/mnt/usb"\n')
    found = load(path)
    assert (found.speech.recogniser, found.speech.whisper_window_s, found.models.mirror) == ("whisper", 4, "/mnt/usb")


def test_so_does_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_SPEECH__WHISPER_WINDOW_S", "6")
    monkeypatch.setenv("VOICEBOT_MODELS__FOLDER", "/srv/models")
    found = load()
    assert (found.speech.whisper_window_s, found.models.folder) == (6, Path("/srv/models"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('recogniser = "vosk"', r"speech\.recogniser"),
        ("whisper_window_s = 1", r"speech\.whisper_window_s"),
        ("whisper_window_s = 31", r"speech\.whisper_window_s"),
        ('whisper_device = "tpu"', r"speech\.whisper_device"),
        ('wisper_model = "base"', "unknown key 'speech.wisper_model'; did you mean 'whisper_model'"),
        ("recognisers = 0", r"speech\.recognisers"),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "voicebot.toml"
    path.write_text(f"[speech]\n{line}\n")
    with pytest.raises(SettingsError, match=told):
        load(path)


def test_they_cannot_be_changed_once_read() -> None:
    for section in (Speech(), Models()):
        with pytest.raises(ValidationError):
            setattr(section, next(iter(type(section).model_fields)), "other")
