"""Who may open what: one table of every path of the desk, and the rule for single calls. What is not in the table is refused.

Pure. A page that is added gets its line here; a test holds this table against the routes there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from voicebot.handover.story import Story
from voicebot.store.postings import Posting, sat_at
from voicebot.store.staff import Role, Staff

EVERYBODY = frozenset(Role)
SUPERVISORS = frozenset({Role.SUPERVISOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Rule:
    """`path` with `{}` for one part and a last `*` for all that follows; `roles` None: nobody has to be signed in."""

    path: str
    roles: frozenset[Role] | None
    methods: frozenset[str] = frozenset({"GET", "HEAD"})

    def covers(self, method: str, path: str) -> bool:
        """Whether this line is about that request."""
        return method in self.methods and re.fullmatch(_pattern(self.path), path) is not None


RULES = (
    Rule("/sign-in", None, frozenset({"GET", "HEAD", "POST"})),
    Rule("/static/*", None),
    Rule("/healthz", None),
    Rule("/favicon.ico", None),
    Rule("/sign-out", EVERYBODY, frozenset({"POST"})),
    Rule("/_nicegui/*", EVERYBODY),
    Rule("/_nicegui_ws/*", EVERYBODY, frozenset({"GET", "POST", "WEBSOCKET"})),
    Rule("/", EVERYBODY),
    Rule("/pop/{}", EVERYBODY),
    Rule("/phone", EVERYBODY),
    Rule("/phone/agent", EVERYBODY),
    Rule("/phone/caller", EVERYBODY),
    Rule("/phone/line", EVERYBODY, frozenset({"WEBSOCKET"})),
    Rule("/api/openapi.json", EVERYBODY),
    Rule("/api/calls", EVERYBODY),
    Rule("/api/calls/{}", EVERYBODY),
    Rule("/api/calls/{}/acts", SUPERVISORS, frozenset({"POST"})),
    Rule("/wall", SUPERVISORS),
    Rule("/calls", SUPERVISORS),
    Rule("/calls/{}", SUPERVISORS),
    Rule("/calls/{}/audio/{}", SUPERVISORS),
    Rule("/calls/{}/export/{}", SUPERVISORS),
    Rule("/insight", SUPERVISORS),
    Rule("/review", SUPERVISORS),
    Rule("/kb/history", SUPERVISORS),
)
"""Every path. `EVERYBODY` is everybody who is signed in; which calls they see is `may_see`."""


def rule(method: str, path: str, rules: Iterable[Rule] = RULES) -> Rule | None:
    """The first line about this request; None: there is no such page."""
    return next((one for one in rules if one.covers(method, path)), None)


def may_see(person: Staff, held: Iterable[Posting], story: Story) -> bool:
    """Supervisors see every call; an agent those that ring at, or were answered at, the phone they sat at then."""
    if person.role in SUPERVISORS:
        return True
    theirs = tuple(held)
    return any((hold.answered or not hold.left) and sat_at(theirs, hold.agent, hold.at_utc) for hold in story.holds)


def _pattern(path: str) -> str:
    return re.escape(path).replace(r"\{\}", "[^/]+").replace(r"\*", ".*")
