"""The other PBX of the edge tests: it is somebody else's in all that counts, and its faults are named."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import PbxError
from voicebot.telephony.pbx import wanted_modules
from voicebot.telephony.pbx_render import DIALPLANS
from voicebot.testbed import foreign
from voicebot.testbed.dialog import Account
from voicebot.testbed.foreign import DESK, DESK_PASSWORD, HOST, PORTS, Foreign, Trunk, modules
from voicebot.testbed.phone import Phone
from voicebot.testbed.sip import PhoneError

Run = Callable[[Any], Any]


def configured(trunk: Trunk, asterisk_tree: Path, folder: Path) -> dict[str, str]:
    pbx = Foreign(trunk, asterisk_tree, folder)
    pbx.configure()
    return {path.name: path.read_text() for path in pbx.plan.etc.iterdir()}


def test_it_has_neither_ari_nor_a_queue_and_can_place_calls() -> None:
    found = wanted_modules(modules((DIALPLANS / "modules.conf").read_text()))
    assert {"app_dial.so", "chan_pjsip.so", "pbx_config.so", "codec_alaw.so"} <= found
    assert not {name for name in found if name.startswith(("res_ari", "app_queue", "app_stasis", "chan_websocket", "res_http"))}


def test_a_trunk_takes_ports_that_are_free_and_the_same_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    trunk = Trunk.to("127.0.0.3", password="secret")
    assert trunk.bot == ("127.0.0.3", trunk.port)
    assert trunk.peer == f"{HOST}:{trunk.port}"
    assert trunk.account == Account("voicebot", "secret")
    offered = iter((20_000, 20_000 + PORTS))
    monkeypatch.setattr(random, "randrange", lambda *_: next(offered))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 20_001))
        assert Trunk.to("127.0.0.3").port == 20_000 + PORTS


@pytest.mark.e2e
def test_it_speaks_a_law_alone_and_challenges_when_there_is_a_password(asterisk_tree: Path, tmp_path: Path) -> None:
    for password, challenged in (("", False), ("secret", True)):
        pjsip = configured(Trunk(("127.0.0.3", 5810), 5810, password=password), asterisk_tree, tmp_path)["pjsip.conf"]
        assert "allow = alaw\n" in pjsip
        assert "ulaw" not in pjsip
        assert ("outbound_auth = voicebot" in pjsip) is challenged
        assert "protocol = tls" not in pjsip
    files = configured(Trunk(("127.0.0.3", 5810), 5810, certificates=Path("/certificates")), asterisk_tree, tmp_path)
    assert "cert_file=/certificates/certificate.pem" in files["pjsip.conf"]
    assert "media_encryption = sdes" in files["pjsip.conf"]


@pytest.mark.e2e
def test_it_runs_takes_the_desk_phone_and_nobody_who_only_says_so(asterisk_tree: Path, tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with Foreign(Trunk.to("127.0.0.3"), asterisk_tree, tmp_path) as pbx, pbx.desk() as desk:
            assert desk.account == Account(DESK, DESK_PASSWORD)
            assert "Unknown command" in (said := await pbx.cli("ari show apps")) or "No such command" in said
            async with Phone.open(pbx.address, account=Account(DESK, "wrong")) as other:
                with pytest.raises(PhoneError, match="refused: 401"):
                    await other.register()

    run(scenario())


@pytest.mark.e2e
def test_a_configuration_that_asterisk_does_not_take_is_named(asterisk_tree: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with Foreign(Trunk.to("127.0.0.3"), asterisk_tree, tmp_path):
            pass

    monkeypatch.setattr(foreign, "_PJSIP", foreign._PJSIP.replace("[voicebot](leg)", "[voicebot-2](leg)"))
    with pytest.raises(PbxError, match="refused its endpoint voicebot; see"):
        run(scenario())
    monkeypatch.setattr(foreign, "_MORE_MODULES", ("app_no_such_thing",))
    with pytest.raises(PbxError, match=r"lacks app_no_such_thing\.so; see"):
        run(scenario())
    (tmp_path / "run" / "etc" / "pjsip.conf").unlink()
    (tmp_path / "run" / "etc" / "pjsip.conf").mkdir()
    with pytest.raises(PbxError, match="directory"):
        run(scenario())
