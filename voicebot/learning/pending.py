"""All that waits for a reviewer: agents' proposals, questions nobody could answer, entries that fail. Read together, closed one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from voicebot.dialogue.importing import id_of
from voicebot.dialogue.knowledge import Knowledge
from voicebot.learning.asked import Asked
from voicebot.learning.candidates import Failing, Group, failing, grouped, unanswered
from voicebot.learning.draft import Draft, draft_of
from voicebot.learning.effect import Learn, finder
from voicebot.store import after, versions
from voicebot.store.after import Proposal
from voicebot.store.desk import DeskStore
from voicebot.store.privacy import Deed, audit
from voicebot.store.versions import Version

SHOWN_GROUPS = 30
Candidate = Proposal | Group | Failing
LearnFor = Callable[[str], Learn]
"""Gives, for a language, what makes its matcher."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The candidates of each kind, what matters most first, and what callers asked of late."""

    proposals: tuple[Proposal, ...]
    groups: tuple[Group, ...]
    failing: tuple[Failing, ...]

    def by_source(self) -> Mapping[str, Candidate]:
        """Each by the name that a version or a decline keeps of it."""
        everything: tuple[Candidate, ...] = (*self.proposals, *self.groups, *self.failing)
        return {source_of(each): each for each in everything}


@dataclass(frozen=True, slots=True)
class Noted:
    """What reviewers have done so far, and what agents propose now."""

    proposals: tuple[Proposal, ...]
    declined: Mapping[str, datetime]
    versions: tuple[Version, ...]


async def noted(store: DeskStore) -> Noted:
    """Read it. Raises StoreError."""
    return Noted(tuple(await after.proposals(store)), await versions.declined(store), tuple(await versions.versions(store, 1_000)))


def pending(found: Noted, asked: list[Asked], knowledge: Knowledge, learn: LearnFor) -> Pending:
    """What waits. Learns each language that callers asked in: seconds of one core."""
    languages = sorted({one.language for one in asked if one.missed})
    groups = [each for language in languages for each in _groups(found, asked, knowledge, language, learn)]
    wrong = [proposal for proposal in found.proposals if proposal.kind == "wrong"]
    since = {**found.declined, **{f"failing {one.place.removesuffix('.md')}": one.at_utc for one in reversed(found.versions)}}
    groups.sort(key=lambda group: -len(group.asked))
    return Pending(found.proposals, tuple(groups[:SHOWN_GROUPS]), tuple(failing(asked, wrong, knowledge, since)))


def source_of(candidate: Candidate) -> str:
    """A name without any caller's words."""
    return f"proposal {candidate.proposal_id}" if isinstance(candidate, Proposal) else candidate.key


def begun(candidate: Candidate, knowledge: Knowledge) -> Draft:
    """Where the reviewer begins: what an agent worded, or the entry as it is. Of what callers said nothing is in it."""
    entry = None if isinstance(candidate, Group) else knowledge.entry(candidate.entry_id, candidate.language)
    if isinstance(candidate, Proposal):
        return _proposed(candidate, draft_of(entry) if entry else None)
    return draft_of(entry) if entry else Draft("", candidate.language, "", (), "", "")


def author_of(candidate: Candidate, reviewer: str) -> str:
    """Who proposed it: an agent, or else the reviewer words it alone."""
    return candidate.staff if isinstance(candidate, Proposal) else reviewer


async def close(store: DeskStore, candidate: Candidate, *, approved: bool, by: str, at_utc: datetime) -> None:
    """Take a candidate off the list: it was learnt, or it is not to be. Raises StoreError."""
    source = source_of(candidate)
    if isinstance(candidate, Proposal):
        await after.review(store, candidate.proposal_id, "approved" if approved else "declined", by, at_utc)
    elif not approved:
        await versions.decline(store, source, by, at_utc)
    if not approved:
        await audit(store, Deed(at_utc, by, "kb decline", source))


def sentences(asked: Iterable[Asked], language: str) -> tuple[str, ...]:
    """What callers said in one language, each once."""
    return tuple(dict.fromkeys(one.text for one in asked if one.language == language))


def _proposed(proposal: Proposal, present: Draft | None) -> Draft:
    question, answer = " ".join(proposal.question.split()), " ".join(proposal.answer.split())
    if present is None:
        return Draft(id_of(question), proposal.language, question, (question,), answer, answer)
    return replace(present, questions=tuple(dict.fromkeys((*present.questions, question))), answer=answer, short=answer)


def _groups(found: Noted, asked: list[Asked], knowledge: Knowledge, language: str, learn: LearnFor) -> list[Group]:
    entries = knowledge.language(language)
    missed = unanswered(asked, language, finder(knowledge, language, learn(language)), found.declined)
    return grouped(missed, language, [question for entry in entries for question in entry.questions])
