"""The section [trunk]: the PBX that is there already, and the one SIP trunk between it and our private Asterisk (edge mode).

Only what may be written there, and why not. What Asterisk makes of it stands in telephony.trunk.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Srtp = Literal["off", "offer", "require"]
OURS = "voicebot-"
"""Begins the names of our own SIP endpoints."""


def address(host: str) -> str:
    """`host`, when it is one IPv4 address that can be listened on."""
    try:
        found = ipaddress.IPv4Address(host)
    except ValueError:
        found = ipaddress.IPv4Address(0)
    if found.is_unspecified or found.is_multicast:
        raise PydanticCustomError("address", "name one IPv4 address of this machine, not 0.0.0.0")
    return host


def _network(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network(text))
    except ValueError as error:
        raise PydanticCustomError("network", f"name an IPv4 address or network such as 192.0.2.0/24: {error}") from None


def _not_ours(uri: str) -> str:
    if uri.startswith(f"sip:{OURS}"):
        raise PydanticCustomError("handover", "a name that begins with voicebot- is one of our own")
    return uri


Address = Annotated[str, AfterValidator(address)]
Network = Annotated[str, AfterValidator(_network)]
HostPort = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$")]
SipUri = Annotated[str, Field(pattern=r"^sip:[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$"), AfterValidator(_not_ours)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{0,64}$")]


class Trunk(BaseModel):
    """One SIP trunk to a PBX that is there already. With this section there are no agents' phones here: callers go to `handover_uri`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    peer: HostPort
    """Where the PBX takes SIP: `host:port`. Nothing we send goes anywhere else, whatever it is addressed to."""
    handover_uri: SipUri
    """Who takes over, as the PBX knows it: `sip:600@pbx.example`. A queue, a ring group or one phone."""
    listen: Address = "127.0.0.1"
    """The address of this machine that takes SIP and audio, at port `[pbx] sip_port`."""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    match: tuple[Network, ...] = ()
    """Where calls may come from; everybody else is refused. Left out: the peer, when it is named by its address."""
    codecs: Annotated[tuple[Literal["alaw", "ulaw"], ...], Field(min_length=1)] = ("alaw", "ulaw")
    """Best first."""
    username: Name = ""
    """With `secret_file`: what we prove ourselves with when the PBX asks."""
    secret_file: Path | None = None
    """Holds the password in one line, readable by this account alone."""
    challenge: bool = False
    """The PBX has to prove itself too, with the same name and password, beside coming from the right address."""
    announce: bool = False
    """Whoever answers hears the briefing before the caller. For a URI that one person answers: in front of a queue its music would hear it."""
    pop_url: HttpUrl | None = None
    """The desk, as agents' browsers reach it: `https://desk.example` makes the header X-Voicebot-Pop `https://desk.example/pop/CALL`."""
    retry_s: Annotated[int, Field(gt=0)] = 5
    """Pause before the URI is called again, when it was busy, did not answer or could not be reached."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    """Who may have signed the PBX's certificate; it is always verified. Left out: the authorities this machine trusts."""
    srtp: Srtp | None = None
    """Left out: offered over TLS, off elsewhere, where its keys could be read on the way."""
    external_media_address: Address | None = None
    """Behind NAT: the address the PBX sends audio to."""
    external_signaling_address: Address | None = None
    """Behind NAT: the address the PBX sends SIP to."""
    local_net: tuple[Network, ...] = ()
    """Behind NAT: what is on this side of it."""

    @property
    def handover(self) -> str:
        """What stands before the @ in `handover_uri`: so the call log calls whoever takes over."""
        return self.handover_uri.removeprefix("sip:").partition("@")[0]

    @property
    def encryption(self) -> Srtp:
        """What `srtp` means here."""
        return self.srtp or ("offer" if self.transport == "tls" else "off")

    @property
    def known(self) -> tuple[str, ...]:
        """Networks calls may come from."""
        return self.match or (_network(self.peer.rpartition(":")[0]),)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        for wrong, said in _faults(self):
            if wrong:
                raise PydanticCustomError("trunk", said)
        return self


def _faults(trunk: Trunk) -> tuple[tuple[bool, str], ...]:
    """What cannot be together, and the fix."""
    tls, behind_nat = trunk.transport == "tls", bool(trunk.external_media_address or trunk.external_signaling_address)
    return (
        (not trunk.match and not _is_address(trunk.peer.rpartition(":")[0]), "the peer is a name: set match to the addresses its calls come from"),
        (bool(trunk.username) != bool(trunk.secret_file), "username and secret_file go together: set both or neither"),
        (trunk.challenge and not trunk.username, "challenge needs username and secret_file"),
        (tls and not (trunk.tls_certificate and trunk.tls_key), "transport tls needs tls_certificate and tls_key"),
        (not tls and trunk.encryption != "off", "srtp needs transport tls: its keys travel in the signalling"),
        (behind_nat and not trunk.local_net, "an external address needs local_net, the networks on this side of the NAT"),
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
