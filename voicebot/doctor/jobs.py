"""The jobs of a call, each with the rung it would stand on if a call came now. Reads files and settings; loads no engine."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

from voicebot.doctor import Check, Finding, Standing
from voicebot.emotion.voice import FITTED, Voice
from voicebot.errors import EngineError
from voicebot.settings import Settings
from voicebot.speech.asr.engines import POCKETSPHINX, WITH_FOLDER, model_folder
from voicebot.speech.asr.whisper_files import complete
from voicebot.speech.silero import model_file
from voicebot.speech.tts import embedded, models
from voicebot.speech.tts.piper import fingerprint, found
from voicebot.weights import path_of

PULL_WHISPER = "voicebot models pull small, then [speech] whisper_model"
PULL_VOICE = "voicebot models pull small, then [speech.voices] en"
PULL_LLM = 'voicebot models pull small, then [llm] engine = "llama" and model'
WORDS_ONLY = "callers are led by the keys of their phone"


def recognition(settings: Settings) -> Iterator[Finding]:
    """One finding for each language a hotline listens in."""
    for language in _languages(settings):
        job = f"recognition ({language})"
        if all(hotline.menu for hotline in settings.hotlines.values() if hotline.language == language):
            yield Finding(job, Standing.LOWER, "keys of the phone, as [hotlines] says", "nobody is listened to", "[hotlines] menu = false")
        else:
            yield _recognition(settings, job, language)


def _recognition(settings: Settings, job: str, language: str) -> Finding:
    speech, fault = settings.speech, ""
    if speech.recogniser == "whisper" or (speech.recogniser == "auto" and speech.whisper_model):
        try:
            complete(model_folder(settings))
        except EngineError as error:
            fault = str(error)
        else:
            return Finding(job, Standing.BEST, f"Whisper {model_folder(settings).name}, window {speech.whisper_window_s:g} s")
    if speech.recogniser == "whisper":
        return Finding(job, Standing.BROKEN, fault, WORDS_ONLY)
    if language in POCKETSPHINX or (language in WITH_FOLDER and language in speech.pocketsphinx):
        return Finding(job, Standing.LOWER, "PocketSphinx", "knows the knowledge base's wordings and little else", fault or PULL_WHISPER)
    return Finding(job, Standing.LOWER, "keys of the phone", "nobody is listened to", fault or PULL_WHISPER)


def voice(settings: Settings) -> Iterator[Finding]:
    """One finding for each language a hotline speaks."""
    for language in _languages(settings):
        yield _voice(settings, f"voice ({language})", language)


def _voice(settings: Settings, job: str, language: str) -> Finding:
    model, climb = models(settings).get(language), PULL_VOICE if language == "en" else f"a Piper voice of your own in [speech.voices] {language}"
    if model is not None:
        try:
            fingerprint(model)
            return Finding(job, Standing.BEST, f"Piper {model.stem}, run as {found()}")
        except EngineError as error:
            climb = str(error)
    name = embedded(language).name.split()[0]
    return Finding(job, Standing.LOWER, name, "understood, but plainly a machine", climb)


def language_model(settings: Settings) -> Iterator[Finding]:
    """None is needed: approved answers are spoken as they stand."""
    llm, job = settings.llm, "language model"
    if llm.engine == "none":
        yield Finding(job, Standing.LOWER, "none", "approved answers and template briefings, word for word", PULL_LLM)
    elif llm.engine == "server":
        yield Finding(job, Standing.BEST, f"{llm.model} at {llm.url}")
    elif importlib.util.find_spec("llama_cpp") is None:
        yield Finding(job, Standing.BROKEN, "llama-cpp-python is not installed", "approved answers, word for word", "pip install 'voicebot[llm]'")
    else:
        yield _local_model(job, path_of(llm.model, settings.models.folder, ".gguf"))


def _local_model(job: str, model: Path) -> Finding:
    if model.is_file():
        return Finding(job, Standing.BEST, f"llama.cpp with {model.name}")
    climb = "voicebot models pull small, then [llm] model"
    return Finding(job, Standing.BROKEN, f"{model} is missing", "approved answers, word for word", climb)


def end_of_speech(_settings: Settings) -> Iterator[Finding]:
    """Silero confirms what webrtcvad takes for voice."""
    try:
        model_file()
    except EngineError as error:
        yield Finding("end of speech", Standing.LOWER, "webrtcvad alone", "music and noise stop the bot more often", str(error))
    else:
        yield Finding("end of speech", Standing.BEST, "webrtcvad, confirmed by Silero")


def anger(_settings: Settings) -> Iterator[Finding]:
    """The voice's share needs the parameters that come with the repository."""
    Voice.load(FITTED)
    yield Finding("anger", Standing.BEST, "prosody, and the caller's words")


JOBS: Mapping[str, Check] = {
    "recognition": recognition,
    "voice": voice,
    "language model": language_model,
    "end of speech": end_of_speech,
    "anger": anger,
}


def _languages(settings: Settings) -> list[str]:
    return sorted({hotline.language for hotline in settings.hotlines.values()})
