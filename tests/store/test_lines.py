from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.store import events
from voicebot.store.database import open_writing, writing
from voicebot.store.events import CallSealed, CallStarted, DigitPressed, Event, Line
from voicebot.store.lines import write

Query = Callable[..., list[tuple[Any, ...]]]

AT_UTC = datetime(2026, 3, 14, 9, 26, 53, 589_793, tzinfo=UTC)


def line(seq: int, event: Event, call_id: str = "c1") -> Line:
    return Line(call_id, seq, seq * 20, AT_UTC, events.tag(event), events.encode(event))


def written(url: str, *batches: Sequence[Line]) -> list[int]:
    async def run() -> list[int]:
        engine = await open_writing(url)
        refused = []
        for batch in batches:
            async with writing(engine).begin() as connection:
                refused.append((await write(connection, batch)).total())
        await engine.dispose()
        return refused

    return asyncio.run(run())


def test_lines_stand_in_the_table_as_given(url: str, query: Query, begun: CallStarted) -> None:
    assert written(url, [line(0, begun), line(1, DigitPressed("0"))]) == [0]
    assert query("SELECT call_id, seq, t_ms, at_utc, type, payload FROM events WHERE seq = 1") == [
        ("c1", 1, 20, "2026-03-14 09:26:53.589793", "digit_pressed", '{"type":"digit_pressed","key":"0"}')
    ]


def test_nothing_to_write_is_written(url: str, query: Query) -> None:
    assert written(url, []) == [0]
    assert query("SELECT count(*) FROM events") == [(0,)]


def test_the_same_lines_again_change_nothing_and_are_not_refused(url: str, query: Query, begun: CallStarted) -> None:
    batch = [line(0, begun), line(1, CallSealed("contained", "call", 20))]
    assert written(url, batch, batch, batch[1:]) == [0, 0, 0]
    assert query("SELECT count(*) FROM events") == [(2,)]
    assert query("SELECT outcome FROM calls") == [("contained",)]


def test_a_call_that_went_on_elsewhere_takes_none_of_our_lines_and_others_do(url: str, query: Query, begun: CallStarted) -> None:
    theirs = [line(0, begun), line(1, DigitPressed("1"))]
    late = [line(1, DigitPressed("2")), line(2, DigitPressed("3")), line(0, begun, "c2"), line(1, DigitPressed("4"), "c2")]
    assert written(url, theirs, late) == [0, 2]
    assert query("SELECT call_id, payload ->> 'key' FROM events WHERE seq > 0 ORDER BY call_id, seq") == [("c1", "1"), ("c2", "4")]
    assert query("SELECT call_id FROM calls ORDER BY call_id") == [("c1",), ("c2",)]


def test_a_second_seal_is_refused_by_the_database_whoever_writes_it(url: str, query: Query, begun: CallStarted) -> None:
    ours, theirs = CallSealed("contained", "call", 40), CallSealed("lost", "floor", 60)
    assert written(url, [line(0, begun), line(1, ours)], [line(2, theirs)]) == [0, 1]
    assert query("SELECT outcome, sealed_by FROM calls") == [("contained", "call")]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seqs=st.lists(st.integers(0, 8), max_size=12), cut=st.integers(0, 12))
def test_any_repetition_in_any_batches_leaves_each_line_once(
    url: str, database: Path, query: Query, begun: CallStarted, *, seqs: list[int], cut: int
) -> None:
    lines = [line(seq, DigitPressed(str(seq)) if seq else begun) for seq in seqs]
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    assert written(url, lines[:cut], lines[cut:]) == [0, 0]
    assert query("SELECT seq FROM events ORDER BY seq") == [(seq,) for seq in sorted(set(seqs))]
