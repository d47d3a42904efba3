"""The line does what it was told, and the same again with the same seed."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed.impair import Impairment, Line

PACKETS = 20_000


def run(impairment: Impairment, packets: int = PACKETS) -> list[tuple[float, ...]]:
    line = Line(impairment)
    return [line.departures(index * 0.02) for index in range(packets)]


def mean_loss_run(departures: list[tuple[float, ...]]) -> float:
    runs = [len(list(group)) for lost, group in groupby(departures, key=lambda leaves: not leaves) if lost]
    return sum(runs) / len(runs)


def test_a_good_line_sends_each_packet_once_and_at_once() -> None:
    assert run(Impairment(), 100) == [(index * 0.02,) for index in range(100)]


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("burst", [1.0, 4.0])
def test_the_share_of_lost_packets_is_the_one_asked_for(loss: float, burst: float) -> None:
    departures = run(Impairment(loss=loss, burst=burst, seed=5), 5 * PACKETS)
    assert sum(not leaves for leaves in departures) / (5 * PACKETS) == pytest.approx(loss, rel=0.15)


@pytest.mark.parametrize("burst", [2.0, 5.0])
def test_losses_come_in_bursts_of_the_mean_length_asked_for(burst: float) -> None:
    assert mean_loss_run(run(Impairment(loss=0.05, burst=burst, seed=1))) == pytest.approx(burst, rel=0.15)


def test_independent_losses_hardly_cluster() -> None:
    assert mean_loss_run(run(Impairment(loss=0.05, seed=1))) == pytest.approx(1 / 0.95, rel=0.05)


def test_a_dead_line_sends_nothing() -> None:
    assert not any(run(Impairment(loss=1.0), 1_000))


def test_jitter_is_spread_up_to_its_bound_and_keeps_the_order() -> None:
    departures = run(Impairment(jitter_ms=50, seed=2))
    leaves_s = [leaves[0] for leaves in departures]
    held_s = [leaving - index * 0.02 for index, leaving in enumerate(leaves_s)]
    assert leaves_s == sorted(leaves_s)
    assert 0 <= min(held_s) < 0.005
    assert 0.045 < max(held_s) <= 0.05


def test_reordered_packets_leave_after_a_later_one() -> None:
    departures = run(Impairment(reorder=0.1, seed=3))
    overtaken = sum(departures[index][0] > departures[index + 1][0] for index in range(PACKETS - 1))
    assert overtaken / PACKETS == pytest.approx(0.1, rel=0.25)


def test_duplicates_are_as_many_as_asked_for() -> None:
    assert sum(len(leaves) == 2 for leaves in run(Impairment(duplicate=0.2, seed=4))) / PACKETS == pytest.approx(0.2, rel=0.1)


def test_a_stall_holds_everything_back_and_lets_it_go_at_once() -> None:
    departures = [leaves_s for (leaves_s,) in run(Impairment(stall_ms=300, stall_every_ms=1_000), 150)]
    for index, leaves_s in enumerate(departures):
        second, into_s = divmod(index * 0.02, 1.0)
        assert leaves_s == pytest.approx(second + max(into_s, 0.3))


@given(
    st.builds(
        Impairment,
        loss=st.floats(0, 1),
        burst=st.floats(1, 20),
        jitter_ms=st.floats(0, 200),
        reorder=st.floats(0, 1),
        duplicate=st.floats(0, 1),
        stall_ms=st.floats(0, 1_000),
        seed=st.integers(0, 2**32),
    )
)
def test_any_line_can_be_repeated_and_never_sends_into_the_past(impairment: Impairment) -> None:
    departures = run(impairment, 60)
    assert departures == run(impairment, 60)
    assert all(leaves_s >= index * 0.02 for index, leaves in enumerate(departures) for leaves_s in leaves)


def test_two_seeds_differ() -> None:
    assert run(Impairment(loss=0.5, seed=1), 100) != run(Impairment(loss=0.5, seed=2), 100)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"loss": 1.5}, "loss is 1.5"),
        ({"reorder": -0.1}, "reorder is -0.1"),
        ({"duplicate": 2}, "duplicate is 2"),
        ({"burst": 0.5}, "burst"),
        ({"jitter_ms": -1}, "jitter_ms"),
        ({"stall_ms": 2_000}, "stall_every_ms"),
        ({"stall_every_ms": 0}, "stall_every_ms"),
    ],
)
def test_impossible_lines_are_refused_by_name(values: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Impairment(**values)  # type: ignore[arg-type]
