"""A synthetic caller for operations: dials a hotline every few minutes, hears the greeting, asks what the knowledge base knows, expects the answer.

It calls as any caller does, so what it finds is what callers find. It changes nothing, and says nothing but the question.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from voicebot.dialogue.entry import Entry
from voicebot.errors import KnowledgeError, StoreError, VoicebotError
from voicebot.store import calls
from voicebot.store.events import Decided, Line
from voicebot.testbed.g711 import Codec
from voicebot.testbed.questions import Question
from voicebot.testbed.rig import Target
from voicebot.testbed.scenario import Spoken, calling, new_number
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth

LIMIT_S = 90.0
"""A probe that takes longer has failed."""
NEWEST = 500
"""Among so many of the newest calls its own is looked for."""
VOICES = {"en": "flite:rms", "zh": "espeak-ng:cmn-latn-pinyin"}
CODEC: Codec = "PCMU"


@dataclass(frozen=True, slots=True)
class Probed:
    """What the caller met: when the greeting was over and how long after the question the answer began, None for never; the entry that the journal
    says it was answered with, None when there is no journal to read; and why it failed, "" when all was well."""

    hotline: str
    wanted: str
    took_s: float
    greeted_s: float | None = None
    answer_s: float | None = None
    answered_with: str | None = None
    why: str = ""

    @property
    def failed(self) -> str:
        """What a caller would have complained of; "" for nothing."""
        if self.why or self.answered_with in (None, self.wanted):
            return self.why
        return f"asked for {self.wanted}, answered with {self.answered_with or 'nothing'}"


def chosen(entries: Sequence[Entry], entry_id: str, language: str) -> Question:
    """What is asked: the first question of an entry; left out, of the first one in the menu. Raises KnowledgeError for one that is not there."""
    known = [entry for entry in entries if entry.language == language and (entry.id == entry_id or not entry_id)]
    if not known:
        raise KnowledgeError(f"no entry {entry_id or 'at all'} in {language!r} today; name one that `voicebot kb check` finds")
    entry = min(known, key=lambda each: each.menu or 10)
    if language not in VOICES:
        raise VoicebotError(f"no voice for a caller in {language!r}; languages: {', '.join(VOICES)}")
    return Question(entry.id, entry.questions[0], VOICES[language], CODEC)


async def probe(target: Target, hotline: str, question: Question, cache: Path) -> Probed:
    """Make one call. `cache` keeps the question's audio. Raises EngineError when the caller has no voice."""
    samples = await synth(question.text, question.voice, cache)
    began_s, ani = time.monotonic(), new_number()
    greeted_s = answer_s = None
    why = ""
    try:
        async with asyncio.timeout(LIMIT_S), calling(target, CODEC, hotline, ani) as caller:
            greeted_s = time.monotonic() - began_s
            exchange = await caller.ask(Spoken(question, samples))
            onset_s = exchange.heard.onset_s(exchange.last_voiced_s)
            answer_s = None if onset_s is None else onset_s - exchange.last_voiced_s
            why = "" if answer_s is not None else "the bot did not answer the question"
    except (PhoneError, TimeoutError) as error:
        why = str(error) or "the call was not answered in time"
    except OSError as error:
        why = f"{target.address[0]}:{target.address[1]} cannot be called: {error.strerror}"
    found = await answered_with(target.settings.store.url, ani) if answer_s is not None else None
    return Probed(hotline, question.entry_id, time.monotonic() - began_s, greeted_s, answer_s, found, why)


async def answered_with(url: str, ani: str) -> str | None:
    """The entry that the journal says the call from `ani` was answered with, "" for none; None when there is no journal or no such call in it."""
    try:
        summary = next((each for each in await calls.recent(url, NEWEST) if each.ani == ani), None)
        return _entry((await calls.show(url, summary.call_id)).lines) if summary else None
    except StoreError:
        return None


def figures(probed: Probed, at_s: float) -> CollectorRegistry:
    """What Prometheus' node exporter is to read from a file (https://github.com/prometheus/node_exporter#textfile-collector)."""
    registry = CollectorRegistry()
    told = (
        ("success", "1 when the caller was greeted and answered rightly", float(not probed.failed)),
        ("timestamp_seconds", "When it ended", at_s),
        ("duration_seconds", "How long it took", probed.took_s),
        ("greeting_seconds", "From dialling to the end of the greeting", probed.greeted_s),
        ("answer_seconds", "From the end of the question to the answer", probed.answer_s),
    )
    for name, help_text, value in told:
        if value is not None:
            Gauge(f"voicebot_probe_{name}", help_text, ["hotline"], registry=registry).labels(probed.hotline).set(value)
    return registry


def write(path: Path, registry: CollectorRegistry) -> None:
    """The file in one step. Raises VoicebotError when it cannot be written."""
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise VoicebotError(f"{path}: cannot be written: {error.strerror}") from None


def _entry(lines: Sequence[Line]) -> str:
    decided = [line.event for line in lines if isinstance(line.event, Decided)]
    return next((event.entry_id for event in reversed(decided) if event.entry_id), "")
