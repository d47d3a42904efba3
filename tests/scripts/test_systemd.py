"""The shipped unit: systemd can read it, and its times fit those of the controller."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from voicebot.process import BEAT_S, FROZEN_S
from voicebot.settings import Serve
from voicebot.up import END_S, START_S

UNIT = Path(__file__).resolve().parents[2] / "scripts/systemd/voicebot.service"
ASTERISK_MOVES_ON_S = 2.5
FROZEN_BAR_S = 8.0


@pytest.fixture(scope="module")
def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#", strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text(encoding="utf-8"))
    return unit["Service"]


def test_systemd_reads_it_without_a_complaint(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    here = tmp_path / UNIT.name  # with a program that exists, or that would be the complaint
    here.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/voicebot/.venv/bin/voicebot", "/bin/true"), encoding="utf-8")
    verdict = subprocess.run([analyze, "verify", "--man=no", str(here)], capture_output=True, text=True, timeout=60, check=False)
    assert "voicebot.service" not in verdict.stderr, verdict.stderr
    if verdict.returncode:
        pytest.skip(f"systemd-analyze cannot work here: {verdict.stderr.strip()}")


def test_a_frozen_controller_is_killed_in_time_and_a_busy_one_is_not(service: configparser.SectionProxy) -> None:
    assert service["Type"] == "notify"
    watchdog_s = float(service["WatchdogSec"])
    assert FROZEN_S + BEAT_S / 2 < watchdog_s <= FROZEN_BAR_S - ASTERISK_MOVES_ON_S
    assert service["WatchdogSignal"] == "SIGKILL", "a stopped process takes no other"
    assert service["Restart"] == "always"


def test_it_has_time_to_start_and_to_drain(service: configparser.SectionProxy) -> None:
    assert float(service["TimeoutStopSec"]) > Serve().grace_s + END_S
    assert float(service["TimeoutStartSec"]) >= START_S
    assert service["KillMode"] == "mixed", "SIGTERM is for the controller alone; its workers serve the calls that go on"


def test_it_may_do_little(service: configparser.SectionProxy) -> None:
    assert service["User"] == "voicebot"
    assert service["ProtectSystem"] == "strict"
    assert {service[name] for name in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces")} == {"yes"}
    assert service["CapabilityBoundingSet"] == ""
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
