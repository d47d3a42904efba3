"""A sentence-embedding model (ONNX) as one more view of a question, where an operator has put one.

A folder with `model.onnx` and `tokenizer.json`, as exported by sentence-transformers or Optimum; the vectors of the tokens are averaged. Loaded
in the process that matches, on one thread; nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicebot.dialogue import word_vectors
from voicebot.dialogue.vectors import Embedding
from voicebot.errors import EngineError
from voicebot.settings import Settings

Floats = NDArray[np.float32]

MAX_TOKENS = 64
"""A caller's question is shorter; what is longer is cut."""
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


def embedding(language: str, settings: Settings) -> Embedding | None:
    """What gives the questions of `language` their meaning: the model in the settings, else word vectors (English), else nothing.

    Raises EngineError for a model that cannot be loaded.
    """
    if settings.kb.embedding:
        return SentenceModel.load(settings.models.folder / settings.kb.embedding)
    return word_vectors.english(settings.speech.cache / "words") if language == "en" else None


class SentenceModel:
    """One loaded model. `of` may be called from any thread."""

    def __init__(self, tokenizer: Any, session: Any) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._inputs = [each.name for each in session.get_inputs()]
        self.dimensions = len(self.of("hello"))

    @classmethod
    def load(cls, folder: Path) -> SentenceModel:
        """Raises EngineError naming what is missing or cannot be used."""
        import onnxruntime  # noqa: PLC0415  a quarter of a second that only those pay who have a model
        from onnxruntime.capi import onnxruntime_pybind11_state as refusals  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        unusable = (refusals.Fail, refusals.InvalidArgument, refusals.InvalidGraph, refusals.InvalidProtobuf, refusals.NotImplemented)

        for name in ("model.onnx", "tokenizer.json"):
            if not (folder / name).is_file():
                raise EngineError(f"{folder}: no {name}; put an exported sentence-embedding model there, or take [kb] embedding out of the settings")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            tokenizer = Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
            session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        except (OSError, ValueError, *unusable) as error:
            raise EngineError(f"{folder}: cannot be loaded: {error}") from None
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        return cls._checked(folder, tokenizer, session)

    @classmethod
    def _checked(cls, folder: Path, tokenizer: Any, session: Any) -> SentenceModel:
        unknown = {each.name for each in session.get_inputs()} - _INPUTS
        if unknown:
            raise EngineError(f"{folder}: model.onnx asks for {', '.join(sorted(unknown))}; export it for feature extraction")
        made = cls(tokenizer, session)
        if made.dimensions < 2:
            raise EngineError(f"{folder}: model.onnx gives no vector for each token; export it for feature extraction")
        return made

    def of(self, text: str) -> Floats:
        """The mean of the token vectors."""
        tokens = self._tokenizer.encode(text)
        if not tokens.ids:
            return np.zeros(self.dimensions, np.float32)
        given = {"input_ids": tokens.ids, "attention_mask": tokens.attention_mask, "token_type_ids": tokens.type_ids}
        (vectors, *_) = self._session.run(None, {name: np.asarray([given[name]], np.int64) for name in self._inputs})
        mean: Floats = np.asarray(vectors[0], np.float32).reshape(len(tokens.ids), -1).mean(axis=0)
        return mean
