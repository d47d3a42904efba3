"""One Whisper in CTranslate2's format, and one pass of it over a window shorter than the 30 s it was made for. It never downloads anything.

The folder holds model.bin, config.json, the vocabulary and tokenizer.json, as https://huggingface.co/Systran/faster-whisper-base does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from voicebot.errors import EngineError
from voicebot.speech.asr.hypothesis import Hypothesis
from voicebot.speech.asr.whisper_files import complete, useless
from voicebot.values import SAMPLE_RATE_HZ

CONTEXT_TOKENS = 448
"""What its decoder holds: prompt and text."""
PROMPT_TOKENS = 96
"""Of that, what expected words may take. Each costs time at every pass."""
COMPUTE_TYPES = {"cpu": "int8", "cuda": "int8_float16"}

Samples = NDArray[np.float32]


class WhisperModel:
    """Loaded for one language. Raises EngineError naming the file and the fix when the folder does not hold a Whisper that knows it."""

    def __init__(self, folder: Path, language: str, terms: Sequence[str] = (), device: str = "cpu") -> None:
        complete(folder)
        try:
            self._model = ctranslate2.models.Whisper(str(folder), device=device, compute_type=COMPUTE_TYPES[device], intra_threads=1, inter_threads=1)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise useless(folder, f"model.bin cannot be loaded ({error})") from None
        self._tokens = _tokens(folder, language)
        self._features = FeatureExtractor(feature_size=self._model.n_mels)
        self._prompt = self._prompted(terms)
        self._silence = [*self._tokens.non_speech_tokens, *_unspoken(self._tokens)]

    def hear(self, samples: Samples, window_s: float, most_tokens: int, forced: bool = False) -> Hypothesis:
        """One pass over `samples` (16 kHz, ±1), padded with silence or cut to `window_s`. `forced`: just `most_tokens` tokens, to measure speed."""
        encoded = self._model.encode(ctranslate2.StorageView.from_array(self._mel(samples, window_s)))
        most = min(most_tokens, CONTEXT_TOKENS // 2, CONTEXT_TOKENS - len(self._prompt))
        suppressed = [*self._silence, self._tokens.eot] if forced else self._silence
        found = self._model.generate(
            encoded,
            [self._prompt],
            beam_size=1,
            max_length=max(2 * most, len(self._prompt) + most),  # CTranslate2 gives half of it to the text at most
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=suppressed,
        )[0]
        tokens = found.sequences_ids[0]
        mean = found.scores[0] * len(tokens) / (len(tokens) + 1)  # the score leaves the end token out of the count, though not out of the sum
        return Hypothesis(self._tokens.decode(tokens[:most]), mean, found.no_speech_prob, len(tokens) < most)

    def _mel(self, samples: Samples, window_s: float) -> NDArray[np.float32]:
        """Shape 1 × mel bands × 100 frames a second."""
        length = round(window_s * SAMPLE_RATE_HZ)
        padded = np.zeros(length, np.float32)
        padded[: len(samples)] = samples[:length]
        return np.ascontiguousarray(self._features(padded, padding=0)[np.newaxis], np.float32)

    def _prompted(self, terms: Sequence[str]) -> list[int]:
        """Start of the decoder's input: what is expected to be said, as if said before (https://github.com/openai/whisper/discussions/117)."""
        expected = self._tokens.encode(" " + ", ".join(terms))[:PROMPT_TOKENS] if terms else []
        before = [self._tokens.sot_prev, *expected] if expected else []
        return [*before, *self._tokens.sot_sequence, self._tokens.no_timestamps]


def _tokens(folder: Path, language: str) -> Tokenizer:
    try:
        found: Any = tokenizers.Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
    except ValueError as error:
        raise useless(folder, f"tokenizer.json cannot be read ({error})") from None
    if found.token_to_id("<|startoftranscript|>") is None:
        raise useless(folder, "tokenizer.json is not one of Whisper's")
    several = found.token_to_id("<|endoftext|>") > 50_256  # in the English models it is the 50,256th
    if not several and language != "en":
        raise EngineError(f"whisper: the model in {folder} knows only English, not {language!r}; take one whose name has no .en")
    if found.token_to_id(f"<|{language}|>") is None:
        raise EngineError(f"whisper: the model in {folder} does not know the language {language!r}; choose another recogniser for it")
    return Tokenizer(found, multilingual=several, task="transcribe", language=language)


def _unspoken(tokens: Tokenizer) -> list[int]:
    """Tokens that are no text: they may not come back as it."""
    names = ("transcribe", "translate", "sot", "sot_prev", "sot_lm", "no_speech", "no_timestamps")
    return [token for name in names if (token := getattr(tokens, name)) is not None]
