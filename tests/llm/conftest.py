"""A scripted model process, and the small GGUF beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kit.models import PROGRAM


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a program for `Llama`."""
    (tmp_path / "scripted_model.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))))
    return "scripted_model"


@pytest.fixture(scope="session")
def stories(shared: Path) -> Path:
    """A GGUF that talks nonsense, quickly."""
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install voicebot[llm]")
    path = shared / "models" / "stories260K" / "stories260K.gguf"
    if not path.exists():
        pytest.skip(f"no {path}")
    return path
