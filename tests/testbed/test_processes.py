"""What /proc says, held against processes started here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.testbed import processes

PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); input()'], stdin=sys.stdin).wait()"


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A process with one child, both waiting for their input to end."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        yield parent
        parent.kill()


def test_this_process_is_known() -> None:
    me = processes.process(os.getpid())
    assert me is not None
    assert me.parent == os.getppid()
    assert "python" in me.command or "pytest" in me.command
    assert me.cpu_s > 0


def test_children_and_grandchildren_are_found_in_order(family: subprocess.Popen[bytes]) -> None:
    found = [each for each in processes.offspring(os.getpid()) if family.pid in {each.pid, each.parent}]
    assert [each.parent for each in found] == [os.getpid(), family.pid]
    assert "print(1" in found[1].command


def test_a_process_that_is_gone_is_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert processes.process(gone.pid) is None


def test_a_zombie_is_gone_too() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as zombie:
        assert zombie.stdout is not None
        zombie.stdout.read()
        while (processes.PROC / str(zombie.pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        assert processes.process(zombie.pid) is None


def test_cpu_time_grows_with_work() -> None:
    before = processes.process(os.getpid())
    until_s = time.process_time() + 0.1
    while time.process_time() < until_s:
        pass
    after = processes.process(os.getpid())
    assert before is not None
    assert after is not None
    assert 0.05 <= after.cpu_s - before.cpu_s <= 1.0


def test_a_leaked_socket_moves_the_count() -> None:
    before = processes.open_files(os.getpid())
    with socket.socket(), open(os.devnull, "rb"):
        during = processes.open_files(os.getpid())
    assert (during["socket"] - before["socket"], during["file"] - before["file"]) == (1, 1)
    assert processes.open_files(os.getpid()) == before


def test_memory_of_its_own_is_counted_and_grows_with_what_is_kept() -> None:
    before = processes.heap_bytes(os.getpid())
    kept = bytearray(os.urandom(1 << 20) * 32)
    assert processes.heap_bytes(os.getpid()) - before >= len(kept) * 0.9


def test_who_is_gone_has_no_memory(family: subprocess.Popen[bytes]) -> None:
    family.kill()
    family.wait()
    assert processes.heap_bytes(family.pid) == 0


def test_the_machine_is_as_busy_as_we_are_at_least() -> None:
    before_s, mine_s = processes.busy_s(), time.process_time()
    while time.process_time() - mine_s < 0.2:
        pass
    assert processes.busy_s() - before_s >= 0.15


def test_what_is_open_is_told_by_where_it_leads(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with path.open("w"), socket.socket():
        targets = processes.open_targets(os.getpid())
    assert str(path) in targets
    assert any(target.startswith("socket:") for target in targets)
    assert str(path) not in processes.open_targets(os.getpid())
