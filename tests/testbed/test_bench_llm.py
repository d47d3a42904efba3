"""The bench of a local language model gives each figure, on a real GGUF and on a process that only says it is one."""

from __future__ import annotations

import asyncio
import math
import os
from functools import partial
from pathlib import Path

import pytest

from tests.kit.models import PROGRAM
from voicebot.errors import EngineError
from voicebot.llm.llama import Llama
from voicebot.testbed import bench_llm
from voicebot.testbed.bench_llm import llm


def quiet(_: str) -> None: ...


def measured(model: Path, trials: int) -> dict[str, float]:
    result = asyncio.run(llm(model, 1, 2_048, trials, quiet))
    assert len(result.trials) == trials
    return {figure.name.split(" (")[0]: figure.measured for figure in result.figures}


NAMES = ["loaded and warm", "first token p50", "first token p95", "first token worst", "tokens a second"]
STOPS = ["dropped, and free again p50", "dropped, and free again p95", "dropped, and free again worst", "killed, and ready again"]


def test_every_figure_of_a_real_model_is_measured(shared: Path) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install voicebot[llm]")
    model = shared / "models" / "stories260K" / "stories260K.gguf"
    if not model.exists():
        pytest.skip(f"no {model}")
    figures = measured(model, 2)
    assert list(figures) == [*NAMES, *STOPS]
    assert all(math.isfinite(value) and value > 0 for value in figures.values())


def test_a_model_that_does_not_stop_misses_the_bar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The planted defect: an answer that is dropped goes on for 300 ms."""
    (tmp_path / "scripted_model.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))))
    monkeypatch.setattr(bench_llm, "Llama", partial(Llama, program="scripted_model"))
    result = asyncio.run(llm(Path("slow.gguf"), 1, 512, 2, quiet))
    worst = next(figure for figure in result.figures if "worst" in figure.name and "dropped" in figure.name)
    assert worst.measured > 250
    assert not result.passed


def test_a_model_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none\.gguf: the language model cannot be read"):
        measured(tmp_path / "none.gguf", 1)
