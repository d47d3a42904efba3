"""The section [trunk]: what may be written there, and what each mistake is called."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicebot.errors import SettingsError
from voicebot.settings import Settings, load
from voicebot.settings.trunk import Trunk, address

LEAST: dict[str, Any] = {"peer": "192.0.2.7:5060", "handover_uri": "sip:600@pbx.example"}
TLS: dict[str, Any] = {**LEAST, "transport": "tls", "tls_certificate": Path("c"), "tls_key": Path("k")}


def test_two_lines_are_enough_and_nothing_is_opened_but_loopback() -> None:
    trunk = Trunk(**LEAST)
    assert trunk.listen == "127.0.0.1"
    assert trunk.codecs == ("alaw", "ulaw")
    assert trunk.known == ("192.0.2.7/32",)
    assert (trunk.transport, trunk.encryption, trunk.challenge, trunk.announce) == ("udp", "off", False, False)
    assert Settings().trunk is None


@pytest.mark.parametrize(
    ("uri", "name"), [("sip:600@pbx.example", "600"), ("sip:support-desk@192.0.2.7:5080", "support-desk"), ("sip:+49301234@pbx", "+49301234")]
)
def test_whoever_takes_over_bears_the_name_in_the_uri(uri: str, name: str) -> None:
    assert Trunk(**{**LEAST, "handover_uri": uri}).handover == name


@pytest.mark.parametrize(("given", "means"), [(None, "offer"), ("off", "off"), ("offer", "offer"), ("require", "require")])
def test_media_is_encrypted_where_its_keys_are(given: Any, means: str) -> None:
    assert Trunk(**TLS, srtp=given).encryption == means


@pytest.mark.parametrize("listen", ["::", "::1", "localhost", "", "224.0.0.1", "192.0.2.1/24", "192.0.2.300", "192.0.2.1\nbind = 0.0.0.0"])
def test_only_one_address_of_this_machine_is_listened_on(listen: str) -> None:
    for refused in (listen, str(IPv4Address(0))):
        with pytest.raises(ValidationError, match="name one IPv4 address of this machine"):
            Trunk(**LEAST, listen=refused)
    assert address("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    "uri",
    [
        *("tel:+49301234", "sip:pbx.example", "sip:600@", "sip:6 00@pbx", "sip:600@pbx;transport=tcp", "sips:600@pbx", "sip:600@pbx\n[evil]", "600"),
        *("sip:a;b@pbx", "sip:a,b@pbx", "sip:${X}@pbx", f"sip:{'6' * 65}@pbx"),
    ],
)
def test_an_uri_that_could_say_more_than_who_and_where_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError, match="handover_uri"):
        Trunk(**{**LEAST, "handover_uri": uri})


def test_a_name_of_our_own_is_nobodys_to_take_over() -> None:
    with pytest.raises(ValidationError, match="one of our own"):
        Trunk(**{**LEAST, "handover_uri": "sip:voicebot-trunk@pbx"})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"peer": "pbx.example:5060"}, "the peer is a name: set match"),
        ({"username": "bot"}, "username and secret_file go together"),
        ({"secret_file": "x"}, "username and secret_file go together"),
        ({"challenge": True}, "challenge needs username and secret_file"),
        ({"transport": "tls"}, "transport tls needs tls_certificate and tls_key"),
        ({"srtp": "offer"}, "srtp needs transport tls"),
        ({"external_media_address": "198.51.100.1"}, "an external address needs local_net"),
        ({"match": ["192.0.2.1/24"]}, "host bits set"),
        ({"match": ["pbx"]}, "name an IPv4 address or network"),
        ({"codecs": []}, "codecs"),
        ({"codecs": ["g729"]}, "codecs"),
        ({"retry_s": 0}, "retry_s"),
        ({"pop_url": "javascript:alert(1)"}, "pop_url"),
        ({"pop_url": "https://desk.example/?x=;"}, "pop_url"),
        ({"username": "a b"}, "username"),
        ({"peer": "192.0.2.7"}, "peer"),
        ({"transport": "ws"}, "transport"),
        ({"dial": "anything"}, "dial"),
    ],
)
def test_what_cannot_be_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Trunk(**{**LEAST, **values})


def test_a_peer_that_is_a_name_needs_the_addresses_its_calls_come_from() -> None:
    assert Trunk(**{**LEAST, "peer": "pbx.example:5060", "match": ["192.0.2.0/24", "198.51.100.4"]}).known == ("192.0.2.0/24", "198.51.100.4/32")


def test_the_file_names_the_section_and_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('[trunk]\npeer = "192.0.2.7:5060"\nhandover_uri = "sip:600@pbx"\nlissen = "192.0.2.1"\n')
    with pytest.raises(SettingsError, match=r"unknown key 'trunk\.lissen'; did you mean 'listen'\?"):
        load(file)
    file.write_text('[trunk]\npeer = "192.0.2.7:5060"\nhandover_uri = "sip:600@pbx"\nlisten = "192.0.2.1"\n')
    found = load(file).trunk
    assert found is not None
    assert found.listen == "192.0.2.1"


@given(st.text(max_size=40))
def test_whatever_is_written_as_uri_can_stand_in_asterisks_files(uri: str) -> None:
    try:
        trunk = Trunk(**{**LEAST, "handover_uri": f"sip:{uri}"})
    except ValidationError:
        return
    assert not set(trunk.handover_uri) & set("\n\r;,|${}()[]\"'\\ ")
