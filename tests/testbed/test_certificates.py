"""Certificates that OpenSSL itself takes for good, for the names they bear and no others."""

from __future__ import annotations

import contextlib
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import VoicebotError
from voicebot.testbed import certificates as module
from voicebot.testbed.certificates import PROGRAM, Certificates, certificates

Run = Callable[[Any], Any]
needs_openssl = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs openssl: apt-get install openssl")


def greeted(made: Certificates, authority: Path, name: str) -> bytes:
    """What a TLS server with this certificate says to one who trusts `authority` and asks for `name`; both ends in memory."""
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(made.certificate, made.key)
    to_server, to_us = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = served.wrap_bio(to_server, to_us, server_side=True)
    us = ssl.create_default_context(cafile=authority).wrap_bio(to_us, to_server, server_hostname=name)
    for end in (us, server, us, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    server.write(b"hello")
    return us.read()


@needs_openssl
def test_a_certificate_holds_for_its_names_and_its_authority_alone(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        made = await certificates(tmp_path / "one", "IP:127.0.0.1", "DNS:pbx.example")
        other = await certificates(tmp_path / "other", "IP:127.0.0.1")
        for name in ("127.0.0.1", "pbx.example"):
            assert greeted(made, made.authority, name) == b"hello"
        for authority, name, why in ((made.authority, "desk.example", "mismatch"), (other.authority, "127.0.0.1", "verify failed")):
            with pytest.raises(ssl.SSLCertVerificationError, match=why):
                greeted(made, authority, name)

    run(scenario())


@needs_openssl
def test_what_openssl_cannot_do_is_told_in_its_words(run: Run, tmp_path: Path) -> None:
    with pytest.raises(VoicebotError, match=r"openssl made no certificate: .+"):
        run(certificates(tmp_path, "no such kind of name"))


def test_without_openssl_the_fix_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRAM", "no-such-program")
    with pytest.raises(VoicebotError, match="apt-get install openssl"):
        run(certificates(tmp_path, "IP:127.0.0.1"))
