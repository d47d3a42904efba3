"""A better briefing than the template's, written by a language model while the caller waits, and put in its place if it is true and in time.

It never delays the queue. What the agent hears is made of approved words alone; of what the caller said only the screen may show a sentence, and
that one is made of his own words. Whatever goes wrong, the template stands.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog

from voicebot.dialogue.decisions import Why
from voicebot.dialogue.grounding import OPENING, Refused, Source, fenced, unfit, ungrounded
from voicebot.dialogue.knowledge import Knowledge
from voicebot.errors import EngineError, StoreError
from voicebot.handover.briefing import plain
from voicebot.handover.spool import Spool
from voicebot.handover.story import Story, told
from voicebot.handover.written import table
from voicebot.llm import Ask, LanguageModel, Message, whole
from voicebot.speech.phrases import Phrases
from voicebot.store.events import BriefingImproved
from voicebot.store.journal import Journal
from voicebot.store.record import CallJournal

LONGEST_SPOKEN: Final = {"en": 15, "zh": 10}
"""Words, about five seconds; a Chinese character counts as half a word."""
LONGEST_NEED: Final = 30
LAST_WORDS: Final = 6
"""So many of the caller's utterances are told to the model."""
_BESIDE = {
    "en": frozenset(["caller", "ask", "wants", "say", "said", "report", "about", "topic"]),
    "zh": frozenset(["来电", "来电者", "者", "客户", "要求", "询问", "反映"]),
}
log = structlog.get_logger()
_TASK = (
    "Write a briefing for the person who takes this call over. spoken: at most {spoken} words about why the caller is passed on and what the topics "
    "were, from sources marked approved only. need: one sentence with what the caller needs, in the caller's own words. Both in {language}."
)
_LANGUAGES = {"en": "English", "zh": "Mandarin Chinese, simplified characters"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller on the way to a person. `titles`: of what was answered; `reason` as the agent is told it; `said`: the caller's utterances in order."""

    language: str
    reason: str
    titles: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Better:
    """`spoken` for the agent's ear, about five seconds; `need` for his screen, marked there as made by a machine."""

    spoken: str
    need: str


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    spoken: str
    need: str


def prompt(waiting: Waiting) -> tuple[Message, Message]:
    """The messages to a model. The caller's number and account stand nowhere in them."""
    language = _LANGUAGES.get(waiting.language, waiting.language)
    data = {
        "task": _TASK.format(spoken=LONGEST_SPOKEN.get(waiting.language, LONGEST_SPOKEN["en"]), language=language),
        "reply": '{"spoken": …, "need": …}',
        "sources": [{"id": source.id, "approved": True, "text": source.texts[0]} for source in _approved(waiting)],
        "caller_said": list(_own_words(waiting)),
    }
    return Message("system", OPENING), Message("user", json.dumps(data, ensure_ascii=False))


def form() -> dict[str, Any]:
    """The JSON schema of the answer."""
    text = {"type": "string", "minLength": 1, "maxLength": 300}
    return {"type": "object", "properties": {"spoken": text, "need": text}, "required": ["spoken", "need"], "additionalProperties": False}


def check(raw: str, waiting: Waiting) -> Better | Refused:
    """What of a model's answer an agent may hear and see: both sentences or none."""
    try:
        answer = msgspec.json.decode(raw[raw.find("{") : raw.rfind("}") + 1].encode(), type=_Answer)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return Refused("is not the JSON that was asked for")
    language, beside = waiting.language, _BESIDE.get(waiting.language, frozenset())
    approved = (Source("approved", (", ".join(source.texts[0] for source in _approved(waiting)),)),)
    said = Source("said", (". ".join(_own_words(waiting)),))
    spoken, need = (" ".join(text.split()) for text in (answer.spoken, answer.need))
    why = unfit(spoken, language, LONGEST_SPOKEN.get(language, 0)) or ungrounded(spoken, approved, language, beside)
    why = why or unfit(need, language, LONGEST_NEED) or ungrounded(need, (*approved, said), language, beside)
    return Refused(why) if why else Better(plain(spoken), plain(need))


async def better(model: LanguageModel, waiting: Waiting, deadline_s: float) -> Better | Refused:
    """A better briefing, or why there is none. Cancelling it frees the model."""
    if waiting.language not in LONGEST_SPOKEN:
        return Refused(f"there are no briefings in {waiting.language!r}")
    try:
        raw = await whole(model, Ask(prompt(waiting), deadline_s, form()))
    except EngineError as error:
        return Refused(str(error))
    return await asyncio.to_thread(check, raw, waiting)


@dataclass(frozen=True)
class Improver:
    """What improves the briefings of one process."""

    model: LanguageModel | None
    journal: Journal
    phrases: Phrases
    spool: Spool
    knowledge: Knowledge
    deadline_s: float

    async def improve(self, record: CallJournal) -> None:
        """Put a better briefing in the place of the template's, unless the call is over by then. Its record tells, with the reason when there is
        none. Never raises."""
        began_s = asyncio.get_running_loop().time()
        try:
            await record.ours()
            lines = await self.journal.lines(record.call_id)
        except StoreError as error:
            log.warning("briefing is not improved", call_id=record.call_id, why=str(error))
            return
        story = told(lines)
        if not story or not self.model or not _open(record):
            return
        made = await self._put(await better(self.model, waiting(story, self.knowledge), self.deadline_s), story, record)
        took_ms = round((asyncio.get_running_loop().time() - began_s) * 1000)
        if _open(record):
            texts = (made.spoken, made.need, "") if isinstance(made, Better) else ("", "", made.why)
            record.append(lines[-1].t_ms + took_ms, BriefingImproved(self.model.name, took_ms, *texts))

    async def _put(self, made: Better | Refused, story: Story, record: CallJournal) -> Better | Refused:
        if isinstance(made, Refused):
            return made
        try:
            pcm = await self.phrases.once(made.spoken, story.language)
            if _open(record):
                await self.spool.write(story.call_id, pcm)
        except (EngineError, OSError) as error:
            return Refused(plain(str(error)))
        return made


def improving(improver: Improver, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> Callable[[CallJournal], None]:
    """What a call tells of its caller who waits; without a model, or without time for one, nothing comes of it."""
    return lambda record: spawn(improver.improve(record)) if improver.model and improver.deadline_s else None


def waiting(story: Story, knowledge: Knowledge) -> Waiting:
    """What a call's story tells the model."""
    entries = (knowledge.entry(entry_id, story.language) for entry_id in story.answered)
    reasons = table(story.language)["reasons"]
    reason = next((reasons[why.name] for why in Why if why.value == story.reason and why.name in reasons), reasons["other"])
    said = tuple(each.text for each in story.said if each.who == "caller")
    return Waiting(story.language, reason, tuple(entry.title for entry in entries if entry), said)


def _open(record: CallJournal) -> bool:
    return not record.sealed and not record.taken.is_set()


def _approved(waiting: Waiting) -> tuple[Source, ...]:
    topics = (Source(f"topic-{number}", (title,)) for number, title in enumerate(dict.fromkeys(waiting.titles), 1))
    return (Source("reason", (waiting.reason,)), *topics)


def _own_words(waiting: Waiting) -> tuple[str, ...]:
    """Masked twice over: numbers as they are written, and as they are spoken."""
    return tuple(filter(None, (fenced(plain(words)) for words in waiting.said[-LAST_WORDS:])))
