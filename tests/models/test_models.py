"""The manifest names what may be fetched, and every file on this machine is whole, or its fault has a name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from voicebot import models
from voicebot.errors import ModelError
from voicebot.models import TIERS, File, Model, State, chosen, file_state, part, read, state

DATA = b"weights" * 100
SHA = hashlib.sha256(DATA).hexdigest()
WHOLE = File("sub/model.bin", len(DATA), SHA)
ENTRY = """
[[models]]
name = "tiny"
engine = "whisper"
tiers = ["small"]
languages = ["en"]
repository = "somebody/tiny"
revision = "0123456789012345678901234567890123456789"
licence = "MIT"
files = [{ path = "sub/model.bin", size = 700 }]
"""


def model(*files: File) -> Model:
    return Model("tiny", "whisper", ("small",), ("en",), "somebody/tiny", "0" * 40, "MIT", files)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "manifest.toml"
    path.write_text(text)
    return path


def test_our_own_manifest_can_be_read_and_serves_every_tier() -> None:
    found = read()
    assert len({each.name for each in found}) == len(found)
    for tier in TIERS:
        assert {"whisper", "piper"} <= {each.engine for each in chosen(found, tier)}
    for language in ("en", "zh"):
        assert any(language in each.languages for each in chosen(found, "small") if each.engine == "whisper")


def test_what_our_manifest_names_may_be_used_by_a_business() -> None:
    """Voices that descend from research-only recordings (lessac, ryan, xiao_ya, huayan and what was fine-tuned from them) are not in it."""
    for each in read():
        assert each.licence.split(";")[0] in {"MIT", "Apache-2.0"}
        if each.engine == "piper":
            assert "trained from scratch" in each.licence


def test_every_whisper_of_our_manifest_has_what_the_engine_needs() -> None:
    for each in read():
        if each.engine == "whisper":
            assert {"model.bin", "config.json", "tokenizer.json"} <= {file.name for file in each.files}


def test_an_entry_says_what_it_is(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path, ENTRY))
    assert (found.name, found.tiers, found.size) == ("tiny", ("small",), 700)
    assert (found.files[0].name, found.files[0].sha256) == ("model.bin", "")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('licence = "MIT"', "", "licence"),
        ('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"', "license"),
        ('"tiny"', '"../tiny"', "name"),
        ("sub/model.bin", "/etc/model.bin", "path"),
        ("0123456789012345678901234567890123456789", "main", "revision"),
        ("size = 700", 'size = 700, sha256 = "abc"', "sha256"),
        ('"small"', '"huge"', "huge"),
        ("[[models]]", "[[models", "manifest.toml"),
    ],
)
def test_a_fault_in_a_manifest_names_its_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ModelError, match=told) as caught:
        read(written(tmp_path, ENTRY.replace(old, new)))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("path", ["..", "a/..", "../up", "a/../../up", "a//b", "a b", "", ".hidden"])
def test_no_path_leaves_the_folder_of_its_model(tmp_path: Path, path: str) -> None:
    text = ENTRY.replace("sub/model.bin", path)
    try:
        (found,) = read(written(tmp_path, text))
    except ModelError:
        return
    assert "/" not in found.files[0].name
    assert found.files[0].name not in {"", ".", ".."}


def test_no_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.toml: cannot be read"):
        read(tmp_path / "none.toml")


def test_a_tier_or_a_name_is_chosen_and_anything_else_refused() -> None:
    both = (model(WHOLE), Model("other", "llama", ("small", "gpu"), ("en",), "a/b", "0" * 40, "MIT", (WHOLE,)))
    assert chosen(both, "small") == both
    assert chosen(both, "gpu") == chosen(both, "other") == both[1:]
    with pytest.raises(ModelError, match=r"no tier or model 'big'; tiers: small, standard, gpu; models: tiny, other"):
        chosen(both, "big")


@pytest.mark.parametrize(
    ("content", "file", "expected"),
    [
        (DATA, WHOLE, State.WHOLE),
        (DATA[:-1], WHOLE, State.SIZE),
        (DATA[:-1] + b"x", WHOLE, State.CHECKSUM),
        (DATA, File("model.bin", len(DATA)), State.UNKNOWN),
        (DATA, File("model.bin"), State.UNKNOWN),
        (DATA, File("model.bin", 0, SHA), State.WHOLE),
        (None, WHOLE, State.MISSING),
    ],
)
def test_the_state_of_a_file(tmp_path: Path, content: bytes | None, file: File, expected: State) -> None:
    if content is not None:
        (tmp_path / "model.bin").write_bytes(content)
    assert file_state(file, tmp_path) is expected


def test_a_glance_reads_no_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "checksum", lambda _path: pytest.fail("read through"))
    (tmp_path / "model.bin").write_bytes(DATA)
    assert file_state(WHOLE, tmp_path, read_through=False) is State.WHOLE
    part(tmp_path / "other.bin").touch()
    assert file_state(File("other.bin"), tmp_path, read_through=False) is State.MISSING
    part(tmp_path / "other.bin").write_bytes(DATA[:9])
    assert file_state(File("other.bin"), tmp_path, read_through=False) is State.PART


def test_a_model_is_as_good_as_its_worst_file(tmp_path: Path) -> None:
    both = model(WHOLE, File("config.json"))
    (tmp_path / "tiny").mkdir()
    assert state(both, tmp_path) is State.MISSING
    (tmp_path / "tiny/model.bin").write_bytes(DATA)
    assert state(both, tmp_path) is State.MISSING
    (tmp_path / "tiny/config.json").write_bytes(b"{}")
    assert state(both, tmp_path) is State.UNKNOWN
    (tmp_path / "tiny/model.bin").write_bytes(DATA[1:])
    assert state(both, tmp_path) is State.SIZE
