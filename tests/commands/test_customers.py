"""`voicebot customers`: the demo's customers are put where the settings say, found again, and what cannot be done is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot.commands.customers import customers
from voicebot.customers.demo import COUNT, phone
from voicebot.errors import SettingsError

RUN = CliRunner()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "voicebot.toml"
    path.write_text(f'[customers]\nsource = "database"\nurl = "sqlite+aiosqlite:///{tmp_path}/customers.db"\n')
    return path


def test_the_demos_customers_are_put_there_and_found(settings: Path) -> None:
    made = RUN.invoke(customers, ["demo", "--settings", str(settings)])
    assert made.exit_code == 0
    assert f"{COUNT} customers" in made.output
    found = RUN.invoke(customers, ["find", phone(0), "--settings", str(settings)])
    assert (found.exit_code, found.output) == (0, "customer c0, language en, area Westfield\n")
    nobody = RUN.invoke(customers, ["find", "1", "--settings", str(settings)])
    assert (nobody.exit_code, nobody.output) == (1, "nobody, or several\n")


@pytest.mark.parametrize("command", [["demo"], ["find", "1"]])
def test_without_customer_data_it_says_what_to_do(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "voicebot.toml").write_text("")
    failed = RUN.invoke(customers, [*command, "--settings", str(tmp_path / "voicebot.toml")])
    assert isinstance(failed.exception, SettingsError)
    assert "[customers] source" in str(failed.exception)
