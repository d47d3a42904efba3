"""Transactions against a scripted peer on a real socket: what is sent again, when it stops, what is never answered twice."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import URI, CSeq, Message, Request, Response
from sipmessage import Address as NameAddress

from voicebot.testbed import sip
from voicebot.testbed.sip import Address, PhoneError, ServerTransaction, Wire

T1_S = 0.02


@pytest.fixture(autouse=True)
def fast_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip, "T1_S", T1_S)
    monkeypatch.setattr(sip, "T2_S", 4 * T1_S)
    monkeypatch.setattr(sip, "GIVE_UP_S", 16 * T1_S)


class Peer:
    """The other side: reads and writes raw messages."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address: Address = self._socket.getsockname()

    async def next(self, timeout_s: float = 1.0) -> Request | Response:
        async with asyncio.timeout(timeout_s):
            return Message.parse(await asyncio.get_running_loop().sock_recv(self._socket, 4_096))

    async def all(self, for_s: float) -> list[Request | Response]:
        messages: list[Request | Response] = []
        try:
            async with asyncio.timeout(for_s):
                while True:
                    messages.append(await self.next(for_s))
        except TimeoutError:
            return messages

    def send(self, data: bytes, to: Wire) -> None:
        self._socket.sendto(data, (to.host, to.port))

    def answer(self, request: Request | Response, code: int, to: Wire) -> None:
        assert isinstance(request, Request)
        response = Response(code, "Whatever")
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            response.headers.setlist(name, request.headers.getlist(name))
        if code > 100 and "tag" not in request.to_address.parameters:
            response.headers.set("To", f"{request.to_address};tag=theirs")
        self.send(bytes(response), to)

    def close(self) -> None:
        self._socket.close()


class Side:
    """A wire, a peer, and what the wire reported."""

    def __init__(self) -> None:
        self.requests: list[ServerTransaction] = []
        self.codes: list[int] = []
        self.wire, self.peer = Wire(self.requests.append), Peer()

    def request(self, method: str) -> None:
        self.wire.request(message(method), self.peer.address, lambda response: self.codes.append(response.code))


@asynccontextmanager
async def side() -> AsyncIterator[Side]:
    made = Side()
    await made.wire.open("127.0.0.1")
    try:
        yield made
    finally:
        made.wire.close()
        made.peer.close()
        await asyncio.sleep(0)


def message(method: str, *, via: str = "", number: int = 1) -> Request:
    request = Request(method, URI.parse("sip:100@127.0.0.1"))
    request.from_address = NameAddress.parse("<sip:caller@127.0.0.1>;tag=ours")
    request.to_address = NameAddress.parse("<sip:100@127.0.0.1>")
    request.call_id, request.cseq = "call-1", CSeq(number, method)
    if via:
        request.headers.set("Via", f"SIP/2.0/UDP 127.0.0.1:5060;branch={via}")
    return request


def methods(messages: list[Request | Response]) -> list[str | int]:
    return [item.method if isinstance(item, Request) else item.code for item in messages]


@pytest.mark.parametrize("method", ["INVITE", "BYE", "REGISTER"])
def test_an_unanswered_request_is_repeated_and_ends_in_a_408_of_our_own(method: str) -> None:
    async def main() -> None:
        async with side() as it:
            it.request(method)
            sent = await it.peer.all(0.4)
            assert methods(sent) == [method] * len(sent)
            assert len(sent) in ({4, 5} if method == "INVITE" else {5, 6, 7})
            assert len({bytes(item) for item in sent}) == 1
            assert it.codes == [408]

    asyncio.run(main())


def test_a_provisional_answer_stops_the_repeats_of_an_invite_and_no_408_follows() -> None:
    async def main() -> None:
        async with side() as it:
            it.request("INVITE")
            it.peer.answer(await it.peer.next(), 180, it.wire)
            assert await it.peer.all(0.45) == []
            assert it.codes == [180]

    asyncio.run(main())


def test_a_provisional_answer_does_not_stop_the_repeats_of_other_requests() -> None:
    async def main() -> None:
        async with side() as it:
            it.request("BYE")
            it.peer.answer(await it.peer.next(), 100, it.wire)
            assert "BYE" in methods(await it.peer.all(0.1))

    asyncio.run(main())


