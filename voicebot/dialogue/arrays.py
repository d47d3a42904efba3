"""Named arrays in one file, written whole or not at all, and never read when damaged: the file begins with the digest of the rest.

No pickle: what such a file holds can only be figures and texts.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGEST_BYTES = hashlib.sha256().digest_size


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raises OSError; then `path` is as it was."""
    named: dict[str, Any] = dict(arrays)
    made = io.BytesIO()
    np.savez(made, allow_pickle=False, **named)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(hashlib.sha256(made.getbuffer()).digest())
            file.write(made.getbuffer())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def load(path: Path) -> dict[str, NDArray[Any]]:
    """What `save` wrote. Raises OSError, or ValueError for anything else."""
    raw = memoryview(path.read_bytes())
    if hashlib.sha256(raw[_DIGEST_BYTES:]).digest() != raw[:_DIGEST_BYTES]:
        raise ValueError(f"{path}: is damaged; remove it")
    with np.load(io.BytesIO(raw[_DIGEST_BYTES:]), allow_pickle=False) as arrays:
        return dict(arrays)
