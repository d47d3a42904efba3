"""What the calls of a stretch of time add up to: outcomes by hour or day, reasons, topics, what led to a person, what had no answer. Each number
opens the calls behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nicegui import ui

from voicebot.desk import draw
from voicebot.desk.desk import now_utc
from voicebot.desk.page import Here, page
from voicebot.desk.pages import insight_chart as chart
from voicebot.desk.pages.calls_query import written
from voicebot.desk.pages.figures import bar, calls_link, percent, seconds, style, tile
from voicebot.desk.wording import why
from voicebot.handover.briefing import masked
from voicebot.store.privacy import Deed, audit
from voicebot.store.search_insight import Asked, Count, Sums, by_hour, leading, reasons, sums, topics, unanswered

SPANS = {"day": 1, "week": 7, "month": 30}
LEGEND = ("contained", "handed_over", "abandoned", "failed")


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch that is looked at."""

    name: str
    since_utc: datetime
    until_utc: datetime

    def link(self, **more: object) -> str:
        """The calls of this stretch that answer to `more`."""
        return calls_link(since=written(self.since_utc), until=written(self.until_utc), **more)


def span(name: str, now: datetime) -> Span:
    """A stretch that ends now and begins at a midnight; a week for a name that is none."""
    chosen = name if name in SPANS else "week"
    today = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=SPANS[chosen] - 1)
    return Span(chosen, first.astimezone(UTC), now.replace(second=0, microsecond=0) + timedelta(minutes=1))


@page("/insight")
async def insight(here: Here) -> None:
    """The page; see the module. The frame is there at once, the numbers as soon as they are counted."""
    style()
    shown = span(here.client.request.query_params.get("span", ""), now_utc())
    with draw.box("page"):
        _spans(here, shown)
        tiles, grid = draw.box("tiles"), draw.box("insight-grid")
        counting = ui.label(here.say("insight.counting")).classes("empty").props('role="status"')

    async def counted() -> None:
        store, times, language = here.desk.store, (shown.since_utc, shown.until_utc), here.person.language
        with tiles:
            _figures(here, shown, await sums(store, *times))
        counting.delete()
        with grid:
            _outcomes(here, chart.bars(await by_hour(store, *times), *times, by_day=shown.name != "day"))
            _counts(here, "reasons", await reasons(store, *times), lambda each: shown.link(reason=each.name), lambda name: why(name, language))
            _asked(here, shown, await unanswered(store, *times))
            _counts(here, "topics", await topics(store, *times), lambda each: shown.link(topic=each.name), lambda name: _title(here, name))
            _counts(here, "leading", await leading(store, *times), lambda each: shown.link(led=each.name), lambda name: _title(here, name))
        await audit(store, Deed(now_utc(), here.person.name, "look", "unanswered questions"))

    here.act(counted)


def _spans(here: Here, shown: Span) -> None:
    with draw.box("spans"):
        for name in SPANS:
            ui.link(here.say(f"insight.{name}"), f"/insight?span={name}").classes("chosen" if name == shown.name else "")


def _figures(here: Here, shown: Span, found: Sums) -> None:
    say = here.say
    tile(say("wall.calls"), f"{found.calls:,}", say(f"insight.{shown.name}"), shown.link())
    tile(say("wall.containment"), percent(found.contained, found.calls), say("wall.of_calls", count=found.contained), shown.link(outcome="contained"))
    tile(
        say("wall.abandonment"), percent(found.abandoned, found.queued), say("wall.of_calls", count=found.abandoned), shown.link(outcome="abandoned")
    )
    tile(say("wall.wait"), seconds(found.wait_ms), say("wall.mean"))
    tile(say("wall.handling"), seconds(found.talk_ms), say("wall.without", time=seconds(found.talk_unbriefed_ms)))


def _outcomes(here: Here, bars: Sequence[chart.Bar]) -> None:
    with draw.card(here.say("insight.outcomes"), "wide"):
        ui.html(chart.stacked(bars, here.say("insight.outcomes"), {name: here.say(f"outcome.{name}") for name in chart.OUTCOMES}), sanitize=False)
        with draw.box("legend"):
            for name in LEGEND:
                ui.label(f"■ {here.say(f'outcome.{name}')}").classes(name)


def _counts(here: Here, name: str, found: Sequence[Count], link: Callable[[Count], str], title: Callable[[str], str]) -> None:
    with draw.card(here.say(f"insight.{name}"), name):
        if not found:
            ui.label(here.say("wall.none_yet")).classes("quiet")
        most = max((each.calls for each in found), default=1)
        for each in found:
            share = each.calls / each.of if name == "leading" else each.calls / most
            value = f"{percent(each.calls, each.of)} · {each.calls}" if each.of else f"{each.calls}"
            note = here.say("insight.anger", score=round(each.anger * 100)) if each.anger is not None else ""
            bar(title(each.name), value, share, link(each), note)


def _asked(here: Here, shown: Span, found: Sequence[Asked]) -> None:
    with draw.card(here.say("insight.unanswered"), "unanswered"):
        if not found:
            ui.label(here.say("wall.none_yet")).classes("quiet")
        most = max((each.calls for each in found), default=1)
        for each in found:
            bar(masked(each.example), f"{each.calls}", each.calls / most, shown.link(unanswered=each.alike))


def _title(here: Here, entry_id: str) -> str:
    knowledge = here.desk.search.knowledge
    entry = knowledge.entry(entry_id, here.person.language) or knowledge.entry(entry_id, "en")
    return entry.title if entry else entry_id
