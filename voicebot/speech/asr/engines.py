"""Which recogniser serves which language: the rungs of the ladder, the best first. Another engine or language is another row here.

It builds recognisers and starts none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from voicebot.errors import EngineError
from voicebot.settings import Settings
from voicebot.speech.asr import Recogniser, pocketsphinx
from voicebot.speech.asr.terms import terms
from voicebot.speech.asr.whisper_files import LONGEST_S, complete
from voicebot.speech.serving import MEMORY_MB
from voicebot.weights import path_of

MEMORY_SHARE = 3
"""A Whisper may take so many times the size of its file: while it is loaded it is held twice."""

Rung = Callable[[Settings, str, Sequence[str]], Recogniser]
"""Makes a recogniser for a language that expects these wordings most. Seconds of work. Raises EngineError when it cannot serve here."""


def _whisper(settings: Settings, language: str, wordings: Sequence[str]) -> Recogniser:
    speech = settings.speech
    if not speech.whisper_model:
        raise EngineError("whisper: [speech] whisper_model names no model; `voicebot models list` shows which there are")
    if settings.turns.max_utterance_ms > LONGEST_S * 1000:
        raise EngineError(f"whisper: hears {LONGEST_S} s at a time; set [turns] max_utterance_ms to {LONGEST_S * 1000} at most")
    folder = model_folder(settings)
    complete(folder)
    told: dict[str, object] = {"folder": str(folder), "language": language, "terms": terms(wordings, language)}
    arguments = {**told, "window_s": speech.whisper_window_s, "device": speech.whisper_device}
    memory_mb = max(MEMORY_MB, MEMORY_SHARE * (folder / "model.bin").stat().st_size >> 20)
    return Recogniser("voicebot.speech.asr.whisper:service", arguments, speech.recognisers, memory_mb=memory_mb)


def _english(settings: Settings, _language: str, wordings: Sequence[str]) -> Recogniser:
    return pocketsphinx.english(wordings, settings.speech.cache / "language-model", settings.speech.recognisers)


def _mandarin(settings: Settings, language: str, wordings: Sequence[str]) -> Recogniser:
    model = settings.speech.pocketsphinx[language]
    return pocketsphinx.mandarin(wordings, model, settings.speech.cache / "language-model", settings.speech.recognisers)


POCKETSPHINX: Mapping[str, Rung] = {"en": _english}
"""By language; a language that is not here has no embedded recogniser."""
WITH_FOLDER: Mapping[str, Rung] = {"zh": _mandarin}
"""The same, for whom [speech.pocketsphinx] names a model folder."""


def rungs(settings: Settings, language: str) -> tuple[Rung, ...]:
    """What may recognise `language`, to be tried in this order; empty: callers use the keys of their phone."""
    given = WITH_FOLDER.get(language) if language in settings.speech.pocketsphinx else None
    chosen, embedded = settings.speech.recogniser, given or POCKETSPHINX.get(language)
    best = (_whisper,) if chosen == "whisper" or (chosen == "auto" and settings.speech.whisper_model) else ()
    return best if chosen == "whisper" or embedded is None else (*best, embedded)


def model_folder(settings: Settings) -> Path:
    """Where [speech] whisper_model lies."""
    return path_of(settings.speech.whisper_model, settings.models.folder)
