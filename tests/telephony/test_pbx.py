from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import PbxError
from voicebot.settings import Pbx, Settings
from voicebot.telephony import pbx as pbx_module
from voicebot.telephony.pbx import PrivateAsterisk, check_ports, console, running_modules, wanted_modules
from voicebot.telephony.pbx_plan import PbxPlan, plan
from voicebot.telephony.pbx_render import DIALPLANS

Run = Callable[[Coroutine[Any, Any, Any]], Any]

MODULE_SHOW = """Module                         Description                              Use Count  Status      Support Level
app_queue.so                   True Call Queueing                       1          Running              core
chan_pjsip.so                  PJSIP Channel Driver                     0          Not Running          core
res_rtp_asterisk.so            Asterisk RTP Stack                       4          Running              core
3 modules loaded
"""


@pytest.fixture
def asterisk(tmp_path: Path, asterisk_tree: Path, monkeypatch: pytest.MonkeyPatch) -> PbxPlan:
    monkeypatch.delenv("VOICEBOT_PBX__TREE", raising=False)
    return plan(Settings(secrets=tmp_path / "secrets", pbx=Pbx(tree=asterisk_tree, run=tmp_path / "run", sip_port=0)), controller_port=9)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be reaped does not."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "\nState:\tZ" not in status.read_text()


def listening(pid: int, protocol: str) -> list[str]:
    """Local addresses of the process's listening TCP or unconnected UDP sockets, as /proc/net writes them."""
    links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    state = {"tcp": "0A", "udp": "07"}[protocol]
    rows = [line.split() for name in (protocol, f"{protocol}6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == state and f"socket:[{row[9]}]" in links]


def test_wanted_modules_are_the_load_lines_alone() -> None:
    text = "[modules]\nautoload = no\nload = a.so\nload => b.so ; why\n;load = c.so\nnoload = d.so\npreload = e.so\n"
    assert wanted_modules(text) == {"a.so", "b.so"}


def test_the_shipped_module_list_is_long_enough_to_mean_something() -> None:
    assert {"chan_websocket.so", "res_ari.so", "app_queue.so", "res_musiconhold.so"} <= wanted_modules((DIALPLANS / "modules.conf").read_text())


def test_running_modules_leave_out_those_that_are_loaded_but_do_not_run() -> None:
    assert running_modules(MODULE_SHOW) == {"app_queue.so", "res_rtp_asterisk.so"}


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.e2e
def test_a_taken_sip_port_is_named_with_the_setting(asterisk: PbxPlan, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PbxError, match=rf"^port {port} on 127\.0\.0\.1 is already in use; set \[pbx\] sip_port$"):
            check_ports("127.0.0.1", port)


def test_console_of_nobody_is_named(tmp_path: Path, run: Run) -> None:
    async def steps() -> None:
        with pytest.raises(PbxError, match="is it running"):
            await console(tmp_path / "asterisk.ctl", "core show version")

    run(steps())


@pytest.mark.e2e
def test_it_starts_answers_and_stops_leaving_no_process_and_no_port(asterisk: PbxPlan, run: Run) -> None:
    async def steps() -> None:
        async with PrivateAsterisk(asterisk) as pbx:
            assert "Asterisk 2" in await pbx.cli("core show version")
            assert pbx.sip_port == asterisk.sip_port
            with pytest.raises(PbxError, match="already in use"):
                check_ports(asterisk.sip_host, asterisk.sip_port)
            pid = pbx.pid
        assert pid is not None
        assert not alive(pid)
        check_ports(asterisk.sip_host, asterisk.sip_port)

    run(steps())


@pytest.mark.e2e
def test_it_listens_on_loopback_alone(asterisk: PbxPlan, run: Run) -> None:
    async def steps() -> None:
        async with PrivateAsterisk(asterisk) as pbx:
            assert pbx.pid is not None
            sip = f"0100007F:{asterisk.sip_port:04X}"
            assert listening(pbx.pid, "tcp") == [sip]
            others = [address for address in listening(pbx.pid, "udp") if address != sip]
        # The SIP library's DNS client holds one socket per address family; it takes answers to its own questions alone.
        assert len(others) <= 2

    run(steps())


@pytest.mark.e2e
def test_starting_and_stopping_twice_is_the_same_as_once(asterisk: PbxPlan, run: Run) -> None:
    async def steps() -> None:
        pbx = PrivateAsterisk(asterisk)
        for _ in range(2):
            await pbx.start()
            await pbx.stop()
        await pbx.stop()
        with pytest.raises(PbxError, match="not running"):
            await pbx.wait()

    run(steps())


@pytest.mark.e2e
def test_a_crash_is_seen_by_wait_and_the_next_start_works(asterisk: PbxPlan, run: Run) -> None:
    async def steps() -> None:
        pbx = PrivateAsterisk(asterisk)
        await pbx.start()
        assert pbx.pid is not None
        os.kill(pbx.pid, signal.SIGKILL)
        assert await asyncio.wait_for(pbx.wait(), 5) == -signal.SIGKILL
        await pbx.stop()
        async with PrivateAsterisk(asterisk):
            pass

    run(steps())


def _changed(folder: Path, name: str, old: str, new: str) -> Path:
    folder.mkdir()
    for path in DIALPLANS.glob("*.conf"):
        (folder / path.name).write_text(path.read_text())
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    return folder


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("modules.conf", "load = app_queue.so", "load = app_queue_missing.so"), "Asterisk module app_queue_missing.so did not load"),
        (("musiconhold.conf", "[voicebot]", "[other]\ndirectory = /nowhere\n[second]"), "music on hold class 'voicebot' has no file"),
        (("pjsip.conf", "dtmf_mode = auto", "dtmf_mode = telepathy"), "a SIP endpoint was refused"),
        (("queues-member.conf", "PJSIP/", "Local/"), "an agent is not in queue"),
        (("ari.conf", "websocket_client_id = voicebot-floor", "websocket_client_id = nobody"), "a control socket was refused"),
        (("extensions.conf", "[voicebot-inbound]", "[elsewhere]"), "a hotline is missing"),
    ],
)
@pytest.mark.e2e
def test_what_did_not_load_is_named_and_nothing_keeps_running(
    asterisk: PbxPlan, tmp_path: Path, change: tuple[str, str, str], complaint: str, run: Run
) -> None:
    async def steps() -> None:
        pbx = PrivateAsterisk(asterisk, dialplans=_changed(tmp_path / "changed", *change))
        with pytest.raises(PbxError, match=complaint) as caught:
            await pbx.start()
        assert "\n" not in str(caught.value)
        assert pbx.pid is None
        check_ports(asterisk.sip_host, asterisk.sip_port)

    run(steps())


