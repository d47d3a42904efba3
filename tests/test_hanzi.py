"""Chinese words: nothing of the text is lost, and no file of a stranger is trusted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot import hanzi


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=40))
def test_the_words_together_are_the_text(text: str) -> None:
    assert "".join(hanzi.cut(text)) == text


def test_known_words_stay_together() -> None:
    assert hanzi.cut("我的账单什么时候到期") == ["我", "的", "账单", "什么", "时候", "到期"]


def test_the_segmenter_trusts_no_file_in_the_common_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    hanzi._segmenter.cache_clear()
    assert hanzi.cut("我的账单什么时候到期")
    assert list(tmp_path.iterdir()) == []
