"""Who is taken and who is not, and that the answer does not flap."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.admission import EASED, Gate, Load, Measures, Reason, Strain, refusal, strained, withheld
from voicebot.settings import Admission

LIMITS = Admission(calls=4, calls_per_number=2, cpu=0.8, loop_lag_ms=100, backlog_ms=1_000)
FREE = Load(calls=0, of_number=0)
EASY = Measures(cpu=0.2, loop_lag_ms=3, backlog_ms=100)


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (FREE, None),
        (Load(3, 1), None),
        (Load(4, 0), "calls"),
        (Load(9, 0), "calls"),
        (Load(3, 2), "calls of this number"),
        (replace(FREE, draining=True), "draining"),
        (replace(FREE, strains=frozenset({"cpu"})), "cpu"),
        (replace(FREE, strains=frozenset({"loop lag", "backlog"})), "backlog"),
        (Load(9, 9, frozenset({"cpu"}), draining=True), "draining"),
    ],
)
def test_the_first_reason_that_holds_is_given(load: Load, reason: Reason | None) -> None:
    assert refusal(load, LIMITS) == reason


@pytest.mark.parametrize(
    ("field", "limit", "strain"),
    [("cpu", LIMITS.cpu, "cpu"), ("loop_lag_ms", LIMITS.loop_lag_ms, "loop lag"), ("backlog_ms", LIMITS.backlog_ms, "backlog")],
)
def test_a_measure_over_its_limit_counts_until_it_has_eased(field: str, limit: float, strain: Strain) -> None:
    def after(part: float, before: frozenset[Strain]) -> frozenset[Strain]:
        return strained(replace(EASY, **{field: limit * part}), LIMITS, before)

    none: frozenset[Strain] = frozenset()
    over: frozenset[Strain] = frozenset({strain})
    assert after(1.0, none) == none, "at the limit is not over it"
    assert after(1.01, none) == over
    assert after(0.9, over) == over, "below the limit, not eased yet"
    assert after(EASED - 0.01, over) == none
    assert after(0.9, none) == none


@given(values=st.lists(st.floats(0.0, 2.0)), limit=st.floats(0.1, 1.0))
def test_admission_closes_only_over_the_limit_and_opens_only_below_the_eased_one(values: list[float], limit: float) -> None:
    limits, before = Admission(cpu=limit), frozenset[Strain]()
    for value in values:
        now = strained(Measures(cpu=value), limits, before)
        if now > before:
            assert value > limit
        if now < before:
            assert value <= limit * EASED
        before = now


@pytest.mark.parametrize(
    ("ani", "hidden"), [("", True), ("0", True), ("+", True), ("0000", True), ("0201555", False), ("+4930", False), ("100", False)]
)
def test_a_number_that_is_none_is_withheld(ani: str, hidden: bool) -> None:
    assert withheld(ani) == hidden


def test_the_gate_counts_calls_in_all_and_by_number() -> None:
    gate = Gate(LIMITS)
    assert gate.refusal("111") is None
    with gate.counted("111"), gate.counted("111"):
        assert gate.calls == 2
        assert gate.refusal("111") == "calls of this number"
        assert gate.refusal("222") is None
        with gate.counted("222"), gate.counted("333"):
            assert gate.refusal("444") == "calls"
        assert gate.refusal("222") is None
    assert gate.refusal("111") is None


def test_callers_who_show_no_number_share_no_cap() -> None:
    gate = Gate(LIMITS)
    with gate.counted(""), gate.counted(""), gate.counted(""):
        assert gate.refusal("") is None
        assert gate.refusal("0") is None
        with gate.counted(""):
            assert gate.refusal("") == "calls"


def test_a_call_that_fails_is_counted_no_longer() -> None:
    gate = Gate(LIMITS)
    with pytest.raises(RuntimeError), gate.counted("111"):
        raise RuntimeError
    assert gate.calls == 0
    assert gate.empty.is_set()


def test_it_is_empty_when_the_last_call_is_over() -> None:
    gate = Gate(LIMITS)
    assert gate.empty.is_set()
    with gate.counted("111"):
        with gate.counted("222"):
            assert not gate.empty.is_set()
        assert not gate.empty.is_set()
    assert gate.empty.is_set()


def test_a_gate_that_drains_takes_nobody() -> None:
    gate = Gate(LIMITS)
    gate.draining = True
    assert gate.refusal("111") == "draining"


def test_the_gate_looks_at_the_load_of_the_moment_and_remembers_strain() -> None:
    cpus = iter([0.5, 0.81, 0.7, 0.63, 0.7])
    gate = Gate(LIMITS, lambda: Measures(cpu=next(cpus)))
    assert [gate.refusal("111") for _ in range(5)] == [None, "cpu", "cpu", None, None]


NUMBERS = st.sampled_from(["", "111", "222", "333", "444"])


@given(comes=st.lists(st.tuples(NUMBERS, st.booleans()), max_size=60))
def test_whoever_comes_and_goes_no_cap_is_ever_passed(comes: list[tuple[str, bool]]) -> None:
    """Each step: somebody calls, or the oldest call of that number ends."""
    gate, live = Gate(LIMITS), list[tuple[str, object]]()
    for ani, ends in comes:
        if ends:
            for each in [entry for entry in live if entry[0] == ani][:1]:
                live.remove(each)
                each[1].__exit__(None, None, None)  # type: ignore[attr-defined]
        elif gate.refusal(ani) is None:
            live.append((ani, counted := gate.counted(ani)))
            counted.__enter__()
        assert gate.calls == len(live) <= LIMITS.calls
        assert all(count <= LIMITS.calls_per_number for number, count in Counter(number for number, _ in live).items() if number)
        assert gate.empty.is_set() == (not live)
