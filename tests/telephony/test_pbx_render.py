from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import PbxError
from voicebot.settings.handover import Handover
from voicebot.telephony.pbx_plan import Binary, PbxPlan
from voicebot.telephony.pbx_render import DIALPLANS, configuration, render


@pytest.fixture
def plan(tmp_path: Path) -> PbxPlan:
    return PbxPlan(
        binary=Binary(("asterisk",), Path("/tree/modules"), Path("/tree/data")),
        run=tmp_path / "run",
        sip_host="127.0.0.1",
        sip_port=5071,
        rtp_first=30_000,
        rtp_last=30_099,
        control_url="ws://127.0.0.1:9/ari",
        floor_url="ws://127.0.0.1:9/floor",
        media={"voicebot-media-8": "ws://127.0.0.1:8/media", "voicebot-media-9": "ws://127.0.0.1:9/media"},
        password="control-password",
        ari_password="ari-password",
        agents={"6001": "first-secret", "6002": "second-secret"},
        hotlines={"100": "en", "200": "zh"},
        handover=Handover(ring_s=21, max_wait_s=301),
        queues={"support": ("6001", "6002")},
        anonymous=True,
    )


def options(text: str) -> set[str]:
    """The lines of a configuration file that are not comments, without spaces."""
    return {re.sub(r"\s", "", line) for line in text.splitlines() if line.strip() and not line.startswith(";")}


def test_no_place_holder_is_left_and_asterisks_own_stay(plan: PbxPlan) -> None:
    files = configuration(plan)
    assert not [name for name, text in files.items() if "@{" in text]
    assert "${EXTEN}" in files["extensions.conf"]


def test_fragments_are_no_files_of_their_own(plan: PbxPlan) -> None:
    assert not {
        name for name in configuration(plan) if name.endswith(("-agent.conf", "-callers.conf", "-hotline.conf", "-media.conf", "-member.conf"))
    }


def test_each_agent_has_an_endpoint_a_secret_and_a_place_in_the_queue(plan: PbxPlan) -> None:
    files = configuration(plan)
    assert {"[6001](voicebot-leg)", "[6002](voicebot-leg)", "password=first-secret", "password=second-secret"} <= options(files["pjsip.conf"])
    assert {"member=>PJSIP/6001,0,6001,PJSIP/6001", "member=>PJSIP/6002,0,6002,PJSIP/6002", "timeout=21"} <= options(files["queues.conf"])


def test_each_controller_has_a_way_for_its_media_and_all_share_the_one_for_control(plan: PbxPlan) -> None:
    sockets = configuration(plan)["websocket_client.conf"]
    ways = re.findall(r"^\[([a-z0-9-]+)\].*?^uri = (\S+)", sockets, re.M | re.S)
    assert ways == [
        ("voicebot-control", "ws://127.0.0.1:9/ari"),
        ("voicebot-media-8", "ws://127.0.0.1:8/media"),
        ("voicebot-media-9", "ws://127.0.0.1:9/media"),
        ("voicebot-floor", "ws://127.0.0.1:9/floor"),
    ]
    assert sockets.count("password = control-password") == 4


def test_each_hotline_has_its_number_and_language_and_no_pattern_takes_others(plan: PbxPlan) -> None:
    inbound = configuration(plan)["extensions.conf"].partition("[voicebot-inbound]")[2].partition("[")[0]
    assert re.findall(r"^exten => (\S+),1,Set\(VOICEBOT_LANGUAGE=(\w+)\)", inbound, re.M) == [("100", "en"), ("200", "zh")]
    assert not re.search(r"exten => _", inbound)


def test_callers_without_a_name_exist_in_the_demo_profile_alone(plan: PbxPlan) -> None:
    assert "match=127.0.0.0/8" in options(configuration(plan)["pjsip.conf"])
    closed = configuration(dataclasses.replace(plan, anonymous=False))["pjsip.conf"]
    assert "voicebot-caller" not in closed
    assert "type=identify" not in options(closed)


def test_nothing_listens_but_on_the_sip_address(plan: PbxPlan) -> None:
    files = configuration(plan)
    assert "enabled=no" in options(files["http.conf"])
    assert "enabled=no" in options(files["manager.conf"])
    binds = {line for line in options(files["pjsip.conf"]) if line.startswith(("bind=", "media_address="))}
    assert binds == {"bind=127.0.0.1:5071", "media_address=127.0.0.1"}


