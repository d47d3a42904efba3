"""Hotline 200 talks Mandarin: with a model folder given, callers ask in words and hear the right answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.stage import Play, stage
from voicebot.testbed import bench_mandarin
from voicebot.testbed.questions import Question
from voicebot.testbed.rig import Rig

pytestmark = pytest.mark.e2e
VOICE = "espeak-ng:cmn-latn-pinyin+f3"


@pytest.fixture(scope="module")
def speaking(asterisk_tree: Path, shared: Path) -> Iterator[Play]:
    model = shared / "models" / "pocketsphinx-zh-8k"
    if not model.is_dir():
        pytest.skip("no Mandarin PocketSphinx model in ../shared/models")
    with stage(bench_mandarin.settings(model)) as play:
        yield play


def test_two_questions_are_answered_rightly_in_mandarin(speaking: Play) -> None:
    questions = (Question("account-number", "客户号是多少位", VOICE, "PCMU"), Question("autopay", "怎么取消自动扣费", VOICE, "PCMA"))

    async def scenario(own: Rig) -> None:
        took = await bench_mandarin.asked(own, questions, lambda _what: None)
        assert [turn.answered for turn in took] == ["account-number", "autopay"], [turn.row() for turn in took]
        for turn in took:
            assert turn.whole, turn.row()

    speaking(scenario)
