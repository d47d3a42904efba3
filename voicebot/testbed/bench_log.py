"""`scripts/bench log`: how soon a full call log answers: searches, the page of one call, the wall and the figures, of generated calls, through a real
desk by HTTP. The calls are written first, which takes longer than all else.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
import typer

from voicebot.dialogue.knowledge import load
from voicebot.errors import VoicebotError
from voicebot.settings import Settings
from voicebot.store.desk import DeskStore
from voicebot.store.search import Query, search
from voicebot.store.staff import Role
from voicebot.testbed import desks
from voicebot.testbed.bench_figures import Figure, Result, spread
from voicebot.testbed.fill import fill
from voicebot.testbed.generated import generated

SEARCH_BAR_MS, CALL_BAR_MS, WALL_BAR_MS = 300, 500, 1_000
PAGES = 20
"""How often each page is asked for."""
EVERY = 10_000
PASSWORD = "a password for the bench"  # noqa: S105 - of a desk that lives for a minute
WORDS = ("bill", "why is my bill", "roaming cost", "dog shop", "joke", "话费", "优惠", "学生有没有优惠", "signal house", "nobody ever says this")


def command(show: Callable[[str, Callable[[], Coroutine[Any, Any, Result]], bool], None], progress: Callable[[str], None]) -> Callable[..., None]:
    """The command line of `log`, for `scripts/bench`."""

    def call_log(
        *,
        number: Annotated[int, typer.Option("--calls", min=100, help="How many calls the log holds.")] = 20_000,
        trials: Annotated[int, typer.Option(min=10, help="How many searches.")] = 200,
        url: Annotated[str, typer.Option(help="An empty database of your own, say postgresql+asyncpg://…; an SQLite file when left out.")] = "",
        seed: Annotated[int, typer.Option(help="Which calls and which searches.")] = 1,
        as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output, with every trial.")] = False,
    ) -> None:
        """A full call log: searches, one call's page, the wall, the figures."""
        show(f"log of {number:,} calls", lambda: log(number, trials, url, seed, progress), as_json)

    return call_log


async def log(number: int, trials: int, url: str, seed: int, progress: Callable[[str], None]) -> Result:
    """Fill a database, search it, and open its pages. Raises VoicebotError."""
    with tempfile.TemporaryDirectory(prefix="voicebot-log-") as folder:
        where = url or f"sqlite+aiosqlite:///{folder}/journal.db"
        filling_s, newest, took = await _searched(where, number, trials, seed, progress)
        pages = await _opened(Path(folder), where, newest, progress)
    figures = (
        Figure("filled", filling_s, "s"),
        *spread("search", [each_ms for _, each_ms in took], {"p95": SEARCH_BAR_MS}),
        *(figure for name, bar in _BARS.items() for figure in spread(name, pages[name], {"p95": bar})),
    )
    return Result(figures, tuple({"search": name, "took_ms": each_ms} for name, each_ms in took))


_BARS = {"call page": CALL_BAR_MS, "call log page": CALL_BAR_MS, "wall": WALL_BAR_MS}


def queries(drawn: random.Random, until_utc: datetime, days: int) -> Iterator[Query]:
    """Searches as people make them: words, numbers, ends and times, alone and together, for ever."""
    while True:
        since = until_utc - timedelta(days=drawn.randrange(1, days + 1))
        yield drawn.choice(
            (
                Query(words=drawn.choice(WORDS)),
                Query(words=drawn.choice(WORDS), since_utc=since, until_utc=since + timedelta(days=1)),
                Query(words=drawn.choice(WORDS), outcome=drawn.choice(("handed_over", "failed", "contained"))),
                Query(number=f"+441632960{drawn.randrange(100_000):05d}"),
                Query(agent=drawn.choice(("6001", "6002", "6999")), anger=drawn.choice((None, 0.35, 0.6))),
                Query(reason=drawn.choice(("is upset", "asked for a person")), since_utc=since),
                Query(topic=drawn.choice(("bill-higher", "puk", "refund")), outcome="abandoned"),
                Query(since_utc=since, until_utc=since + timedelta(hours=1), outcome="lost"),
            )
        )


async def _searched(url: str, number: int, trials: int, seed: int, progress: Callable[[str], None]) -> tuple[float, str, Sequence[tuple[str, float]]]:
    """How long filling took in seconds, the id of a call, what each search looked for and how long it took in ms."""
    loop, until, drawn = asyncio.get_running_loop(), datetime.now(UTC), random.Random(seed)
    entries = load(Settings().kb.folder).entries
    async with DeskStore.open(url) as store:
        if await search(store, Query(), limit=1):
            raise VoicebotError("--url: this database holds calls already; name an empty one")
        begun_s = loop.time()
        await fill(store, generated(number, seed, until, entries), lambda done: progress(f"{done:,} calls") if done % EVERY == 0 else None)
        filled_s = loop.time() - begun_s
        newest = (await search(store, Query(outcome="handed_over"), limit=1))[0].call_id
        took: list[tuple[str, float]] = []
        for query, _ in zip(queries(drawn, until, max(1, number // 2_000)), range(trials), strict=False):
            begun_s = loop.time()
            await search(store, query)
            took.append((str(query), (loop.time() - begun_s) * 1_000))
    return filled_s, newest, took


async def _opened(folder: Path, url: str, call_id: str, progress: Callable[[str], None]) -> dict[str, list[float]]:
    """How long each page took to come, in ms."""
    file = folder / "voicebot.toml"
    file.write_text(
        f'secrets = "{folder}/secrets"\nstore.url = "{url}"\nserve.port = 1\ndesk.port = 0\nkb.folder = "{Settings().kb.folder.resolve()}"\n'
    )
    await desks.hire(url, PASSWORD, {"bench": Role.SUPERVISOR})
    progress("opening pages")
    async with desks.desk(file) as base, httpx.AsyncClient(base_url=base, timeout=60, trust_env=False) as http:
        await http.post("/sign-in", data={"name": "bench", "password": PASSWORD}, headers={"Origin": base})
        paths = {
            "call page": f"/calls/{call_id}",
            "call log page": f"/calls?{urlencode({'words': WORDS[0]})}",
            "wall": "/wall",
        }
        return {name: [await _page(http, path) for _ in range(PAGES + 1)][1:] for name, path in paths.items()}


async def _page(http: httpx.AsyncClient, path: str) -> float:
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    answer = await http.get(path)
    if not answer.is_success:
        raise VoicebotError(f"{path} answers {answer.status_code}")
    return (loop.time() - begun_s) * 1_000