def test_no_module_or_step_can_place_a_call_or_transfer_one(plan: PbxPlan) -> None:
    files = configuration(plan)
    modules = options(files["modules.conf"])
    assert not {
        line for line in modules if re.search(r"app_dial|originate|transfer|refer|parking|manager|pbx_spool|features|app_system|func_shell", line)
    }
    steps = " ".join(text for name, text in files.items() if name.startswith("extensions"))
    assert not re.search(r"\b(Dial|Originate|Transfer|System|Page|FollowMe)\(", steps)


def test_every_directory_lies_in_the_run_folder_or_the_tree(plan: PbxPlan) -> None:
    section = configuration(plan)["asterisk.conf"].partition("[directories]")[2].partition("[")[0]
    folders = dict(re.findall(r"^(ast\w+) => (\S+)", section, re.M))
    assert {"astcachedir", "astetcdir", "astmoddir", "astdatadir", "astspooldir", "astrundir", "astlogdir", "astdbdir"} <= set(folders)
    assert all(path.startswith((str(plan.run), "/tree/")) for path in folders.values())


def test_rendering_writes_files_for_this_account_alone_and_music_once(plan: PbxPlan) -> None:
    render(plan)
    music = plan.music / "loop.sln16"
    music.write_bytes(b"an operator's own")
    render(plan)
    assert music.read_bytes() == b"an operator's own"
    assert {path.stat().st_mode & 0o077 for path in (plan.run, *plan.run.rglob("*"))} == {0}
    assert plan.spool.is_dir()
    assert plan.sounds.is_dir()
    assert not list(plan.etc.glob(".*"))


def test_asterisk_says_numbers_in_our_voice_and_has_all_else_of_its_own(plan: PbxPlan, tmp_path: Path) -> None:
    for folder in ("documentation", "sounds"):
        (tmp_path / "share" / folder).mkdir(parents=True)
    whole = dataclasses.replace(plan, binary=dataclasses.replace(plan.binary, data=tmp_path / "share"))
    for _ in range(2):
        render(whole)
        assert (plan.run / "data" / "sounds").resolve() == plan.sounds.resolve()
        assert (plan.run / "data" / "documentation").resolve() == tmp_path / "share" / "documentation"
    assert f"astdatadir => {plan.run}/data" in (plan.etc / "asterisk.conf").read_text()


def test_every_queue_is_rendered_with_those_whom_it_rings(plan: PbxPlan) -> None:
    queues = {"support": ("6001", "6002"), "complaints": ("6002",)}
    rendered = configuration(dataclasses.replace(plan, queues=queues))["queues.conf"]
    parts = dict(re.findall(r"^\[([a-z]+)\]$(.*?)(?=^\[|\Z)", rendered, re.M | re.S))
    assert {name: tuple(re.findall(r"member => PJSIP/(\d+)", parts[name])) for name in queues} == queues
    assert "general" in parts


def test_rendering_again_changes_what_changed(plan: PbxPlan) -> None:
    render(plan)
    render(dataclasses.replace(plan, handover=Handover(ring_s=33)))
    assert "timeout = 33" in (plan.etc / "queues.conf").read_text()


def test_a_run_folder_that_cannot_be_written_is_named(plan: PbxPlan, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PbxError, match=r"set \[pbx\] run"):
        render(dataclasses.replace(plan, run=tmp_path / "file" / "run"))


def test_a_missing_template_and_an_unknown_place_holder_are_named(plan: PbxPlan, tmp_path: Path) -> None:
    with pytest.raises(PbxError, match="pjsip-agent"):
        configuration(plan, tmp_path)
    for path in DIALPLANS.glob("*.conf"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "rtp.conf").write_text("rtpstart = @{rtp_frist}\n")
    with pytest.raises(PbxError, match=r"dialplans/rtp.conf: unknown place-holder @\{rtp_frist\}"):
        configuration(plan, tmp_path)


def test_a_lone_at_sign_in_a_template_stays(plan: PbxPlan, tmp_path: Path) -> None:
    for path in DIALPLANS.glob("*.conf"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "cdr.conf").write_text("; sip:100@127.0.0.1, @@, @ @{queue}\n")
    assert configuration(plan, tmp_path)["cdr.conf"].endswith("support\n")


def test_plain_sockets_are_plain_and_wss_ones_verify_certificate_and_name(plan: PbxPlan) -> None:
    assert configuration(plan)["websocket_client.conf"].count("\ntls_enabled = no\n") == 4
    urls: dict[str, Any] = {
        "control_url": "wss://bot.example:9/ari",
        "floor_url": "wss://bot.example:9/floor",
        "media": {"m": "wss://bot.example:9/media"},
    }
    sockets = configuration(dataclasses.replace(plan, **urls, ca=Path("/ca.pem")))["websocket_client.conf"]
    verified = "\ntls_enabled = yes\nca_list_file = /ca.pem\nverify_server_cert = yes\nverify_server_hostname = yes\n"
    assert sockets.count(verified) == sockets.count("type = websocket_client") == 3
    assert "tls_enabled = no" not in sockets


