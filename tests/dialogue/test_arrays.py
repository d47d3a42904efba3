"""Arrays come back as they were saved, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.dialogue import arrays

KEPT = {"figures": np.arange(6, dtype=np.float16).reshape(2, 3), "texts": np.array(["", "bill", "账单"]), "none": np.zeros(0, np.int8)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "kept.arrays"


def test_what_was_saved_is_loaded(path: Path) -> None:
    arrays.save(path, KEPT)
    found = arrays.load(path)
    assert found.keys() == KEPT.keys()
    assert all((found[name] == KEPT[name]).all() and found[name].dtype == KEPT[name].dtype for name in KEPT)
    assert [each.name for each in path.parent.iterdir()] == ["kept.arrays"]


@given(at=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_changed_byte_is_enough_to_refuse_it(path: Path, at: float, change: int) -> None:
    arrays.save(path, KEPT)
    raw = bytearray(path.read_bytes())
    raw[int(at * len(raw))] ^= change
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"kept\.arrays: is damaged"):
        arrays.load(path)


@given(raw=st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_bytes_are_refused(path: Path, raw: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="is damaged"):
        arrays.load(path)


def test_objects_are_neither_written_nor_read(path: Path) -> None:
    """They would have to be pickled."""
    with pytest.raises(ValueError, match="allow_pickle"):
        arrays.save(path, {"object": np.array([object()])})
    assert not path.exists()


def test_a_file_that_cannot_be_written_leaves_the_one_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays.save(path, KEPT)

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        arrays.save(path, {"other": np.zeros(1)})
    assert arrays.load(path).keys() == KEPT.keys()
    assert [each.name for each in path.parent.iterdir()] == ["kept.arrays"]


def test_no_file_is_no_arrays(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        arrays.load(path)
