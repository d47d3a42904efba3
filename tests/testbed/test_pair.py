"""Two controllers behind HAProxy: its configuration is what HAProxy accepts, and without HAProxy the reason is named."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from voicebot.errors import VoicebotError
from voicebot.testbed import pair as pair_module
from voicebot.testbed.pair import balancer, pair, port

FRONT, FIRST, SECOND = "127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002"


def test_the_balancer_leads_to_both_controllers() -> None:
    text = balancer(FRONT, FIRST, SECOND)
    assert "@{" not in text
    assert f"bind {FRONT}" in text
    assert [line.split()[1:] for line in text.splitlines() if line.strip().startswith("server ")] == [["a", FIRST], ["b", SECOND]]


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="needs haproxy: apt-get install haproxy")
def test_haproxy_takes_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(balancer(FRONT, FIRST, SECOND), encoding="utf-8")
    checked = subprocess.run(["haproxy", "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_without_haproxy_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_module, "BALANCER", "no-such-balancer")

    async def scenario() -> None:
        async with pair():
            pass

    with pytest.raises(VoicebotError, match="apt-get install haproxy"):
        asyncio.run(scenario())


def test_the_port_of_an_address() -> None:
    assert port(FIRST) == 9001
