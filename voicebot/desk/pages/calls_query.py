"""The call log's search as it stands in an address: text in, a query out, and back. Pure. Moments in it are those of where the desk runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from voicebot.errors import VoicebotError
from voicebot.handover.written import ANGRY, TENSE
from voicebot.store.search import Query

TEXTS = ("number", "outcome", "reason", "agent", "language", "topic", "led", "unanswered", "words")
"""Fields of a query that are what was typed."""
LEVELS: Mapping[str, float] = {"tense": TENSE, "angry": ANGRY}
LONGEST = 200
_MOMENT = "%Y-%m-%dT%H:%M"


class QueryError(VoicebotError):
    """A search that cannot be read."""


def query(asked: Mapping[str, str]) -> Query:
    """What an address asks for; names it does not know are passed over. Raises QueryError for a moment or a place that is none."""
    before = asked.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) <= 18):
        raise QueryError(f"before={before[:40]!r} is no place in the call log; start from its first page")
    return Query(
        since_utc=_moment(asked, "since"),
        until_utc=_moment(asked, "until"),
        anger=LEVELS.get(asked.get("anger", "")),
        before=int(before) if before else None,
        **{name: asked.get(name, "").strip()[:LONGEST] for name in TEXTS},
    )


def written(moment: datetime) -> str:
    """A moment as an address and a date field have it."""
    return moment.astimezone().strftime(_MOMENT)


def _moment(asked: Mapping[str, str], name: str) -> datetime | None:
    text = asked.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.strptime(text[:16], _MOMENT).astimezone(UTC)
    except (ValueError, OverflowError):
        raise QueryError(f"{name}={text[:40]!r} is no moment; write it as 2026-03-14T09:30") from None
