"""Who is hung and who is only starved: judged by looks that are written down, and by real processes that sleep, spin and are stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.speech.vitals import PATIENCE, Vitals, Watch, memory_mb, vitals

HUNG_S = 4.0
ASLEEP, RUNNABLE = False, True


def looks(*seen: tuple[float, bool], progress_s: float = 1.0, hung_s: float = HUNG_S) -> list[bool]:
    """The verdict each second on a process of which `seen` gives the CPU time and the state."""
    watch = Watch(hung_s)
    return [watch.hung(progress_s, float(second), Vitals(cpu_s, at_work)) for second, (cpu_s, at_work) in enumerate(seen)]


def test_one_that_sleeps_over_its_work_is_hung() -> None:
    assert looks(*[(7.0, ASLEEP)] * 6) == [False] * 5 + [True]


def test_one_found_asleep_once_may_just_have_answered() -> None:
    assert looks(*[(7.0, RUNNABLE)] * 5, (7.1, ASLEEP), (7.1, RUNNABLE)) == [False] * 7
    assert looks(*[(7.0, RUNNABLE)] * 5, (7.1, ASLEEP), (7.1, ASLEEP))[-1]


def test_one_that_works_for_long_and_makes_nothing_of_it_is_hung() -> None:
    assert looks(*[(float(second), RUNNABLE) for second in range(6)]) == [False] * 5 + [True]


def test_one_that_is_not_let_work_is_waited_for_and_not_for_ever() -> None:
    starved = [(second / 20, RUNNABLE) for second in range(PATIENCE * 4 + 2)]
    assert looks(*starved) == [False] * (PATIENCE * 4 + 1) + [True]


def test_what_it_worked_before_its_last_answer_does_not_count() -> None:
    watch = Watch(HUNG_S)
    assert not watch.hung(1.0, 3.0, Vitals(50.0, RUNNABLE))
    assert not watch.hung(2.0, 5.0, Vitals(90.0, RUNNABLE))
    assert not watch.hung(2.0, 6.0, Vitals(93.9, RUNNABLE))
    assert watch.hung(2.0, 7.0, Vitals(94.0, RUNNABLE))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=20), st.floats(0, HUNG_S))
def test_one_that_owes_nothing_for_long_is_never_hung(seen: list[tuple[float, bool]], owing_s: float) -> None:
    watch = Watch(HUNG_S)
    assert not any(watch.hung(1.0, owing_s, Vitals(*look)) for look in seen)


@pytest.fixture
def start() -> Iterator[Callable[[str], int]]:
    begun: list[subprocess.Popen[bytes]] = []

    def run(code: str) -> int:
        begun.append(subprocess.Popen([sys.executable, "-c", code]))
        return begun[-1].pid

    yield run
    for process in begun:
        process.kill()
        process.wait()


def until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_process_that_spins_is_at_work_and_uses_cpu(start: Callable[[str], int]) -> None:
    pid = start("while True: pass")
    until(lambda: vitals(pid).cpu_s > 0.1)
    assert vitals(pid).at_work
    os.kill(pid, signal.SIGSTOP)
    until(lambda: not vitals(pid).at_work)
    assert vitals(pid) == vitals(pid), "it uses no more"


def test_a_process_that_sleeps_is_not_at_work(start: Callable[[str], int]) -> None:
    pid = start("import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\ntime.sleep(60)")
    until(lambda: vitals(pid).cpu_s > 0.05 and not vitals(pid).at_work)


def test_a_process_that_is_gone_has_none() -> None:
    assert vitals(2**22 + 1) == Vitals()
    assert memory_mb(2**22 + 1) == 0


def test_memory_is_what_a_process_holds_for_itself() -> None:
    assert memory_mb(os.getpid()) > 0
