"""A name is one that was pulled; a path is a path."""

from __future__ import annotations

from pathlib import Path

from voicebot.weights import path_of


def test_a_folder_by_its_name_or_as_a_path(tmp_path: Path) -> None:
    assert path_of("base", tmp_path) == tmp_path / "base"
    assert path_of("./base", tmp_path) == Path("base")
    assert path_of("/srv/base", tmp_path) == Path("/srv/base")


def test_a_file_by_the_name_of_its_folder_or_as_a_path(tmp_path: Path) -> None:
    file = tmp_path / "small-1.5" / "deep" / "small-q4.gguf"
    file.parent.mkdir(parents=True)
    file.touch()
    assert path_of("small-1.5", tmp_path, ".gguf") == file
    assert path_of("mine.gguf", tmp_path, ".gguf") == Path("mine.gguf")
    assert path_of("weights/mine", tmp_path, ".gguf") == Path("weights/mine")
    assert path_of("never-pulled", tmp_path, ".gguf") == tmp_path / "never-pulled" / "never-pulled.gguf"
