"""CPU per call from made-up processes: known work and known calls give known figures."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import pytest

from voicebot.settings import load
from voicebot.testbed.bench_load import NO_LIMITS, Load, Look, part, used
from voicebot.testbed.processes import CORES, Process


def asterisk(cpu_s: float) -> Process:
    return Process(10, 1, "/tree/ld.so --library-path /tree /tree/usr/sbin/asterisk -f -n", cpu_s)


def controller(cpu_s: float, pid: int = 11) -> Process:
    return Process(pid, 1, "/venv/bin/python -m voicebot serve --settings x.toml", cpu_s)


def worker(cpu_s: float) -> Process:
    return Process(12, 11, "/venv/bin/python -m voicebot.speech.workers 22 voicebot.speech.silero:Silero", cpu_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now_s = [100.0]
    monkeypatch.setattr("voicebot.testbed.bench_load.time.monotonic", lambda: now_s[0])
    return now_s


def measured(load: Load) -> dict[str, float]:
    return {figure.name.removeprefix("CPU per call, "): round(figure.measured, 6) for figure in load.figures()}


def test_each_process_belongs_to_a_part() -> None:
    assert [part(each) for each in (asterisk(0), controller(0), worker(0))] == ["Asterisk", "controller", "workers"]


def test_cpu_is_shared_by_the_seconds_of_all_calls(clock: list[float]) -> None:
    now = [asterisk(5.0), controller(8.0), worker(1.0)]
    load = Load(lambda: tuple(now))
    with load:
        with load.call(), load.call():
            clock[0] += 10
        now[:] = [asterisk(5.4), controller(8.2), worker(3.0)]
    assert measured(load) == {"Asterisk": 2.0, "controller": 1.0, "workers": 10.0}


def test_what_was_used_between_waves_does_not_count(clock: list[float]) -> None:
    now = [controller(8.0)]
    load = Load(lambda: tuple(now))
    for used_s in (1.0, 3.0):
        with load:
            with load.call():
                clock[0] += 10
            now[:] = [controller(now[0].cpu_s + used_s)]
        now[:] = [controller(now[0].cpu_s + 50)]
    assert measured(load) == {"controller": 20.0}


def test_a_controller_started_meanwhile_counts_from_its_start(clock: list[float]) -> None:
    now = [controller(8.0)]
    load = Load(lambda: tuple(now))
    with load:
        with load.call():
            clock[0] += 10
        now[:] = [controller(0.5, pid=99)]
    assert measured(load) == {"controller": 5.0}


def test_a_call_that_fails_counts_too(clock: list[float]) -> None:
    load = Load(lambda: (controller(0.0),))
    with load, contextlib.suppress(TimeoutError), load.call():
        clock[0] += 4
        raise TimeoutError
    assert measured(load) == {"controller": 0.0}


def test_without_processes_or_calls_there_is_no_figure() -> None:
    away = Load(tuple)
    with away:
        pass
    idle = Load(lambda: (controller(1.0),))
    with idle:
        pass
    assert away.figures() == idle.figures() == ()


def stood(at_s: float, family: tuple[Process, ...], phones_s: float, machine_s: float) -> Look:
    return Look(at_s, family, {}, phones_s, machine_s)


def test_cpu_between_two_looks_is_per_call_and_of_the_machine() -> None:
    before = stood(100.0, (asterisk(5.0), controller(8.0), worker(1.0)), 3.0, 50.0)
    after = stood(110.0, (asterisk(5.5), controller(8.2), worker(2.0)), 3.1, 50.0 + 5.0 * CORES)
    found = used(before, after, call_s=50.0)
    assert {name: round(value, 6) for name, value in found.items()} == {
        **{"Asterisk": 1.0, "controller": 0.4, "workers": 2.0, "phones": 0.2},
        "machine": 50.0,
    }


def test_without_calls_there_is_no_cpu_per_call() -> None:
    look = stood(100.0, (controller(8.0),), 3.0, 50.0)
    assert math.isnan(used(look, stood(110.0, (controller(9.0),), 3.0, 51.0), call_s=0.0)["controller"])


def test_no_limits_are_known_settings(tmp_path: Path) -> None:
    (tmp_path / "voicebot.toml").write_text("".join(f"{key} = {value}\n" for key, value in NO_LIMITS.items()), encoding="utf-8")
    assert load(tmp_path / "voicebot.toml").admission.calls == 1_000
