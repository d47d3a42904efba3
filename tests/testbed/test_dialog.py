"""Digest against the worked examples of the RFCs; dialogs against a scripted answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sipmessage import URI, AuthChallenge, AuthParameters, Request, Response
from sipmessage import Address as NameAddress

from voicebot.testbed.dialog import Account, Dialog, credentials
from voicebot.testbed.sip import Address, ClientTransaction, Wire

ACCOUNT = Account("Mufasa", "Circle Of Life")
OPAQUE = "5ccc069c403ebaf9f0171e9517f40e41"
CHALLENGE = AuthChallenge(
    "Digest",
    AuthParameters(
        realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"
    ),
)
ASKED = 'Digest realm="pbx",nonce="n1",opaque="o1",algorithm=MD5,qop="auth"'


class FakeWire(Wire):
    """Keeps what would be sent; `answer` plays the other side."""

    def __init__(self) -> None:
        super().__init__(lambda transaction: None)
        self.host, self.port = "127.0.0.1", 5_062
        self.sent: list[Request] = []

    def request(self, request: Request, to: Address, on_response: Callable[[Response], None]) -> ClientTransaction:
        request.via = [self.via()] if not request.headers.getlist("Via") else request.via
        self.sent.append(request)
        self.on_response = on_response
        transaction = ClientTransaction.__new__(ClientTransaction)
        transaction.request, transaction.to, transaction.provisional = request, to, False
        return transaction

    def send(self, message: Request, to: Address) -> None:
        self.sent.append(message)

    def answer(self, code: int, headers: dict[str, list[str]] | None = None) -> None:
        response, request = Response(code, "Whatever"), self.sent[-1]
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            response.headers.setlist(name, request.headers.getlist(name))
        for name, values in (headers or {}).items():
            response.headers.setlist(name, values)
        self.on_response(response)


def dialog(wire: FakeWire, account: Account | None = None) -> Dialog:
    local = NameAddress.parse("<sip:caller@127.0.0.1>;tag=ours")
    target = URI.parse("sip:100@127.0.0.1:5060")
    return Dialog(wire, ("127.0.0.1", 5_060), local, NameAddress(target), target=target, account=account)


def test_the_example_of_rfc_2617_section_3_5() -> None:
    answer = credentials(CHALLENGE, ACCOUNT, "GET", "/dir/index.html", cnonce="0a4f113b").parameters
    assert answer is not None
    assert answer["response"] == "6629fae49393a05397450978507c4ef1"
    assert (answer["nc"], answer["cnonce"], answer["qop"]) == ("00000001", "0a4f113b", "auth")
    assert answer["opaque"] == CHALLENGE.parameters["opaque"]


def test_the_sha_256_example_of_rfc_7616_section_3_9_1() -> None:
    challenge = AuthChallenge(
        "Digest",
        AuthParameters(realm="http-auth@example.org", qop="auth", algorithm="SHA-256", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    answer = credentials(challenge, Account("Mufasa", "Circle of Life"), "GET", "/dir/index.html", cnonce=cnonce).parameters
    assert answer is not None
    assert answer["response"] == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_without_qop_the_old_form_is_used() -> None:
    old = AuthChallenge("Digest", AuthParameters(realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"))
    answer = credentials(old, ACCOUNT, "GET", "/dir/index.html").parameters
    assert answer is not None
    assert answer["response"] == "670fd8c2df070c60b045671b8b24ff02"
    assert "qop" not in answer
    assert "opaque" not in answer


def test_each_answer_has_a_nonce_of_its_own() -> None:
    first, second = (credentials(CHALLENGE, ACCOUNT, "GET", "/").parameters for _ in range(2))
    assert first is not None
    assert second is not None
    assert first["cnonce"] != second["cnonce"]


@pytest.mark.parametrize(
    ("code", "asked", "proven"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
def test_a_challenge_is_answered_once_with_the_next_number(code: int, asked: str, proven: str) -> None:
    wire, codes = FakeWire(), list[int]()
    ours = dialog(wire, ACCOUNT)
    ours.send(ours.request("INVITE", b"v=0\r\n", {"X-Test": "kept"}), lambda response: codes.append(response.code))
    wire.answer(code, {asked: [ASKED]})
    first, again = wire.sent
    assert (first.cseq.sequence, again.cseq.sequence) == (1, 2)
    assert (again.body, again.headers["X-Test"]) == (b"v=0\r\n", "kept")
    assert first.via != again.via
    assert 'username="Mufasa"' in again.headers[proven]
    assert "Circle" not in str(again.headers)
    assert ours.invite is not None
    assert ours.invite.request is again
    wire.answer(code, {asked: [ASKED]})
    assert codes == [code]
    assert len(wire.sent) == 2


@pytest.mark.parametrize(
    "challenges", [[], ["Digest nonsense"], ['Digest realm="x",nonce="y",algorithm=AKAv1-MD5'], ['Digest realm="only"'], ["Basic"]]
)
def test_a_challenge_that_cannot_be_answered_is_reported(challenges: list[str]) -> None:
    wire, codes = FakeWire(), list[int]()
    ours = dialog(wire, ACCOUNT)
    ours.send(ours.request("REGISTER"), lambda response: codes.append(response.code))
    wire.answer(401, {"WWW-Authenticate": challenges})
    assert codes == [401]


def test_the_first_challenge_we_know_is_taken() -> None:
    wire = FakeWire()
    ours = dialog(wire, ACCOUNT)
    ours.send(ours.request("REGISTER"), lambda response: None)
    wire.answer(401, {"WWW-Authenticate": ['Digest realm="x",nonce="y",algorithm=AKAv1-MD5', ASKED]})
    assert 'realm="pbx"' in wire.sent[1].headers["Authorization"]


def test_without_an_account_a_challenge_is_a_refusal() -> None:
    wire, codes = FakeWire(), list[int]()
    ours = dialog(wire)
    ours.send(ours.request("INVITE"), lambda response: codes.append(response.code))
    wire.answer(401, {"WWW-Authenticate": [ASKED]})
    assert codes == [401]


def test_a_request_has_what_every_request_needs() -> None:
    wire = FakeWire()
    ours = dialog(wire)
    first, second = ours.request("INVITE"), ours.request("BYE")
    assert (first.cseq.sequence, second.cseq.sequence) == (1, 2)
    assert first.call_id == second.call_id == ours.call_id
    assert first.headers["Max-Forwards"] == "70"
    assert str(first.contact[0].uri) == "sip:caller@127.0.0.1:5062"
    assert ours.tag == "ours"


def test_the_answer_establishes_target_tag_and_routes() -> None:
    wire = FakeWire()
    ours = dialog(wire)
    ours.send(ours.request("INVITE"), ours.establish)
    routes = ["<sip:first;lr>", "<sip:second;lr>"]
    wire.answer(200, {"To": ["<sip:100@127.0.0.1>;tag=theirs"], "Contact": ["<sip:asterisk@127.0.0.1:5070>"], "Record-Route": routes})
    bye = ours.request("BYE")
    assert str(bye.uri) == "sip:asterisk@127.0.0.1:5070"
    assert bye.to_address.parameters["tag"] == "theirs"
    assert bye.headers.getlist("Route") == routes[::-1]


def test_an_ack_has_the_number_of_its_invite_and_a_branch_of_its_own() -> None:
    wire = FakeWire()
    ours = dialog(wire)
    ours.send(ours.request("INVITE"), ours.ack)
    wire.answer(200)
    invite, ack = wire.sent
    assert str(ack.cseq) == "1 ACK"
    assert ack.via != invite.via


def test_cancel_is_sent_once_and_matches_the_newest_invite() -> None:
    wire = FakeWire()
    ours = dialog(wire, ACCOUNT)
    ours.cancel()
    assert wire.sent == []
    ours.send(ours.request("INVITE"), lambda response: None)
    wire.answer(401, {"WWW-Authenticate": [ASKED]})
    ours.cancel()
    ours.cancel()
    _, invite, cancel = wire.sent
    assert cancel.via == invite.via
    assert str(cancel.cseq) == f"{invite.cseq.sequence} CANCEL"
    assert cancel.uri == invite.uri
    assert cancel.headers["To"] == invite.headers["To"]
