"""SIP messages that follow from others: an answer to a request, the ACK of a refusal. Pure, on messages of `sipmessage`."""

from __future__ import annotations

from sipmessage import Message, Request, Response

PHRASES = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    501: "Not Implemented",
    603: "Decline",
}


def branch(message: Request | Response) -> str:
    """What names its transaction (RFC 3261 section 8.1.1.7). Raises KeyError or IndexError when nothing does."""
    return str(message.via[0].parameters["branch"])


def finish(message: Message, body: bytes) -> None:
    """Give it its body, SDP unless it says otherwise, and the length of that."""
    message.body = body
    if body and message.headers.get("Content-Type") is None:
        message.headers.set("Content-Type", "application/sdp")
    message.headers.set("Content-Length", str(len(body)))


def response_to(request: Request, code: int, phrase: str, tag: str = "") -> Response:
    """An answer; `tag` is ours in To (RFC 3261 section 8.2.6)."""
    response = Response(code, phrase)
    for name in ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq"):
        if values := request.headers.getlist(name):
            response.headers.setlist(name, list(values))
    if tag and code > 100 and "tag" not in request.to_address.parameters:
        to = request.to_address
        response.headers.set("To", f"{to};tag={tag}")
    return response


def ack_of_refusal(invite: Request, response: Response) -> Request:
    """ACK of a final response other than 2xx: same branch as the INVITE. Source: RFC 3261 section 17.1.1.3."""
    ack = Request("ACK", invite.uri)
    ack.via = invite.via[:1]
    for name in ("Route", "From", "Call-ID"):
        if values := invite.headers.getlist(name):
            ack.headers.setlist(name, list(values))
    ack.headers.set("To", response.headers["To"])
    ack.headers.set("CSeq", f"{invite.cseq.sequence} ACK")
    ack.headers.set("Max-Forwards", "70")
    ack.headers.set("Content-Length", "0")
    return ack
