from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.errors import StoreError
from voicebot.store import events
from voicebot.store.events import DigitPressed, Line
from voicebot.store.spool import Spool

AT_UTC = datetime(2026, 1, 1, tzinfo=UTC)


def lines(first: int, count: int) -> list[Line]:
    return [Line("c1", seq, seq * 20, AT_UTC, "digit_pressed", events.encode(DigitPressed("5"))) for seq in range(first, first + count)]


def drained(spool: Spool, limit: int = 100) -> list[int]:
    seqs: list[int] = []
    while spool.pending:
        seqs += [line.seq for line in spool.peek(limit)]
        spool.confirm()
    return seqs


def test_lines_come_out_as_they_went_in(spool: Path) -> None:
    kept = Spool(spool)
    kept.add(lines(0, 3))
    assert kept.peek(10) == lines(0, 3)
    kept.close()


def test_what_is_not_confirmed_comes_again(spool: Path) -> None:
    kept = Spool(spool)
    kept.add(lines(0, 5))
    assert [line.seq for line in kept.peek(2)] == [line.seq for line in kept.peek(2)] == [0, 1]
    kept.confirm()
    assert kept.pending == 3
    assert drained(kept) == [2, 3, 4]


def test_confirming_twice_forgets_once(spool: Path) -> None:
    kept = Spool(spool)
    kept.add(lines(0, 4))
    kept.peek(2)
    kept.confirm()
    kept.confirm()
    assert drained(kept) == [2, 3]


def test_an_empty_spool_leaves_no_file(spool: Path) -> None:
    kept = Spool(spool)
    assert (kept.pending, kept.peek(5)) == (0, [])
    kept.confirm()
    kept.add(lines(0, 5))
    assert len(list(spool.iterdir())) == 1
    drained(kept)
    assert list(spool.iterdir()) == []
    kept.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(st.integers(1, 5), st.none()), max_size=12), limit=st.integers(1, 4))
def test_any_mix_of_adding_and_draining_keeps_the_order(tmp_path: Path, steps: list[int | None], limit: int) -> None:
    kept = Spool(tmp_path / "mixed")
    added, seqs = 0, list[int]()
    for count in steps:
        if count:
            kept.add(lines(added, count))
            added += count
        else:
            seqs += [line.seq for line in kept.peek(limit)]
            kept.confirm()
        assert kept.pending == added - len(seqs)
    assert seqs + drained(kept, limit) == list(range(added))
    kept.close()


def test_only_the_owner_may_read_it(spool: Path) -> None:
    kept = Spool(spool)
    kept.add(lines(0, 1))
    (file,) = spool.iterdir()
    assert (stat.S_IMODE(spool.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)
    kept.close()


def test_the_next_process_takes_over_what_a_dead_one_left_oldest_first(spool: Path) -> None:
    for first in (0, 3, 6):
        dead = Spool(spool)
        dead.add(lines(first, 3))
        dead.close()
    heir = Spool(spool)
    assert heir.pending == 9
    heir.add(lines(9, 2))
    assert drained(heir) == list(range(11))
    assert list(spool.iterdir()) == []


def test_the_file_of_a_living_process_is_left_alone_until_it_ends(spool: Path) -> None:
    living = Spool(spool)
    living.add(lines(0, 2))
    other = Spool(spool)
    assert other.pending == 0
    living.close()
    other.adopt()
    other.adopt()
    assert drained(other) == [0, 1]


def test_a_line_torn_by_a_crash_is_passed_over_and_the_rest_kept(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dead = Spool(spool)
    dead.add(lines(0, 3))
    (file,) = spool.iterdir()
    dead.close()
    file.write_bytes(file.read_bytes()[:-10])
    heir = Spool(spool)
    assert [line.seq for line in heir.peek(10)] == [0, 1]
    heir.confirm()
    assert heir.pending == 0
    assert "unreadable" in capsys.readouterr().out


class FullDisk:
    """A file whose disk takes `room` more bytes."""

    def __init__(self, write: Callable[[bytes], int], fails: bool) -> None:
        self._write = write
        self._fails = fails

    def __call__(self, data: bytes) -> int:
        if self._fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(data[: len(data) // 2])


@pytest.mark.parametrize("fails", [True, False], ids=["refuses", "takes half"])
def test_a_full_disk_refuses_all_and_leaves_the_file_as_it_was(spool: Path, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    kept = Spool(spool)
    kept.add(lines(0, 2))
    assert kept._own is not None
    size = kept._own.path.stat().st_size
    descriptor = os.dup(kept._own._raw.fileno())
    with monkeypatch.context() as patch:
        raw = os.fdopen(descriptor, "r+b", buffering=0)
        patch.setattr(kept._own, "_raw", _Wrapped(raw, FullDisk(raw.write, fails)))
        with pytest.raises(OSError, match=r"No space|full"):
            kept.add(lines(2, 2))
        raw.close()
    assert (kept.pending, kept._own.path.stat().st_size) == (2, size)
    kept.add(lines(2, 1))
    assert drained(kept) == [0, 1, 2]


class _Wrapped:
    def __init__(self, raw: object, write: Callable[[bytes], int]) -> None:
        self._raw = raw
        self.write = write

    def __getattr__(self, name: str) -> object:
        return getattr(self._raw, name)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(StoreError, match=r"spool: the journal cannot spool here: "):
        Spool(tmp_path / "spool")
