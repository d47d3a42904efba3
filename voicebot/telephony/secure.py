"""TLS between Asterisk and the controller: what is served, what is asked for, and that off loopback there is no other way.

It makes contexts and decides nothing else; certificates are always verified by whoever asks.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path

from voicebot.errors import SettingsError
from voicebot.settings import Serve

TRUSTED_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
"""What this machine trusts, as Debian keeps it (ca-certificates)."""


def served(serve: Serve) -> ssl.SSLContext | None:
    """What the controller's port speaks: TLS 1.2 or newer with its certificate, or None for plain text on loopback.

    Raises SettingsError naming the file that cannot be used.
    """
    if not (serve.tls_certificate and serve.tls_key):
        if serve.tls_certificate or serve.tls_key:
            raise SettingsError("[serve] tls_certificate and tls_key go together: set both or neither")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(serve.tls_certificate, serve.tls_key, password=_none)
    except (OSError, ValueError) as error:
        raise SettingsError(f"[serve] tls_certificate {serve.tls_certificate} and tls_key {serve.tls_key} cannot be used: {error}") from None
    return context


def asking(serve: Serve) -> ssl.SSLContext | None:
    """What those who ask /healthz and /metrics on this machine speak; None for plain text.

    They know the port by its address, which a certificate seldom names: the chain is verified, the name is not. Raises SettingsError.
    """
    if not serve.tls_certificate:
        return None
    try:
        context = ssl.create_default_context(cafile=serve.tls_ca)
    except OSError as error:
        raise SettingsError(f"[serve] tls_ca {serve.tls_ca} cannot be used: {error}") from None
    context.check_hostname = False
    return context


def scheme(serve: Serve, addresses: Iterable[str]) -> str:
    """How Asterisk reaches the controllers at `addresses`, each "host:port". Raises SettingsError for one off loopback without TLS."""
    if serve.tls_certificate:
        return "wss"
    for address in addresses:
        if not _loopback(address.rpartition(":")[0]):
            raise SettingsError(f"{address} is reached by wss:// alone: set [serve] tls_certificate and tls_key, or use a loopback address")
    return "ws"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _none() -> str:
    """A key that needs a passphrase is refused: nobody is there to type it."""
    return ""
