"""The trunk of edge mode as Asterisk's configuration wants it: what fills the place-holders of the trunk's templates.

Reads the password and nothing else; it writes no file and starts nothing. That there is one way out only is made here: everything we send goes
to the peer by `outbound_proxy`, whatever it is addressed to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from voicebot.errors import PbxError
from voicebot.settings.trunk import OURS, Trunk
from voicebot.telephony.secure import TRUSTED_AUTHORITIES

ENDPOINT = f"{OURS}trunk"
"""Calls from the PBX come in on this endpoint; the one they are handed over to bears the name of `handover_uri`."""
HEADERS = "b(voicebot-headers^s^1)"
"""The option of Queue() by which the leg to the PBX is told about the call."""
_PASSWORD = re.compile(r"[!-:<-\[\]-~]{1,128}")
"""Printable ASCII without what Asterisk's files take for a comment or an escape."""


@dataclass(frozen=True)
class TrunkPlan:
    """A trunk with its password at hand."""

    trunk: Trunk
    password: str = field(repr=False)

    @property
    def handover(self) -> str:
        """The endpoint that callers are handed over to; the floor calls it the agent."""
        return self.trunk.handover

    @property
    def endpoints(self) -> tuple[str, str]:
        return ENDPOINT, self.handover

    @property
    def sections(self) -> tuple[str, ...]:
        """The templates of which its part of pjsip.conf is made."""
        return ("pjsip-trunk.conf", "pjsip-trunk-auth.conf") if self.trunk.username else ("pjsip-trunk.conf",)

    def values(self) -> Mapping[str, str]:
        """What fills the place-holders of the trunk's templates."""
        trunk = self.trunk
        return {
            "trunk": ENDPOINT,
            "handover": self.handover,
            "handover_uri": trunk.handover_uri,
            "proxy": f"sip:{trunk.peer};transport={trunk.transport};lr".replace(";", r"\;"),
            "protocol": trunk.transport,
            "permits": _lines(("permit", _masked(network)) for network in trunk.known),
            "matches": _lines(("match", network) for network in trunk.known),
            "transport_options": _lines((*_nat(trunk), *_tls(trunk))),
            "media_options": _lines(_media(trunk)),
            "auth_in": _lines([("auth", ENDPOINT)] if trunk.challenge else ()),
            "auth_out": _lines([("outbound_auth", ENDPOINT)] if trunk.username else ()),
            "username": trunk.username or ENDPOINT,
            "trunk_password": self.password,
            "pop_url": trunk.pop_url or "",
            "headers": HEADERS,
            "transports": "",
            "retry_s": str(trunk.retry_s),
            "wrapup_s": "0",
            "ringinuse": "yes",
            **({} if trunk.announce else {"spool": ""}),
        }


def planned(trunk: Trunk | None) -> TrunkPlan | None:
    """The plan of `trunk`. Raises PbxError naming the file that is missing or cannot be used."""
    if trunk is None:
        return None
    for path in (trunk.tls_certificate, trunk.tls_key, trunk.tls_ca):
        if path and not path.is_file():
            raise PbxError(f"{path}: no such file; correct it in [trunk]")
    return TrunkPlan(trunk, password(trunk.secret_file) if trunk.secret_file else "")


def password(path: Path) -> str:
    """The SIP password in `path`. Raises PbxError when others can read the file, or Asterisk's configuration could not hold what it says."""
    try:
        if path.stat().st_mode & 0o077:
            raise PbxError(f"{path} can be read by others; run: chmod 600 {path}")
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PbxError(f"{path} cannot be read: {error}; correct [trunk] secret_file") from None
    if not _PASSWORD.fullmatch(found):
        raise PbxError(f"{path}: a SIP password of 1 to 128 printable ASCII characters is needed, without spaces, semicolon and backslash")
    return found


def _nat(trunk: Trunk) -> Iterable[tuple[str, str]]:
    for name in ("external_media_address", "external_signaling_address"):
        if address := getattr(trunk, name):
            yield name, address
    for network in trunk.local_net:
        yield "local_net", network


def _tls(trunk: Trunk) -> Iterable[tuple[str, str]]:
    if trunk.transport == "tls":
        yield "method", "tlsv1_2"
        yield "verify_server", "yes"
        yield "cert_file", str(trunk.tls_certificate and trunk.tls_certificate.resolve())
        yield "priv_key_file", str(trunk.tls_key and trunk.tls_key.resolve())
        yield "ca_list_file", str((trunk.tls_ca or TRUSTED_AUTHORITIES).resolve())


def _media(trunk: Trunk) -> Iterable[tuple[str, str]]:
    yield "disallow", "all"
    yield "allow", ",".join(trunk.codecs)
    if trunk.encryption != "off":
        yield "media_encryption", "sdes"
        yield "media_encryption_optimistic", "yes" if trunk.encryption == "offer" else "no"


def _masked(network: str) -> str:
    found = IPv4Network(network)
    return f"{found.network_address}/{found.netmask}"


def _lines(options: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in options)