def test_a_refusal_is_acknowledged_each_time_and_reported_once() -> None:
    """RFC 3261 section 17.1.1.3."""

    async def main() -> None:
        async with side() as it:
            it.request("INVITE")
            invite = await it.peer.next()
            for _ in range(3):
                it.peer.answer(invite, 486, it.wire)
            acks = await it.peer.all(0.1)
            assert methods(acks) == ["ACK"] * 3
            assert it.codes == [486]
            ack = acks[0]
            assert ack.via == invite.via
            assert ack.cseq == CSeq(1, "ACK")
            assert ack.to_address.parameters["tag"] == "theirs"

    asyncio.run(main())


def test_a_2xx_is_reported_as_often_as_it_comes_since_each_needs_an_ack() -> None:
    async def main() -> None:
        async with side() as it:
            it.request("INVITE")
            invite = await it.peer.next()
            for _ in range(2):
                it.peer.answer(invite, 200, it.wire)
            assert await it.peer.all(0.1) == []
            assert it.codes == [200, 200]

    asyncio.run(main())


def test_a_final_answer_to_another_request_is_reported_once_and_stops_the_repeats() -> None:
    async def main() -> None:
        async with side() as it:
            it.request("BYE")
            bye = await it.peer.next()
            for _ in range(2):
                it.peer.answer(bye, 200, it.wire)
            assert await it.peer.all(0.15) == []
            assert it.codes == [200]

    asyncio.run(main())


def test_an_answer_to_nothing_is_passed_over() -> None:
    async def main() -> None:
        async with side() as it:
            it.peer.answer(message("BYE", via="z9hG4bKother"), 200, it.wire)
            await asyncio.sleep(0.03)
            assert (it.codes, it.wire.malformed) == ([], 0)

    asyncio.run(main())


def test_our_via_asks_for_answers_to_where_we_are() -> None:
    async def main() -> None:
        async with side() as it:
            it.request("OPTIONS")
            [via] = (await it.peer.next()).via
            assert (via.host, via.port) == (it.wire.host, it.wire.port)
            assert str(via.parameters["branch"]).startswith("z9hG4bK")
            assert "rport" in via.parameters
            assert it.wire.via() != it.wire.via()

    asyncio.run(main())


def test_a_repeated_request_is_answered_again_but_reported_once() -> None:
    async def main() -> None:
        async with side() as it:
            data = bytes(message("OPTIONS", via="z9hG4bK1"))
            it.peer.send(data, it.wire)
            await asyncio.sleep(0.03)
            it.requests[0].respond(200, tag="ours")
            it.peer.send(data, it.wire)
            answers = await it.peer.all(0.1)
            assert methods(answers) == [200, 200]
            assert bytes(answers[0]) == bytes(answers[1])
            assert len(it.requests) == 1
            assert answers[0].to_address.parameters["tag"] == "ours"

    asyncio.run(main())


def test_a_final_answer_to_invite_is_repeated_until_its_ack() -> None:
    async def main() -> None:
        async with side() as it:
            it.peer.send(bytes(message("INVITE", via="z9hG4bK1")), it.wire)
            await asyncio.sleep(0.03)
            acked: list[str] = []
            it.requests[0].on_ack = lambda ack: acked.append(ack.method)
            it.requests[0].respond(200, tag="ours")
            assert len(await it.peer.all(0.1)) >= 3
            ack = message("ACK", via="z9hG4bKother")
            for _ in range(2):
                it.peer.send(bytes(ack), it.wire)
            await it.peer.all(0.05)
            assert await it.peer.all(0.2) == []
            assert acked == ["ACK"]

    asyncio.run(main())


def test_without_an_ack_it_gives_up_and_says_so() -> None:
    async def main() -> None:
        async with side() as it:
            it.peer.send(bytes(message("INVITE", via="z9hG4bK1")), it.wire)
            await asyncio.sleep(0.03)
            given_up = asyncio.Event()
            it.requests[0].on_no_ack = given_up.set
            it.requests[0].respond(200, tag="ours")
            async with asyncio.timeout(1):
                await given_up.wait()
            await it.peer.all(0.05)
            assert await it.peer.all(0.1) == []

    asyncio.run(main())


