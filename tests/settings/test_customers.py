"""The section [customers]: what may stand there, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.errors import SettingsError
from voicebot.settings import load
from voicebot.settings.customers import Customers


def test_without_it_there_is_no_customer_data_and_no_survey() -> None:
    assert (Customers().source, Customers().survey) == ("none", False)


def written(folder: Path, text: str) -> Path:
    path = folder / "voicebot.toml"
    path.write_text(f"[customers]\n{text}\n")
    return path


def test_it_is_read_from_the_settings_file(tmp_path: Path) -> None:
    found = load(written(tmp_path, 'source = "http"\nurl = "http://127.0.0.1:9"\nsecret = "crm"\nsurvey = true')).customers
    assert found == Customers(source="http", url="http://127.0.0.1:9", secret="crm", survey=True)


@pytest.mark.parametrize("text", ['source = "csv"', 'secret = "../etc/passwd"', "surveys = true"])
def test_anything_else_is_an_error_that_names_it(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"customers\."):
        load(written(tmp_path, text))
