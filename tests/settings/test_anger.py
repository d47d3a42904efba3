"""The section [anger]: defaults, limits of a queue, and unknown keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.emotion.fusion import USUAL
from voicebot.errors import SettingsError
from voicebot.settings import load
from voicebot.settings.anger import Anger, QueueLimits


def test_the_usual_limits_are_those_of_the_fusion() -> None:
    usual = Anger().limits("support")
    assert (usual.sharp, usual.sustained, usual.support) == (USUAL.sharp, USUAL.sustained, USUAL.support)


def test_a_queue_may_want_others(tmp_path: Path) -> None:
    file = tmp_path / "voicebot.toml"
    file.write_text("[anger]\nworkers = 2\n[anger.queues.sales]\nsharp = 5\n", "utf-8")
    settings = load(file).anger
    assert settings.workers == 2
    assert settings.limits("sales") == QueueLimits(sharp=5)
    assert settings.limits("support") == QueueLimits()


@pytest.mark.parametrize("text", ["[anger]\nenable = true\n", "[anger.queues.sales]\nloud = 1\n", "[anger.queues.sales]\nsharp = -1\n"])
def test_what_is_not_known_is_an_error(text: str, tmp_path: Path) -> None:
    file = tmp_path / "voicebot.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match="anger"):
        load(file)
