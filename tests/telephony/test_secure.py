"""TLS between Asterisk and the controller: what is refused before anything listens, and who gets through."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import SettingsError
from voicebot.settings import Serve
from voicebot.telephony.secure import asking, scheme, served
from voicebot.testbed.certificates import PROGRAM, certificates

Run = Callable[[Any], Any]
needs_openssl = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs openssl: apt-get install openssl")
TLS = Serve(tls_certificate=Path("certificate"), tls_key=Path("key"))


def test_on_loopback_there_is_plain_text_unless_a_certificate_is_named() -> None:
    assert served(Serve()) is None
    assert asking(Serve()) is None
    assert scheme(Serve(), ("127.0.0.1:8088", "127.9.9.9:1", "localhost:2")) == "ws"
    assert scheme(TLS, ("127.0.0.1:8088", "pbx.example:2")) == "wss"


@pytest.mark.parametrize("address", ["10.0.0.1:8088", "0.0.0.0:8088", "bot.example:8088", "128.0.0.1:1", "127.0.0.1.example:1"])
def test_off_loopback_there_is_no_plain_text(address: str) -> None:
    with pytest.raises(SettingsError, match=r"is reached by wss:// alone: set \[serve\] tls_certificate and tls_key") as refused:
        scheme(Serve(), ("127.0.0.1:8088", address))
    assert str(refused.value).startswith(address)


@given(st.ip_addresses(v=4))
def test_any_address_is_loopback_or_needs_tls(address: Any) -> None:
    try:
        assert scheme(Serve(), (f"{address}:1",)) == "ws"
        assert address.is_loopback
    except SettingsError:
        assert not address.is_loopback


@pytest.mark.parametrize("half", [{"tls_certificate": Path("c")}, {"tls_key": Path("k")}])
def test_a_certificate_without_its_key_is_refused(half: dict[str, Path]) -> None:
    with pytest.raises(SettingsError, match="tls_certificate and tls_key go together"):
        served(Serve(**half))  # type: ignore[arg-type]


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[serve\] tls_certificate .*nothing.pem and tls_key .* cannot be used"):
        served(Serve(tls_certificate=tmp_path / "nothing.pem", tls_key=tmp_path / "key.pem"))
    (tmp_path / "nothing.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="cannot be used"):
        served(Serve(tls_certificate=tmp_path / "nothing.pem", tls_key=tmp_path / "nothing.pem"))


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[serve\] tls_ca .*nothing.pem cannot be used"):
        asking(TLS.model_copy(update={"tls_ca": tmp_path / "nothing.pem"}))


@needs_openssl
def test_what_is_served_is_new_enough_and_a_key_that_is_anothers_is_refused(run: Run, tmp_path: Path) -> None:
    made = run(certificates(tmp_path / "one", "IP:127.0.0.1"))
    other = run(certificates(tmp_path / "other", "IP:127.0.0.1"))
    context = served(Serve(tls_certificate=made.certificate, tls_key=made.key))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    with pytest.raises(SettingsError, match="cannot be used"):
        served(Serve(tls_certificate=made.certificate, tls_key=other.key))
    asked = asking(Serve(tls_certificate=made.certificate, tls_key=made.key, tls_ca=made.authority))
    assert asked is not None
    assert asked.verify_mode == ssl.CERT_REQUIRED


@needs_openssl
def test_a_key_with_a_passphrase_is_refused_instead_of_asked_for(run: Run, tmp_path: Path) -> None:
    made = run(certificates(tmp_path, "IP:127.0.0.1"))
    locked = ("pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:locked", "-in", str(made.key), "-out", f"{made.key}.locked")
    subprocess.run([PROGRAM, *locked], check=True)
    Path(f"{made.key}.locked").replace(made.key)
    with pytest.raises(SettingsError, match="cannot be used"):
        served(Serve(tls_certificate=made.certificate, tls_key=made.key))
