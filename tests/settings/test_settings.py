"""Settings: one file, the environment over it, and every mistake named with its key and the fix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from voicebot.errors import SettingsError
from voicebot.settings import DEMO_KNOWLEDGE, Hotline, Settings, load


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("VOICEBOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


# Defaults.


def test_without_a_file_the_defaults_serve_the_demo_on_loopback() -> None:
    found = load()
    assert found == Settings()
    assert (found.serve.host, found.pbx.sip_host) == ("127.0.0.1", "127.0.0.1")
    assert found.hotlines == {"100": Hotline(language="en"), "200": Hotline(language="zh")}
    assert not found.pbx.anonymous
    assert not found.recording.enabled
    assert found.kb.folder == DEMO_KNOWLEDGE
    assert (DEMO_KNOWLEDGE / "en").is_dir()


def test_the_holds_are_in_order() -> None:
    turns = Settings().turns
    assert turns.hold_complete_ms < turns.hold_ms < turns.hold_hanging_ms < turns.no_speech_ms < turns.no_rtp_ms


# The file and the environment.


def test_the_file_in_this_folder_is_read_unless_another_is_named(tmp_path: Path) -> None:
    (tmp_path / "voicebot.toml").write_text('company = "Here"')
    assert load().company == "Here"
    assert load(file(tmp_path, 'company = "There"')).company == "There"


def test_sections_are_read_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    found = load(file(tmp_path, '[serve]\nport = 9000\n[hotlines.4930123]\nlanguage = "zh"\n[turns]\nno_speech_then = "end"\n'))
    assert (found.serve.port, found.serve.host) == (9_000, "127.0.0.1")
    assert found.hotlines == {"4930123": Hotline(language="zh")}
    assert (found.turns.no_speech_then, found.turns.hold_ms) == ("end", 1_000)


def test_the_environment_overrides_the_file_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_SERVE__PORT", "9001")
    monkeypatch.setenv("VOICEBOT_COMPANY", "Elsewhere")
    found = load(file(tmp_path, 'company = "Here"\n[serve]\nport = 9000\nhost = "127.0.0.2"\n'))
    assert (found.company, found.serve.port, found.serve.host) == ("Elsewhere", 9_001, "127.0.0.2")


def test_off_loopback_the_controller_is_there_by_tls_alone(tmp_path: Path) -> None:
    both = 'tls_certificate = "certificate.pem"\ntls_key = "key.pem"\n'
    assert load(file(tmp_path, f'[serve]\nhost = "192.0.2.1"\n{both}')).serve.host == "192.0.2.1"
    for missing in ("", 'tls_certificate = "certificate.pem"\n', 'tls_key = "key.pem"\n'):
        with pytest.raises(SettingsError, match=r"serve\.host: only a loopback address, .* without tls_certificate and tls_key"):
            load(file(tmp_path, f'[serve]\nhost = "192.0.2.1"\n{missing}'))
    with pytest.raises(SettingsError, match=r"serve\.host: name one ipv4 address of this machine"):
        load(file(tmp_path, f'[serve]\nhost = "::"\n{both}'))


def test_a_trunk_can_be_made_by_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {"PEER": "192.0.2.7:5060", "HANDOVER_URI": "sip:600@pbx", "MATCH": '["192.0.2.0/24"]', "CHALLENGE": "false"}.items():
        monkeypatch.setenv(f"VOICEBOT_TRUNK__{key}", value)
    trunk = load().trunk
    assert trunk is not None
    assert (trunk.handover, trunk.known) == ("600", ("192.0.2.0/24",))


def test_without_a_file_the_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_SERVE__PORT", "high")
    with pytest.raises(SettingsError, match=r"serve\.port: .*valid integer.* \(got 'high'\)"):
        load()


# Mistakes.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serve]\nprot = 1", r"my\.toml: unknown key 'serve\.prot'; did you mean 'port'\?"),
        ("[turn]\nhold_ms = 1", r"unknown key 'turn'; did you mean 'turns'\?"),
        ("[serve]\nzzz = 1", r"unknown key 'serve\.zzz'; known keys: grace_s, host, port, tls_ca, tls_certificate, tls_key"),
        ('[hotlines.100]\nlang = "en"', r"unknown key 'hotlines\.100\.lang'; did you mean 'language'\?"),
        ("[serve]\nport = 70000", r"serve\.port: .*less than or equal to 65535 \(got 70000\)"),
        ("[serve]\ngrace_s = -1", r"serve\.grace_s: .*greater than or equal to 0 \(got -1\)"),
        ("[admission]\ncalls = 0", r"admission\.calls: .*greater than 0 \(got 0\)"),
        ("[admission]\ncpu = 85", r"admission\.cpu: .*less than or equal to 1 \(got 85\)"),
        ("[admission]\nper_number = 1", r"unknown key 'admission\.per_number'; did you mean 'calls_per_number'\?"),
        ("[turns]\nhold_ms = 0", r"turns\.hold_ms: .*greater than 0 \(got 0\)"),
        ('[turns]\nno_speech_then = "wait"', r"turns\.no_speech_then: .*'queue' or 'end' \(got 'wait'\)"),
        ('[pbx]\nagents = ["60x1"]', r"pbx\.agents\.0: .*pattern"),
        ('[serve]\nhost = "0.0.0.0"', r"serve\.host: only a loopback address, .* without tls_certificate and tls_key \(got '0\.0\.0\.0'\)"),
        ('[serve]\nhost = "localhost"', r"serve\.host: only a loopback address"),
        ('[serve]\nhost = "::1"', r"serve\.host: only a loopback address"),
        ('[pbx]\nsip_host = "192.0.2.1"', r"pbx\.sip_host: only a loopback address, .* \(got '192\.0\.2\.1'\)"),
        ('[pbx]\nsip_host = ""', r"pbx\.sip_host: only a loopback address"),
        ('[handover]\nqueue = "a b"', r"handover\.queue: .*pattern"),
        ("[hotlines.abc]", r"hotlines\.abc.*pattern"),
        ("company = 7", r"company: .*valid string \(got 7\)"),
        ("[serve", r"my\.toml: not valid TOML: "),
    ],
)
def test_a_mistake_is_named_with_its_key_and_the_fix(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said) as failed:
        load(file(tmp_path, text))
    assert "\n" not in str(failed.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"serve\.prot.*; .*turns\.hold_ms"):
        load(file(tmp_path, "[serve]\nprot = 1\n[turns]\nhold_ms = -1"))


def test_a_file_that_is_not_there_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: no such settings file; create it or leave out --settings"):
        load(tmp_path / "nowhere.toml")
    with pytest.raises(SettingsError, match=r"cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "my.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"my\.toml: not valid TOML"):
        load(tmp_path / "my.toml")


# Whatever is written.


def test_nothing_can_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().company = "Other"
    with pytest.raises(ValidationError, match="frozen"):
        Settings().serve.port = 1


def sections() -> list[type[BaseModel]]:
    kinds = [field.annotation for field in Settings.model_fields.values()]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def test_every_section_is_frozen_and_refuses_unknown_keys() -> None:
    every: list[type[BaseModel]] = [*sections(), Hotline]
    for section in every:
        assert section.model_config["frozen"]
        assert section.model_config["extra"] == "forbid"


names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)


@given(names, names)
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_unknown_key_is_refused_by_name(section: str, key: str) -> None:
    known: Any = Settings.model_fields.get(section)
    path = Path("any.toml")
    path.write_text(f"[{section}]\n{key} = 1\n")
    if section == "hotlines" or (known and isinstance(known.annotation, type) and issubclass(known.annotation, BaseModel)):
        return
    with pytest.raises(SettingsError, match=section):
        load(path)


@given(st.integers())
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_port_is_taken_or_refused_with_its_value(port: int) -> None:
    path = Path("port.toml")
    path.write_text(f"[serve]\nport = {port}\n")
    if 0 <= port <= 65_535:
        assert load(path).serve.port == port
    else:
        with pytest.raises(SettingsError, match=r"port\.toml: (serve\.port|not valid TOML)"):
            load(path)