def test_without_a_trunk_nothing_of_it_is_there(plan: PbxPlan) -> None:
    files = configuration(plan)
    assert "voicebot-trunk" not in "".join(files.values())
    assert not {"load=res_pjsip_header_funcs.so", "load=res_srtp.so"} & options(files["modules.conf"])
    assert "[voicebot-headers]" not in files["extensions.conf"]
    assert {"VOICEBOT_HEADERS=b(voicebot-agent^s^1)", "VOICEBOT_POP="} <= options(files["extensions.conf"])
    assert {"wrapuptime=2", "retry=1", "ringinuse=no"} <= options(files["queues.conf"])
    assert not [name for name in files if "trunk" in name or "loopback" in name]


def test_without_browser_phones_nothing_of_them_is_there(plan: PbxPlan) -> None:
    files = configuration(plan)
    assert options(files["http.conf"]) == {"[general]", "enabled=no"}
    assert "icesupport=no" in options(files["rtp.conf"])
    assert not re.search(r"webrtc|voicebot-ws|voicebot-web", files["pjsip.conf"])
    assert "load=res_pjsip_transport_websocket.so" not in options(files["modules.conf"])
    assert not [name for name in files if "web." in name or "web-" in name]


def test_a_browser_phone_is_one_of_the_agents_and_the_others_stay_as_they_are(plan: PbxPlan) -> None:
    files = configuration(dataclasses.replace(plan, web_phones=("6002",), web_port=8099, web_caller="web-secret"))
    sip = options(files["pjsip.conf"])
    assert {"[6001](voicebot-leg)", "[6002](voicebot-web-leg)", "[voicebot-web-leg](!,voicebot-leg)", "webrtc=yes", "protocol=ws"} <= sip
    assert files["pjsip.conf"].count("webrtc = yes") == 1
    assert {"load=res_pjsip_transport_websocket.so", "load=res_srtp.so"} <= options(files["modules.conf"])
    assert "icesupport=yes" in options(files["rtp.conf"])
    assert not [name for name, text in files.items() if "@{" in text]


def test_the_http_server_of_browser_phones_is_on_loopback_with_no_pages_of_its_own(plan: PbxPlan) -> None:
    web = options(configuration(dataclasses.replace(plan, web_phones=("6001",), web_port=8099))["http.conf"])
    assert {"enabled=yes", "bindaddr=127.0.0.1", "bindport=8099", "enable_static=no", "enable_status=no"} <= web
    assert {"[/a]", "[/A]", "[/m]", "[/M]"} <= web


def test_the_bot_is_called_from_the_desk_by_password_and_in_the_demo_profile_alone(plan: PbxPlan) -> None:
    demo = dataclasses.replace(plan, web_phones=("6001",), web_port=8099, web_caller="web-secret")
    sip = configuration(demo)["pjsip.conf"]
    assert re.search(r"^\[voicebot-web\]\(voicebot-web-leg\)\ncontext = voicebot-inbound\n.*?^auth = voicebot-web$", sip, re.M | re.S)
    assert "password=web-secret" in options(sip)
    assert "web-secret" not in configuration(dataclasses.replace(demo, anonymous=False))["pjsip.conf"]
    assert "web-secret" not in repr(demo)


def test_each_phone_has_a_queue_of_its_own_by_which_a_supervisor_takes_a_caller(plan: PbxPlan) -> None:
    queues = configuration(plan)["queues.conf"]
    for agent in plan.agents:
        alone = queues.partition(f"[direct-{agent}]")[2].partition("[")[0]
        assert re.findall(r"^member => (\S+?),", alone, re.M) == [f"PJSIP/{agent}"]


def test_nobody_reaches_what_supervisors_do_but_through_the_controller(plan: PbxPlan) -> None:
    files = configuration(plan)
    assert set(re.findall(r"^context\s*=\s*(\S+)", files["pjsip.conf"], re.M)) <= {"voicebot-inbound", "voicebot-agents"}
    elsewhere = "".join(text for name, text in files.items() if name not in ("extensions-supervise.conf", "modules.conf"))
    assert "voicebot-supervise" not in elsewhere
    assert not re.search("ChanSpy|ChannelRedirect", elsewhere)
