"""`voicebot replay DIR`: a folder of recordings and transcripts in, a table and a page out."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from voicebot.dialogue.knowledge import load
from voicebot.errors import EvaluationError
from voicebot.languages import reading, tongue
from voicebot.renewal import today
from voicebot.replay.recordings import heard
from voicebot.replay.rehearsal import Replayed, replayed
from voicebot.replay.transcripts import READERS, Told, read
from voicebot.settings import Settings

RECORDINGS = (".wav",)


async def replay(folder: Path, language: str, settings: Settings) -> tuple[str, list[Replayed]]:
    """The version of the knowledge base, and every call in `folder` by name. Raises EvaluationError when there is none."""
    files = calls_in(folder)
    knowledge = load(settings.kb.folder).on(today())
    recordings = [path for path in files if path.suffix.lower() in RECORDINGS]
    async with AsyncExitStack() as stack:
        if not recordings:
            tongue_now, spoken = reading(settings, knowledge, language), list[Told]()
        else:
            tongue_now = await tongue(stack, settings, knowledge, language, None)
            recogniser = tongue_now.hearing.recogniser
            if recogniser is None:
                raise EvaluationError(f"{recordings[0]}: nothing here can recognise {language!r}; see `voicebot doctor`, or replay transcripts")
            spoken = [await heard(path, recogniser, settings.turns) for path in recordings]
    written = [call for path in files if path not in recordings for call in read(path)]
    return knowledge.version, [replayed(call, tongue_now) for call in (*spoken, *written)]


def calls_in(folder: Path) -> list[Path]:
    """Every file in `folder` and below that can hold calls. Raises EvaluationError when there is none."""
    files = sorted(path for path in folder.glob("**/*") if path.suffix.lower() in (*RECORDINGS, *READERS) and path.is_file())
    if not files:
        raise EvaluationError(f"{folder}: holds no calls; put recordings ({', '.join(RECORDINGS)}) or transcripts ({', '.join(READERS)}) there")
    return files
