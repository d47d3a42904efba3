"""`voicebot staff`: people come and go by name; passwords are read, never given as arguments, and never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

from voicebot.cli import app
from voicebot.desk import auth
from voicebot.errors import VoicebotError

GOOD = "a long enough password"
Staff = Callable[..., Result]


@pytest.fixture
def staff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staff:
    monkeypatch.setattr(auth, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    settings = tmp_path / "voicebot.toml"
    settings.write_text(f'[store]\nurl = "sqlite+aiosqlite:///{tmp_path}/journal.db"\n[desk]\nlanguage = "zh"\n')

    def run(*arguments: str, typed: str = GOOD) -> Result:
        return CliRunner().invoke(app, ["staff", *arguments, "--settings", str(settings)], input=f"{typed}\n")

    return run


def told(result: Result) -> str:
    assert isinstance(result.exception, VoicebotError), result.output
    return str(result.exception)


def test_people_are_added_listed_and_removed(staff: Staff) -> None:
    assert staff("add", "ann").output == "ann: agent\n"
    assert staff("add", "sue", "--role", "supervisor", "--language", "en").exit_code == 0
    listed = staff("list").output.splitlines()
    assert [line.split()[:3] for line in listed] == [["ann", "agent", "zh"], ["sue", "supervisor", "en"]]
    assert GOOD not in "".join(listed)
    assert staff("remove", "ann").exit_code == 0
    assert [line.split()[0] for line in staff("list").output.splitlines()] == ["sue"]


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "<b>", "a/b", "a\nb"])
def test_a_name_that_could_be_misread_is_none(staff: Staff, name: str) -> None:
    assert "64 letters, digits" in told(staff("add", name))


@pytest.mark.parametrize("typed", ["", "short", "x" * 300])
def test_a_password_that_is_none_adds_nobody(staff: Staff, typed: str) -> None:
    assert "10 to 256 characters" in told(staff("add", "ann", typed=typed))
    assert staff("list").output == ""


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("add", "ann"), "on the staff already"),
        (("add", "bob", "--language", "fr"), "speaks en and zh"),
        (("remove", "bob"), "nobody on the staff is named 'bob'"),
        (("password", "bob"), "nobody on the staff is named 'bob'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(staff: Staff, arguments: tuple[str, ...], why: str) -> None:
    staff("add", "ann")
    assert why in told(staff(*arguments))


def test_a_new_password_is_taken_without_being_shown(staff: Staff) -> None:
    staff("add", "ann")
    assert staff("password", "ann", typed="another long password").output == "ann: password changed\n"
