"""Weights: what there is to fetch, where it lies, and whether it is whole. models/manifest.toml is the list; nothing here opens a connection."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec

from voicebot.errors import ModelError

MANIFEST = Path(__file__).parents[2] / "models" / "manifest.toml"
TIERS = ("small", "standard", "gpu")
"""What a machine carries: two cores, a server of its own, a GPU."""

_CHUNK_BYTES = 1 << 20
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class State(StrEnum):
    """Of a file on this machine, the worst first."""

    MISSING = "missing"
    PART = "in part"
    SIZE = "wrong size"
    CHECKSUM = "wrong checksum"
    UNKNOWN = "cannot be verified"
    WHOLE = "whole"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`path` inside the repository. `size` in bytes, 0 when unknown; `sha256` in hexadecimal, empty when unknown."""

    path: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")]
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    sha256: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")] = ""

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the manifest. It lies in a folder of its name."""

    name: Name
    engine: Literal["whisper", "piper", "llama"]
    tiers: tuple[Literal["small", "standard", "gpu"], ...]
    languages: tuple[str, ...]
    repository: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
    revision: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}$")]
    licence: str
    files: Annotated[tuple[File, ...], msgspec.Meta(min_length=1)]
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes that are known of."""
        return sum(file.size for file in self.files)


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[Model, ...]


def read(path: Path = MANIFEST) -> tuple[Model, ...]:
    """The manifest. Raises ModelError naming the key that is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Manifest).models
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); it lies in the repository's folder models/") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ModelError(f"{path}: {error}") from None


def chosen(models: Sequence[Model], what: str) -> tuple[Model, ...]:
    """The models of a tier, or the one of that name. Raises ModelError naming what there is."""
    found = tuple(model for model in models if what == model.name or what in model.tiers)
    if not found:
        raise ModelError(f"no tier or model {what!r}; tiers: {', '.join(TIERS)}; models: {', '.join(model.name for model in models)}")
    return found


def state(model: Model, folder: Path, *, read_through: bool = True) -> State:
    """The worst state of any of its files in `folder`. Without `read_through` checksums are not computed: what is there and long enough is whole."""
    order = list(State)
    return min((file_state(file, folder / model.name, read_through=read_through) for file in model.files), key=order.index)


def file_state(file: File, home: Path, *, read_through: bool = True) -> State:
    """Of one file in its model's folder `home`. Raises ModelError when it cannot be read."""
    path = home / file.name
    try:
        if not path.is_file():
            begun = part(path)
            return State.PART if begun.is_file() and begun.stat().st_size else State.MISSING
        if file.size and path.stat().st_size != file.size:
            return State.SIZE
        if not read_through:
            return State.WHOLE
        if not file.sha256:
            return State.UNKNOWN
        return State.WHOLE if checksum(path) == file.sha256 else State.CHECKSUM
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None


def part(path: Path) -> Path:
    """Where a file lies until it is whole."""
    return path.with_name(path.name + ".part")


def checksum(path: Path) -> str:
    """SHA-256 in hexadecimal."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK_BYTES):
            found.update(data)
    return found.hexdigest()
