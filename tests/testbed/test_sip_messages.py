"""Answers name their request, and the ACK of a refusal goes the way of its INVITE."""

from __future__ import annotations

from sipmessage import Message, Request

from voicebot.testbed.sip_messages import ack_of_refusal, branch, finish, response_to

INVITE = b"""INVITE sip:100@127.0.0.1 SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:5062;rport;branch=z9hG4bK1\r
Route: <sip:127.0.0.1:5070;lr>\r
From: <sip:me@127.0.0.1>;tag=mine\r
To: <sip:100@127.0.0.1>\r
Call-ID: one\r
CSeq: 7 INVITE\r
Contact: <sip:me@127.0.0.1:5062>\r
\r
"""


def invite() -> Request:
    found = Message.parse(INVITE)
    assert isinstance(found, Request)
    return found


def test_an_answer_names_its_request_and_our_tag() -> None:
    answer = response_to(invite(), 200, "OK", "ours")
    assert (branch(answer), answer.call_id, str(answer.cseq.method), answer.cseq.sequence) == ("z9hG4bK1", "one", "INVITE", 7)
    assert answer.to_address.parameters["tag"] == "ours"


def test_trying_has_no_tag_and_a_tag_that_is_there_stays() -> None:
    assert "tag" not in response_to(invite(), 100, "Trying", "ours").to_address.parameters
    within = invite()
    within.headers.set("To", "<sip:100@127.0.0.1>;tag=theirs")
    assert response_to(within, 200, "OK", "ours").to_address.parameters["tag"] == "theirs"


def test_the_ack_of_a_refusal_goes_the_same_way_with_the_same_branch_and_their_tag() -> None:
    ack = ack_of_refusal(invite(), response_to(invite(), 486, "Busy Here", "theirs"))
    assert (ack.method, branch(ack), ack.cseq.sequence, ack.cseq.method) == ("ACK", "z9hG4bK1", 7, "ACK")
    assert ack.headers["Route"] == "<sip:127.0.0.1:5070;lr>"
    assert ack.to_address.parameters["tag"] == "theirs"


def test_a_body_is_sdp_unless_told_otherwise() -> None:
    plain, told = invite(), invite()
    finish(plain, b"v=0")
    told.headers.set("Content-Type", "text/plain")
    finish(told, b"")
    assert (plain.headers["Content-Type"], plain.headers["Content-Length"], plain.body) == ("application/sdp", "3", b"v=0")
    assert (told.headers["Content-Type"], told.headers["Content-Length"]) == ("text/plain", "0")
