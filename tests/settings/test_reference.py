"""The printed settings are the settings: they load, change nothing, leave nothing out, and each says what it is for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from voicebot.settings import Settings, load
from voicebot.settings.reference import reference

README = Path(__file__).parents[2] / "README.md"


def test_it_loads_and_is_what_holds_without_a_file(tmp_path: Path) -> None:
    path = tmp_path / "voicebot.toml"
    path.write_text(reference(), encoding="utf-8")
    assert load(path) == Settings()


def test_every_section_stands_in_it() -> None:
    told = reference()
    for name in Settings.model_fields:
        assert re.search(rf"^(# )?(\[{name}[.\]]|{name} =)", told, re.MULTILINE), name


def test_what_has_no_default_is_commented_out_and_named() -> None:
    told = reference()
    assert "# [trunk]" in told
    assert "# peer =" in told
    assert "# [anger.queues.NAME]" in told


@pytest.mark.parametrize("line", ["calls = 20", 'host = "127.0.0.1"', "cpu = 0.85", "enabled = false", 'agents = ["6001", "6002", "6003"]'])
def test_values_are_written_as_toml_wants_them(line: str) -> None:
    assert line in reference().splitlines()


def test_comments_are_the_settings_own_words() -> None:
    lines = reference().splitlines()
    assert lines[lines.index("grace_s = 60.0") - 1] == "# How long calls may go on after SIGTERM before they are handed over to the queue."


def test_what_the_readme_shows_can_be_set(tmp_path: Path) -> None:
    shown = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    for number, snippet in enumerate(shown):
        tomllib.loads(snippet)
        path = tmp_path / f"{number}.toml"
        path.write_text(snippet, encoding="utf-8")
        load(path)
