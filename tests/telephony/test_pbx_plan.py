from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import PbxError, SettingsError
from voicebot.settings import Pbx, Serve, Settings
from voicebot.settings.trunk import Trunk
from voicebot.telephony import pbx_plan
from voicebot.telephony.pbx_plan import Binary, find_binary, media_connection, parse_version, plan, recent_enough, secret, version


@pytest.fixture(autouse=True)
def no_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VOICEBOT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The outline of an Asterisk tree: its files exist, none of them runs."""
    root = tmp_path / "tree"
    for name in ("usr/sbin/asterisk", "lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/asterisk/modules/app_queue.so"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def settings(tmp_path: Path, tree: Path, **pbx: Any) -> Settings:
    return Settings(secrets=tmp_path / "secrets", pbx=Pbx(**{"tree": tree, "run": tmp_path / "run", **pbx}))


def test_a_plan_has_absolute_folders_real_ports_and_the_three_socket_addresses(tmp_path: Path, tree: Path) -> None:
    made = plan(settings(tmp_path, tree, sip_port=0), controller_port=4321)
    assert made.sip_port > 0
    assert made.run.is_absolute()
    assert (made.control_url, made.floor_url) == ("ws://127.0.0.1:4321/ari", "ws://127.0.0.1:4321/floor")
    assert made.media == {"voicebot-media": "ws://127.0.0.1:4321/media"}
    assert made.hotlines == {"100": "en", "200": "zh"}
    assert not made.anonymous


def test_the_settings_decide_when_nothing_overrides_them(tmp_path: Path, tree: Path) -> None:
    made = plan(settings(tmp_path, tree, sip_port=5070, anonymous=True))
    assert (made.sip_port, made.anonymous, made.control_url) == (5070, True, "ws://127.0.0.1:8088/ari")
    assert not plan(settings(tmp_path, tree, anonymous=True), anonymous=False).anonymous


def test_several_controllers_are_reached_through_the_balancer_but_each_for_its_own_media(tmp_path: Path, tree: Path) -> None:
    made = plan(settings(tmp_path, tree, sip_port=5070, balancer="127.0.0.1:9000", controllers=("127.0.0.1:9001", "127.0.0.1:9002")))
    assert (made.control_url, made.floor_url) == ("ws://127.0.0.1:9000/ari", "ws://127.0.0.1:9000/floor")
    ways = {"voicebot-media-127.0.0.1-9001": "ws://127.0.0.1:9001/media", "voicebot-media-127.0.0.1-9002": "ws://127.0.0.1:9002/media"}
    assert made.media == ways


def test_controllers_on_two_hosts_may_have_the_same_port_and_are_reached_by_verified_tls(tmp_path: Path, tree: Path) -> None:
    ways = {"sip_port": 5070, "balancer": "10.0.0.9:8088", "controllers": ("10.0.0.1:8088", "10.0.0.2:8088")}
    safe = Serve(tls_certificate=tmp_path / "certificate", tls_key=tmp_path / "key", tls_ca=tmp_path / "ca")
    made = plan(settings(tmp_path, tree, **ways).model_copy(update={"serve": safe}))
    assert set(made.media.values()) == {"wss://10.0.0.1:8088/media", "wss://10.0.0.2:8088/media"}
    assert (made.control_url, made.floor_url, made.ca) == ("wss://10.0.0.9:8088/ari", "wss://10.0.0.9:8088/floor", tmp_path / "ca")
    with pytest.raises(SettingsError, match=r"10\.0\.0\.1:8088 is reached by wss:// alone: set \[serve\] tls_certificate and tls_key"):
        plan(settings(tmp_path, tree, **ways))


# Edge mode.


def test_with_a_trunk_there_are_neither_agents_nor_anonymous_callers_and_one_address(tmp_path: Path, tree: Path) -> None:
    trunk = Trunk(peer="127.0.0.2:5060", handover_uri="sip:600@pbx", listen="127.0.0.3")
    made = plan(settings(tmp_path, tree, sip_port=0, anonymous=True).model_copy(update={"trunk": trunk}), anonymous=True)
    assert (made.agents, made.anonymous, made.sip_host) == ({}, False, "127.0.0.3")
    assert made.transports == ("voicebot-trunk",)
    assert made.endpoints == ("voicebot-trunk", "600")
    assert made.queues == {"support": ("600",)}
    assert not list((tmp_path / "secrets").glob("agent-*"))


def test_without_a_trunk_agents_are_rung_and_callers_come_by_the_profile(tmp_path: Path, tree: Path) -> None:
    made = plan(settings(tmp_path, tree, sip_port=5070, anonymous=True))
    assert made.trunk is None
    assert made.transports == ("voicebot-udp", "voicebot-tcp")
    assert made.endpoints == ("6001", "6002", "6003", "voicebot-caller")
    assert made.queues == {"support": ("6001", "6002", "6003")}
    assert "voicebot-caller" not in plan(settings(tmp_path, tree, sip_port=5070)).endpoints


def test_a_controller_knows_the_way_to_itself() -> None:
    assert media_connection((), "127.0.0.1:8088") == "voicebot-media"
    assert media_connection(("127.0.0.1:9001", "127.0.0.1:9002"), "127.0.0.1:9001") == "voicebot-media-127.0.0.1-9001"


@pytest.mark.parametrize("own", ["127.0.0.1:8088", "127.0.0.2:9001", "localhost:9001"])
def test_a_controller_that_is_not_among_the_controllers_is_told_so(own: str) -> None:
    with pytest.raises(SettingsError, match=rf"\[serve\] host and port, {own}, are none of \[pbx\] controllers"):
        media_connection(("127.0.0.1:9001", "127.0.0.1:9002"), own)


def test_secrets_are_made_once_differ_and_never_show_in_a_repr(tmp_path: Path, tree: Path) -> None:
    first, second = (plan(settings(tmp_path, tree, sip_port=5070)) for _ in range(2))
    assert first == second
    secrets = {first.password, first.ari_password, *first.agents.values()}
    assert len(secrets) == 2 + len(first.agents)
    assert not any(each in repr(first) for each in secrets)


@pytest.mark.parametrize("name", ["a,b", "a;b", "a b", "a$b", "a(b", "ü"])
def test_a_run_folder_that_asterisk_cannot_write_down_is_refused(tmp_path: Path, tree: Path, name: str) -> None:
    with pytest.raises(PbxError, match=r"set \[pbx\] run"):
        plan(settings(tmp_path, tree, run=tmp_path / name))


def test_a_run_folder_too_long_for_the_control_socket_is_refused_and_the_longest_fits(tmp_path: Path, tree: Path) -> None:
    room = pbx_plan.CONTROL_SOCKET_LIMIT - len("/asterisk.ctl") - len(str(tmp_path)) - 1
    assert len(str(plan(settings(tmp_path, tree, run=tmp_path / ("x" * room))).control_socket)) == pbx_plan.CONTROL_SOCKET_LIMIT
    with pytest.raises(PbxError, match="too long"):
        plan(settings(tmp_path, tree, run=tmp_path / ("x" * (room + 1))))


def test_an_rtp_range_that_holds_no_call_is_refused(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(PbxError, match="rtp_first"):
        plan(settings(tmp_path, tree, rtp_first=20_000, rtp_last=20_001))


def test_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    value = secret(tmp_path / "secrets", "control")
    path = tmp_path / "secrets" / "control"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["control"]
    assert len(value) >= 32


def test_a_secret_others_can_read_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    secret(tmp_path, "control")
    (tmp_path / "control").chmod(0o644)
    with pytest.raises(PbxError, match=f"chmod 600 {tmp_path}/control"):
        secret(tmp_path, "control")


@pytest.mark.parametrize("content", [b"", b"short", b"sixteen letters with spaces", b"\xff" * 20, b"a" * 20 + b"\n[x]\n"])
def test_a_secret_that_could_break_a_configuration_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "control").write_bytes(content)
    (tmp_path / "control").chmod(0o600)
    with pytest.raises(PbxError, match="control"):
        secret(tmp_path, "control")


def test_a_secrets_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PbxError, match="cannot be read or made"):
        secret(tmp_path / "file", "control")


def test_threads_that_ask_at_once_get_the_same_secret(tmp_path: Path) -> None:
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(secret(tmp_path, "control"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 16
    assert len(set(got)) == 1


def test_the_tree_runs_through_its_own_loader_and_libraries(tree: Path) -> None:
    found = find_binary(tree)
    assert found.command[0] == str(tree / "lib64/ld-linux-x86-64.so.2")
    assert found.command[2].split(":")[0] == str(tree / "usr/lib/x86_64-linux-gnu")
    assert found.command[-1] == str(tree / "usr/sbin/asterisk")
    assert found.modules == tree / "usr/lib/x86_64-linux-gnu/asterisk/modules"


def test_a_tree_without_its_loader_is_incomplete(tree: Path) -> None:
    (tree / "lib64/ld-linux-x86-64.so.2").unlink()
    with pytest.raises(PbxError, match="incomplete; delete it and run scripts/setup"):
        find_binary(tree)


def test_without_a_tree_the_machines_own_asterisk_is_taken_and_without_that_setup_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "asterisk"
    monkeypatch.setattr(pbx_plan, "OWN_BINARY", own)
    with pytest.raises(PbxError, match="run scripts/setup"):
        find_binary(tmp_path / "none")
    own.touch()
    assert find_binary(tmp_path / "none").command == (str(own),)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Asterisk 22.10.1~dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("Asterisk 20.18.0\n", (20, 18, 0)),
        ("Asterisk certified/22.8-cert1", (22, 8)),
        ("Asterisk certified-20.7-cert2", (20, 7)),
    ],
)
def test_a_version_is_read_from_what_asterisk_says(answer: str, expected: tuple[int, ...]) -> None:
    assert parse_version(answer) == expected


@given(st.text(max_size=80))
def test_any_answer_is_a_version_or_a_named_error(answer: str) -> None:
    try:
        assert all(part >= 0 for part in parse_version(answer))
    except PbxError as error:
        assert "scripts/setup" in str(error)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((22, 10, 1), True),
        ((22, 8), True),
        ((22, 7, 9), False),
        ((20, 18), True),
        ((20, 17, 3), False),
        ((21, 12), False),
        ((23, 1), False),
        ((23, 2), True),
        ((24, 0), True),
        ((18, 99), False),
    ],
)
def test_which_versions_are_recent_enough(found: tuple[int, ...], expected: bool) -> None:
    assert recent_enough(found) is expected


def test_an_asterisk_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(PbxError, match="does not run"):
        version(Binary((str(tmp_path / "asterisk"),), tmp_path, tmp_path))
    with pytest.raises(PbxError, match="names no version"):
        version(Binary(("/bin/echo", "hello"), tmp_path, tmp_path))


def test_browser_phones_are_some_of_the_agents(tmp_path: Path, tree: Path) -> None:
    made = plan(settings(tmp_path, tree, web_phones=("6002",), web_port=8099, anonymous=True))
    assert (made.web_phones, made.web_port) == (("6002",), 8099)
    assert made.web_caller == secret(tmp_path / "secrets", "web-caller")
    assert "voicebot-ws" in made.transports
    assert made.endpoints == ("6001", "6002", "6003", "voicebot-caller", "voicebot-web")
    with pytest.raises(PbxError, match=r"\[pbx\] web_phones: 6009 not among \[pbx\] agents"):
        plan(settings(tmp_path, tree, web_phones=("6002", "6009")))


def test_without_browser_phones_there_is_no_secret_for_them(tmp_path: Path, tree: Path) -> None:
    made = plan(settings(tmp_path, tree, anonymous=True))
    assert (made.web_phones, made.web_caller) == ((), "")
    assert not (tmp_path / "secrets/web-caller").exists()
    assert "voicebot-ws" not in made.transports
    assert "voicebot-web" not in made.endpoints


def test_edge_mode_has_no_browser_phones(tmp_path: Path, tree: Path) -> None:
    trunk = Trunk(peer="127.0.0.1:5099", handover_uri="sip:600@127.0.0.1")
    asked = Settings(secrets=tmp_path / "secrets", pbx=Pbx(tree=tree, run=tmp_path / "run", web_phones=("6001",)), trunk=trunk)
    with pytest.raises(PbxError, match=r"leave out \[pbx\] web_phones or the section \[trunk\]"):
        plan(asked)
