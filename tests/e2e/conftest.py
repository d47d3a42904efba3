"""One whole voicebot for the end-to-end tests: controller, workers, private Asterisk, on free ports in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.stage import Play, stage


@pytest.fixture(scope="session")
def play(asterisk_tree: Path) -> Iterator[Play]:
    """Play a scenario on the shared voicebot."""
    with stage({"handover.ring_s": 8, "handover.max_wait_s": 12, "turns.no_rtp_ms": 4000}) as play:
        yield play
