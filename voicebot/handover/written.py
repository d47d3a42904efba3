"""The written briefing: what an agent reads in five seconds before saying hello, made from a call's story by filling in a table of sentences.

Pure but for reading its own table once. Every text is plain and masked; whoever shows it must still show it as text, never as markup.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voicebot.dialogue.decisions import Why
from voicebot.dialogue.knowledge import Entry, Knowledge
from voicebot.handover.evidence import short
from voicebot.handover.story import Felt, Story

Level = Literal["unknown", "calm", "tense", "angry"]
TENSE, ANGRY = 0.35, 0.6
"""Anger from which a caller counts as tense, and as angry."""
WORDS_FROM = 4
"""The need stands in one of so many last utterances: the very last is often only "an agent please"."""
LONGEST_WORDS = 160
MOST_TRIED = 4
MOST_REASONS = 2
_DANGER = frozenset({Why.EMERGENCY, Why.SELF_HARM})
_WORDS = Path(__file__).parent / "words"


@dataclass(frozen=True, slots=True)
class Written:
    """The screen form. `need` is one sentence, `ask` what is still to be found out; `opening` and `suggest` are in the caller's language."""

    headline: str
    urgent: bool
    level: Level
    need: str
    machine: bool
    """Whether a language model worded the need."""
    facts: tuple[tuple[str, str], ...]
    tried: tuple[str, ...]
    opening: str
    ask: tuple[str, ...]
    next_step: str
    suggest: tuple[str, ...]


def level(felt: Felt | None) -> Level:
    """In one word; unknown when nothing was scored."""
    if felt is None:
        return "unknown"
    return "angry" if felt.escalate or felt.score >= ANGRY else "tense" if felt.score >= TENSE else "calm"


def written(story: Story, knowledge: Knowledge, language: str) -> Written:
    """The briefing of `story` for an agent who reads `language`; a language without a table is briefed in English."""
    say, why = table(language), _why(story.reason)
    key = why.name if why and why.name in say["reasons"] else "other"
    topics = [entry for entry_id in story.answered if (entry := knowledge.entry(entry_id, story.language))]
    feeling = level(story.last)
    opening = _opening(table(story.language)["opening"], topics, feeling, why)
    return Written(
        headline=_headline(say, story, key, language),
        urgent=story.urgent,
        level=feeling,
        need=story.better_need or _need(say, story, topics),
        machine=bool(story.better_need),
        facts=tuple(_facts(say, story)),
        tried=tuple(_tried(say, story, knowledge))[-MOST_TRIED:] or (say["nothing_tried"],),
        opening=opening,
        ask=tuple(dict.fromkeys((*(ask for entry in topics[-1:] for ask in entry.ask), say["who"]))),
        next_step=say["next"][key],
        suggest=(opening, *(entry.calm or entry.short for entry in reversed(topics[-2:]))),
    )


@functools.cache
def table(language: str) -> dict[str, Any]:
    """The sentences of one language."""
    path = _WORDS / f"{language}.toml"
    return tomllib.loads((path if language.isalpha() and path.exists() else _WORDS / "en.toml").read_text(encoding="utf-8"))


def _why(reason: str) -> Why | None:
    return next((why for why in Why if why.value == reason), None)


def _headline(say: dict[str, Any], story: Story, key: str, language: str) -> str:
    """Why the caller comes; of an upset one, what he is known by."""
    if key != Why.UPSET.name:
        return str(say["reasons"][key])
    upset = say["upset_complains"] if story.kind == "complaint" else say["reasons"][key]
    felt = say["comma"].join(short(each, language) for each in story.evidence[:MOST_REASONS])
    return f"{upset}{say['because']}{felt}" if felt else str(upset)


def _need(say: dict[str, Any], story: Story, topics: list[Entry]) -> str:
    last = [each.text for each in story.said if each.who == "caller"][-WORDS_FROM:]
    words = max(last, key=len, default="")[:LONGEST_WORDS]
    topic = topics[-1].title if topics else ""
    form = "asked_about" if topic and words else "topic_only" if topic else "words_only" if words else "nothing"
    return str(say[form]).format(topic=topic, words=words)


def _facts(say: dict[str, Any], story: Story) -> Iterator[tuple[str, str]]:
    yield say["number"], story.ani or say["withheld"]
    yield say["hotline"], story.dnis
    yield say["spoken"], say["languages"].get(story.language, story.language)
    if story.queue:
        yield say["queue"], story.queue
    if story.opt_outs:
        yield say["refused"], ", ".join(sorted(story.opt_outs))


def _tried(say: dict[str, Any], story: Story, knowledge: Knowledge) -> Iterator[str]:
    told = [("answered", entry_id) for entry_id in story.answered]
    offered = [("accepted" if accepted else "declined", entry_id) for entry_id, accepted in story.offers]
    for form, entry_id in (*told, *offered):
        if entry := knowledge.entry(entry_id, story.language):
            yield str(say[form]).format(topic=entry.title)
    for form, count in (("asked_back", story.unsure), ("interrupted", story.interruptions), ("keys", story.keys), ("lost", story.resumed)):
        if count:
            yield str(say[form]).format(count=count)


def _opening(say: dict[str, str], topics: list[Entry], feeling: Level, why: Why | None) -> str:
    if why in _DANGER:
        return say["danger"]
    mood = "angry" if feeling == "angry" or why is Why.UPSET else "calm"
    return say[mood].format(topic=topics[-1].title) if topics else say[f"{mood}_no_topic"]
