"""The trunk as Asterisk's configuration: what each setting becomes, and that nothing in it can say more than it should."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from voicebot.errors import PbxError
from voicebot.settings.handover import Handover
from voicebot.settings.trunk import Trunk
from voicebot.telephony.pbx_plan import Binary, PbxPlan
from voicebot.telephony.pbx_render import configuration
from voicebot.telephony.trunk import TrunkPlan, password, planned

LEAST: dict[str, Any] = {"peer": "192.0.2.7:5070", "handover_uri": "sip:600@pbx.example"}


def rendered(run: Path, secret: str = "", **values: Any) -> dict[str, str]:
    """The configuration of an edge with this trunk."""
    trunk = TrunkPlan(Trunk(**{**LEAST, **values}), secret)
    where: dict[str, Any] = {"run": run, "sip_host": "192.0.2.1", "sip_port": 5060, "rtp_first": 30_000, "rtp_last": 30_099}
    sockets: dict[str, Any] = {"control_url": "ws://127.0.0.1:9/ari", "floor_url": "ws://127.0.0.1:9/floor", "media": {"m": "ws://127.0.0.1:9/media"}}
    secrets: dict[str, Any] = {"password": "control-password", "ari_password": "ari-password", "agents": {}}
    calls: dict[str, Any] = {
        "hotlines": {"4930123": "en"},
        "handover": Handover(ring_s=21, max_wait_s=301),
        "queues": {"support": ("600",)},
        "anonymous": False,
    }
    return configuration(PbxPlan(binary=Binary(("asterisk",), Path("/m"), Path("/d")), **where, **sockets, **secrets, **calls, trunk=trunk))


def sections(text: str) -> dict[str, list[str]]:
    """ "name type" → options without spaces, of a pjsip.conf."""
    parts = re.split(r"^\[([^\]]+)\].*$", re.sub(r"^;.*$", "", text, flags=re.M), flags=re.M)
    found: dict[str, list[str]] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        options = [re.sub(r"\s", "", line) for line in body.splitlines() if line.strip()]
        kind = next((option.partition("=")[2] for option in options if option.startswith("type=")), "endpoint")
        found[f"{name} {kind}"] = options
    return found


def test_two_lines_make_one_transport_two_endpoints_and_no_other_way_out(tmp_path: Path) -> None:
    files = rendered(tmp_path)
    assert not [name for name, text in files.items() if "@{" in text]
    found = sections(files["pjsip.conf"])
    assert [name for name in found if name.endswith(" transport")] == ["voicebot-trunk transport"]
    assert [name for name in found if name.endswith(" endpoint")] == ["voicebot-leg endpoint", "voicebot-trunk endpoint", "600 endpoint"]
    assert not [name for name in found if name.endswith(" auth")]
    assert found["voicebot-trunk transport"] == ["type=transport", "protocol=udp", "bind=192.0.2.1:5060"]
    for endpoint in ("voicebot-trunk endpoint", "600 endpoint"):
        assert r"outbound_proxy=sip:192.0.2.7:5070\;transport=udp\;lr" in found[endpoint]
        assert "allow=alaw,ulaw" in found[endpoint]
    assert {"direct_media=no", "rtp_symmetric=yes", "allow_transfer=no"} <= set(found["voicebot-leg endpoint"])
    assert found["600 aor"] == ["type=aor", "contact=sip:600@pbx.example", "qualify_frequency=0"]


def test_only_known_addresses_get_as_far_as_being_told_no(tmp_path: Path) -> None:
    found = sections(rendered(tmp_path, match=["192.0.2.0/24", "198.51.100.4"])["pjsip.conf"])
    permitted = ["permit=192.0.2.0/255.255.255.0", "permit=198.51.100.4/255.255.255.255"]
    assert found["voicebot-known acl"] == ["type=acl", "deny=0.0.0.0/0.0.0.0", *permitted]
    assert found["voicebot-trunk identify"][2:] == ["match=192.0.2.0/24", "match=198.51.100.4/32"]
    assert "identify_by=ip" in found["600 endpoint"], "nobody is taken for the desk by the name he gives"


def test_the_password_serves_both_ways_or_one(tmp_path: Path) -> None:
    values: dict[str, Any] = {"username": "bot", "secret_file": Path("s")}
    found = sections(rendered(tmp_path, "hidden", **values)["pjsip.conf"])
    assert found["voicebot-trunk auth"] == ["type=auth", "auth_type=userpass", "username=bot", "password=hidden"]
    assert "outbound_auth=voicebot-trunk" in found["600 endpoint"]
    assert "auth=voicebot-trunk" not in found["voicebot-trunk endpoint"]
    assert "auth=voicebot-trunk" in sections(rendered(tmp_path, "hidden", **values, challenge=True)["pjsip.conf"])["voicebot-trunk endpoint"]


def test_tls_verifies_the_peer_and_offers_encrypted_media(tmp_path: Path) -> None:
    values: dict[str, Any] = {"transport": "tls", "tls_certificate": Path("/c.pem"), "tls_key": Path("/k.pem")}
    found = sections(rendered(tmp_path, **values, tls_ca=Path("/ca.pem"))["pjsip.conf"])
    expected = ["verify_server=yes", "cert_file=/c.pem", "priv_key_file=/k.pem", "ca_list_file=/ca.pem"]
    assert found["voicebot-trunk transport"] == ["type=transport", "protocol=tls", "bind=192.0.2.1:5060", "method=tlsv1_2", *expected]
    assert {"media_encryption=sdes", "media_encryption_optimistic=yes"} <= set(found["600 endpoint"])
    strict = sections(rendered(tmp_path, **values, srtp="require")["pjsip.conf"])
    assert "media_encryption_optimistic=no" in strict["voicebot-trunk endpoint"]
    assert "ca_list_file=/etc/ssl/certs/ca-certificates.crt" in strict["voicebot-trunk transport"]


def test_behind_nat_the_outer_addresses_are_told(tmp_path: Path) -> None:
    outer: dict[str, Any] = {
        "external_media_address": "198.51.100.1",
        "external_signaling_address": "198.51.100.1",
        "local_net": ["10.0.0.0/8", "192.168.0.0/16"],
    }
    transport = sections(rendered(tmp_path, **outer)["pjsip.conf"])["voicebot-trunk transport"]
    told = ["external_media_address=198.51.100.1", "external_signaling_address=198.51.100.1"]
    assert transport[3:] == [*told, "local_net=10.0.0.0/8", "local_net=192.168.0.0/16"]


def test_the_queue_has_one_member_that_takes_any_number_of_callers(tmp_path: Path) -> None:
    queue = {re.sub(r"\s", "", line) for line in rendered(tmp_path, retry_s=7)["queues.conf"].splitlines()}
    assert {"member=>PJSIP/600,0,600,PJSIP/600", "ringinuse=yes", "wrapuptime=0", "retry=7"} <= queue


def test_a_briefing_is_told_in_headers_and_played_only_to_a_single_phone(tmp_path: Path) -> None:
    told, played = (rendered(tmp_path, announce=announce)["extensions.conf"] for announce in (False, True))
    assert "VOICEBOT_SPOOL = \n" in told
    assert f"VOICEBOT_SPOOL = {tmp_path / 'briefings'}\n" in played
    assert "VOICEBOT_HEADERS = b(voicebot-headers^s^1)\n" in told
    assert "[voicebot-headers]" in told


def test_the_hotline_is_known_by_its_digits_with_or_without_a_plus(tmp_path: Path) -> None:
    inbound = rendered(tmp_path)["extensions.conf"].partition("[voicebot-inbound]")[2].partition("[")[0]
    assert re.findall(r"^exten => (\S+),1,", inbound, re.M) == ["4930123", "+4930123"]


def test_no_module_is_added_that_could_dial_anything(tmp_path: Path) -> None:
    modules = re.findall(r"^load = (\S+)\.so", rendered(tmp_path)["modules.conf"], re.M)
    assert {"app_stack", "res_pjsip_header_funcs", "res_srtp", "res_pjsip_outbound_authenticator_digest"} <= set(modules)
    assert not [name for name in modules if re.search(r"app_dial|originate|transfer|refer|parking|manager|pbx_spool|registration|app_system", name)]


def test_there_is_no_trunk_without_its_section() -> None:
    assert planned(None) is None


def test_a_file_that_is_not_there_is_named_before_anything_starts(tmp_path: Path) -> None:
    trunk = Trunk(**LEAST, transport="tls", tls_certificate=tmp_path / "certificate", tls_key=tmp_path / "key")
    with pytest.raises(PbxError, match=r"certificate: no such file; correct it in \[trunk\]"):
        planned(trunk)


def kept(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.unlink(missing_ok=True)
    path.touch(mode=mode)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_password_is_read_and_never_shows(tmp_path: Path) -> None:
    path = kept(tmp_path, b"s3cret/+=\n")
    found = planned(Trunk(**LEAST, username="bot", secret_file=path))
    assert found is not None
    assert found.password == "s3cret/+="
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("content", [b"", b"a b", b"a;b", b"a\\b", b"a\nb", b"\xc3\xa9", b"x" * 129])
def test_a_password_that_asterisks_files_cannot_hold_is_refused_by_its_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(PbxError, match="secret"):
        password(kept(tmp_path, content))


def test_a_password_that_others_can_read_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    with pytest.raises(PbxError, match=f"chmod 600 {tmp_path}/secret"):
        password(kept(tmp_path, b"secret", 0o640))
    with pytest.raises(PbxError, match=r"cannot be read.*correct \[trunk\] secret_file"):
        password(tmp_path / "nothing")


@given(st.binary(max_size=40))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_password_is_one_line_of_one_option_or_refused(tmp_path: Path, content: bytes) -> None:
    try:
        found = password(kept(tmp_path, content))
    except PbxError:
        return
    assert re.fullmatch(r"[!-~]+", found)
    assert not set(found) & set(";\\")
