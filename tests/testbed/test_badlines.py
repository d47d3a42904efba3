"""Each line by name is what its name says, and a call is put on it whole."""

from __future__ import annotations

import asyncio

import pytest

from voicebot.testbed.badlines import BAD_LINES, BadLine
from voicebot.testbed.impair import Impairment
from voicebot.testbed.rtp import Stream
from voicebot.testbed.talk import Talk


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_call_is_put_on_any_line_and_taken_off_it_again(name: str) -> None:
    async def main() -> None:
        stream = Stream("127.0.0.1")
        try:
            call, line = Talk(stream), BAD_LINES[name]
            line.befall(call)
            assert (stream.line.impairment if stream.line else None) == line.line
            assert (stream.silence, stream.ptime_ms) == (line.silence, line.ptime_ms)
            BAD_LINES["good"].befall(call)
            assert (stream.line, stream.silence, stream.ptime_ms) == (None, "send", 20)
        finally:
            stream.close()

    asyncio.run(main())


def test_the_bad_lines_are_all_different_and_only_the_good_one_is_good() -> None:
    assert BAD_LINES["good"] == BadLine()
    assert len(set(BAD_LINES.values())) == len(BAD_LINES)
    assert BAD_LINES["loss-jitter"].line == Impairment(loss=0.05, jitter_ms=40)