@pytest.mark.e2e
def test_a_version_too_old_is_refused_and_an_untested_one_is_started(asterisk: PbxPlan, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    async def steps() -> None:
        monkeypatch.setattr(pbx_module, "version", lambda _: (22, 7, 0))
        with pytest.raises(PbxError, match=r"Asterisk 22\.7\.0 is too old"):
            await PrivateAsterisk(asterisk).start()
        monkeypatch.setattr(pbx_module, "version", lambda _: (23, 9, 0))
        async with PrivateAsterisk(asterisk):
            pass

    run(steps())


@pytest.mark.e2e
def test_an_asterisk_that_ends_at_start_is_named(asterisk: PbxPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    async def steps() -> None:
        monkeypatch.setattr(pbx_module, "version", lambda _: (22, 10, 1))
        broken = dataclasses.replace(asterisk, binary=dataclasses.replace(asterisk.binary, command=("/bin/false",)))
        with pytest.raises(PbxError, match="ended with status 1 at start"):
            await PrivateAsterisk(broken).start()

    run(steps())


CHILD = """
import asyncio, sys
from pathlib import Path
from voicebot.settings import Pbx, Settings
from voicebot.telephony.pbx import PrivateAsterisk
from voicebot.telephony.pbx_plan import plan

async def main() -> None:
    tree, folder = map(Path, sys.argv[1:])
    async with PrivateAsterisk(plan(Settings(secrets=folder / "secrets", pbx=Pbx(tree=tree, run=folder / "child", sip_port=0)))) as pbx:
        print(pbx.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.e2e
def test_it_ends_with_the_process_that_started_it_however_that_ends(asterisk: PbxPlan, tmp_path: Path) -> None:
    tree = asterisk.binary.modules.parents[4]
    with subprocess.Popen([sys.executable, "-c", CHILD, str(tree), str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        child.kill()
    deadline_s = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
