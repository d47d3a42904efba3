from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from voicebot.errors import AriError, VoicebotError
from voicebot.speech import serving
from voicebot.telephony import ari
from voicebot.testbed.fuzz import PARSERS, Parser, Take
from voicebot.testbed.mutate import json_mutated

NAMES = sorted(PARSERS)
INPUTS = 300


@st.composite
def spoilt(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A valid input with a few places cut out, doubled or overwritten."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 12))
        data = data[:at] + draw(st.binary(max_size=8)) + data[at + length :]
    return data


def inputs(parser: Parser) -> st.SearchStrategy[bytes]:
    kinds = [st.binary(max_size=200), spoilt(parser.seeds), st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass"))]
    if parser.json:
        kinds.append(st.tuples(st.sampled_from(parser.seeds), st.integers(0, 2**32)).map(lambda chosen: json_mutated(*chosen) or b""))
    return st.one_of(kinds)


@pytest.fixture(params=NAMES)
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[Parser, Take]]:
    parser = PARSERS[request.param]
    with parser.opened() as take:
        yield parser, take


def test_each_seed_is_parsed(opened: tuple[Parser, Take]) -> None:
    parser, take = opened
    assert [parser.taken(take, seed) for seed in parser.seeds] == [True] * len(parser.seeds)


def test_anything_is_parsed_or_refused_by_name(opened: tuple[Parser, Take]) -> None:
    parser, take = opened

    @settings(max_examples=INPUTS, suppress_health_check=list(HealthCheck))
    @example(b"")
    @example(b"\xff\xfe\x00")
    @example(b"[" * 5_000)
    @given(inputs(parser))
    def holds(data: bytes) -> None:
        parser.taken(take, data)

    holds()


@pytest.mark.parametrize("name", ["ari", "media", "kb", "settings"])
def test_what_no_parser_can_take_is_refused(name: str) -> None:
    with PARSERS[name].opened() as take:
        assert not PARSERS[name].taken(take, b"\x00\xff{{{")


def test_an_undocumented_error_comes_out() -> None:
    def broken(_: bytes) -> None:
        raise KeyError("id")

    parser = Parser(PARSERS["ari"].opened, (AriError,), ())
    with pytest.raises(KeyError):
        parser.taken(broken, b"")


def test_a_message_meets_a_request_that_waits_and_then_is_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[str] = []

    async def listed(control: ari.Ari) -> None:
        bodies.append(await control.request("GET", "channels"))

    monkeypatch.setattr(ari.Ari, "channels", listed)
    for data in (b"[1]", b"\xff", b'{"type":"RESTResponse","request_id":"1","status_code":200,"message_body":"first"}'):
        with PARSERS["ari"].opened() as take:
            PARSERS["ari"].taken(take, data)
    assert bodies == ["[1]", "\ufffd", "first"]


def test_an_answer_that_breaks_the_request_otherwise_than_documented_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(_body: str, _kind: object) -> None:
        raise KeyError("id")

    monkeypatch.setattr(ari, "_parsed", parsed)
    with PARSERS["ari"].opened() as take, pytest.raises(KeyError):
        PARSERS["ari"].taken(take, PARSERS["ari"].seeds[1])


def test_a_refusal_without_a_reason_is_a_fault() -> None:
    def silent(_: bytes) -> None:
        raise VoicebotError(" ")

    with pytest.raises(AssertionError, match="without a reason"):
        Parser(PARSERS["ari"].opened, (VoicebotError,), ()).taken(silent, b"")


def test_a_stream_that_depends_on_how_it_is_cut_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_at_once(buffer: bytearray) -> list[bytes]:
        taken = [bytes(buffer)] if len(buffer) > 6 else []
        del buffer[: len(buffer) if taken else 0]
        return taken

    monkeypatch.setattr(serving, "take_frames", all_at_once)
    with PARSERS["worker"].opened() as take, pytest.raises(AssertionError, match="other frames"):
        take(PARSERS["worker"].seeds[0])
