"""The shipped timers: systemd can read them, and what they start are commands that there are."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.testbed.probe import LIMIT_S

FOLDER = Path(__file__).resolve().parents[2] / "scripts/systemd"
NAMES = ("voicebot-probe", "voicebot-expire")


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#", strict=True)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string((FOLDER / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_systemd_reads_them_without_a_complaint(name: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    for suffix in ("service", "timer"):
        text = (FOLDER / f"{name}.{suffix}").read_text(encoding="utf-8")
        (tmp_path / f"{name}.{suffix}").write_text(text.replace("/opt/voicebot/.venv/bin/voicebot", "/bin/true"), encoding="utf-8")
    both = [str(tmp_path / f"{name}.{suffix}") for suffix in ("service", "timer")]
    verdict = subprocess.run([analyze, "verify", "--man=no", *both], capture_output=True, text=True, timeout=60, check=False)
    assert f"{name}." not in verdict.stderr, verdict.stderr


@pytest.mark.parametrize("name", NAMES)
def test_what_they_start_is_a_command_with_these_options(name: str) -> None:
    program, *words = shlex.split(unit(f"{name}.service")["Service"]["ExecStart"])
    assert program == "/opt/voicebot/.venv/bin/voicebot"
    command = words[: next(at for at, word in enumerate(words) if word.startswith("--"))]
    told = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*command, "--help"])
    assert told.exit_code == 0
    assert all(word in told.output for word in words if word.startswith("--"))


@pytest.mark.parametrize("name", NAMES)
def test_they_run_once_as_the_bot_does_and_may_do_little(name: str) -> None:
    service, bot = unit(f"{name}.service")["Service"], unit("voicebot.service")["Service"]
    assert service["Type"] == "oneshot"
    for key in ("User", "Group", "StateDirectory", "StateDirectoryMode", "WorkingDirectory", "ProtectSystem", "ProtectHome", "CapabilityBoundingSet"):
        assert service[key] == bot[key]
    assert service["NoNewPrivileges"] == "yes"


def test_a_probe_has_time_to_fail_by_itself_before_the_next_one() -> None:
    assert float(unit("voicebot-probe.service")["Service"]["TimeoutStartSec"]) > LIMIT_S
    assert unit("voicebot-probe.timer")["Timer"]["OnUnitActiveSec"] == "5min"


def test_expiry_is_made_up_for_after_a_night_off() -> None:
    timer = unit("voicebot-expire.timer")["Timer"]
    assert timer["Persistent"] == "true"
    assert timer["OnCalendar"].startswith("*-*-* ")


def test_what_the_probe_writes_stands_in_a_folder_that_others_may_read() -> None:
    service = unit("voicebot-probe.service")["Service"]
    assert f"--textfile /run/{service['RuntimeDirectory']}/" in service["ExecStart"]
    assert (service["RuntimeDirectoryMode"], service["RuntimeDirectoryPreserve"], service["UMask"]) == ("0755", "yes", "0022")