def test_cancel_is_answered_and_tells_its_invite() -> None:
    async def main() -> None:
        async with side() as it:
            it.peer.send(bytes(message("INVITE", via="z9hG4bK1")), it.wire)
            await asyncio.sleep(0.03)
            cancelled: list[bool] = []
            it.requests[0].on_cancel = lambda: cancelled.append(True)
            it.peer.send(bytes(message("CANCEL", via="z9hG4bK1")), it.wire)
            assert methods([await it.peer.next()]) == [200]
            assert cancelled == [True]
            assert len(it.requests) == 1

    asyncio.run(main())


def test_cancel_of_nothing_is_481() -> None:
    async def main() -> None:
        async with side() as it:
            it.peer.send(bytes(message("CANCEL", via="z9hG4bK1")), it.wire)
            assert methods([await it.peer.next()]) == [481]

    asyncio.run(main())


def test_an_answer_carries_its_body_and_headers() -> None:
    async def main() -> None:
        async with side() as it:
            request = message("OPTIONS", via="z9hG4bK1")
            request.headers.setlist("Record-Route", ["<sip:a;lr>", "<sip:b;lr>"])
            it.peer.send(bytes(request), it.wire)
            await asyncio.sleep(0.03)
            it.requests[0].respond(200, body=b"v=0\r\n", headers={"Contact": "<sip:me@127.0.0.1>"})
            answer = await it.peer.next()
            assert (answer.body, answer.content_length) == (b"v=0\r\n", 5)
            assert str(answer.content_type) == "application/sdp"
            assert answer.headers.getlist("Record-Route") == ["<sip:a;lr>", "<sip:b;lr>"]
            assert answer.headers["Contact"] == "<sip:me@127.0.0.1>"

    asyncio.run(main())


def test_transactions_are_forgotten_after_a_while() -> None:
    async def main() -> None:
        async with side() as it:
            it.request("OPTIONS")
            it.peer.answer(await it.peer.next(), 200, it.wire)
            it.peer.send(bytes(message("INVITE", via="z9hG4bK1")), it.wire)
            await asyncio.sleep(0.5)
            assert not it.wire._clients
            assert not it.wire._servers
            assert not it.wire._invites

    asyncio.run(main())


def test_keep_alives_are_no_messages() -> None:
    async def main() -> None:
        async with side() as it:
            for data in (b"\r\n\r\n", b"\0", b""):
                it.peer.send(data, it.wire)
            await asyncio.sleep(0.03)
            assert it.wire.malformed == 0

    asyncio.run(main())


GOOD = bytes(message("OPTIONS", via="z9hG4bK1"))


def damaged(cut: tuple[int, bytes]) -> bytes:
    at, junk = cut
    return GOOD[:at] + junk + GOOD[at + len(junk) :]


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=20)).map(damaged))
def test_any_datagram_is_taken_or_counted(data: bytes) -> None:
    async def main() -> tuple[int, int]:
        requests: list[ServerTransaction] = []
        wire = Wire(requests.append)
        wire.datagram_received(data, ("127.0.0.1", 9))
        for transaction in requests:
            transaction.respond(200, tag="ours")
        wire.close()
        return len(requests), wire.malformed

    reported, malformed = asyncio.run(main())
    assert reported + malformed <= 1


def test_a_port_in_use_is_told_by_name() -> None:
    async def main() -> None:
        async with side() as it:
            with pytest.raises(PhoneError, match=rf"SIP port 127\.0\.0\.1:{it.wire.port} cannot be opened: Address already in use"):
                await Wire(it.requests.append).open("127.0.0.1", it.wire.port)

    asyncio.run(main())


def test_a_closed_wire_sends_nothing_and_has_no_timers() -> None:
    async def main() -> None:
        async with side() as it:
            it.request("OPTIONS")
            it.wire.close()
            await it.peer.next()
            assert await it.peer.all(0.1) == []
            it.wire.send(message("ACK"), it.peer.address)
            assert it.codes == []

    asyncio.run(main())
