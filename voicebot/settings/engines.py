"""[speech] and [models] in the settings: which engines recognise and speak, and where their weights lie. Pure; other modules open them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]


class Speech(BaseModel):
    """Recognition and voice."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    cache: Path = Path(".cache/voicebot")
    recognisers: Positive = 2
    """Recogniser worker processes, one thread each."""
    recogniser: Literal["auto", "whisper", "pocketsphinx"] = "auto"
    """auto: Whisper where `whisper_model` is given and can be used, else PocketSphinx."""
    whisper_model: str = ""
    """A folder, or the name of a model that `voicebot models pull` fetched."""
    whisper_window_s: Annotated[float, Field(ge=2, le=30)] = 10.0
    """The shortest audio Whisper is given. Less is faster, and less accurate on the telephone: measure with `voicebot evaluate asr`."""
    whisper_device: Literal["cpu", "cuda"] = "cpu"
    pocketsphinx: dict[str, Path] = {}
    voices: dict[str, str] = {}
    """By language: the folder of an 8 kHz PocketSphinx model (`zh`), and Piper's voice, a .onnx file or the name of a model."""


class Models(BaseModel):
    """Weights on this machine, and where `voicebot models pull` takes them from."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    folder: Path = Path("models")
    mirror: str = "https://huggingface.co"
    """A server with the same paths, or a folder that holds NAME/FILE, as the folder of another machine does."""
