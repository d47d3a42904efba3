"""What the bot runs on is looked at as it is: a version too old, a module that is missing, a port taken, a disk full, a certificate that ends."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
from collections import namedtuple
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from voicebot.doctor import Finding, Standing, examine, machine
from voicebot.settings import Pbx, Recording, Serve, Settings, Store
from voicebot.settings.engines import Speech
from voicebot.settings.llm import Llm
from voicebot.store.database import Database
from voicebot.telephony.pbx import wanted_modules
from voicebot.telephony.pbx_plan import TESTED_VERSION, Binary
from voicebot.telephony.pbx_render import DIALPLANS

Usage = namedtuple("Usage", "total used free")


def one(check: str, settings: Settings) -> Finding:
    (found,) = examine(settings, {check: machine.MACHINE[check]})
    return found


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An Asterisk with every module, of the tested version."""
    wanted = wanted_modules((DIALPLANS / "modules.conf").read_text())
    for name in wanted:
        (tmp_path / name).touch()
    monkeypatch.setattr(machine, "find_binary", lambda _tree: Binary(("asterisk",), tmp_path, tmp_path))
    monkeypatch.setattr(machine, "version", lambda _binary: TESTED_VERSION)
    return tmp_path


def test_an_asterisk_with_all_its_modules(modules: Path) -> None:
    found = one("Asterisk", Settings())
    assert (found.standing, found.rung) == (Standing.BEST, f"22.10.1, {len(list(modules.iterdir()))} modules")


def test_a_missing_module_is_named(modules: Path) -> None:
    (modules / "chan_websocket.so").unlink()
    found = one("Asterisk", Settings())
    assert (found.standing, found.rung, found.climb) == (Standing.BROKEN, "22.10.1 without chan_websocket.so", "scripts/setup")


@pytest.mark.parametrize(("version", "standing"), [((22, 7, 0), Standing.BROKEN), ((22, 9, 0), Standing.LOWER), ((18, 1, 0), Standing.BROKEN)])
@pytest.mark.usefixtures("modules")
def test_the_version_matters(monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], standing: Standing) -> None:
    monkeypatch.setattr(machine, "version", lambda _binary: version)
    assert one("Asterisk", Settings()).standing is standing


def test_no_asterisk_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.telephony.pbx_plan.OWN_BINARY", tmp_path / "none")
    found = one("Asterisk", Settings(pbx=Pbx(tree=tmp_path)))
    assert found.standing is Standing.BROKEN
    assert "run scripts/setup" in found.rung


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as other, socket.socket() as free:
        other.bind(("127.0.0.1", 0))
        other.listen()
        free.bind(("127.0.0.1", 0))
        taken, spare = other.getsockname()[1], free.getsockname()[1]
        free.close()
        sip, controller = machine.ports(Settings(serve=Serve(port=taken), pbx=Pbx(sip_port=spare)))
    assert (sip.standing, controller.standing) == (Standing.BEST, Standing.LOWER)
    assert (controller.rung, controller.climb) == (f"controller 127.0.0.1:{taken} is taken", "set [serve] port to a free one or stop what uses it")


@pytest.mark.parametrize(("free_mb", "standing"), [(100, Standing.BROKEN), (1_000, Standing.LOWER), (50_000, Standing.BEST)])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, standing: Standing) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free_mb << 20))
    settings = Settings(speech=Speech(cache=tmp_path / "not/yet"), recording=Recording(enabled=True, folder=tmp_path))
    found = list(machine.disk(settings))
    assert [each.standing for each in found] == [standing] * 3
    assert all(bool(each.climb) == (standing is not Standing.BEST) for each in found)


@pytest.mark.parametrize(
    ("flags", "built_for", "standing"),
    [
        ("sse avx avx2", "AVX2 = 1", Standing.BEST),
        ("sse avx", "", Standing.LOWER),
        ("avx2 amx_tile amx_int8", "AVX2 = 1 | AMX_INT8 = 1", Standing.BROKEN),
        ("avx2 amx_tile amx_int8", "AVX2 = 1", Standing.BEST),
    ],
)
def test_the_traps_of_a_processor(monkeypatch: pytest.MonkeyPatch, flags: str, built_for: str, standing: Standing) -> None:
    monkeypatch.setattr(machine, "cpu_flags", lambda _path: frozenset(flags.split()))
    monkeypatch.setattr(machine, "_llama_features", lambda: built_for)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(os, "uname", lambda: namedtuple("Uname", "machine")("x86_64"))
    found = one("processor", Settings(llm=Llm(engine="llama", model="some.gguf")))
    assert found.standing is standing
    assert ("GGML_NATIVE=OFF" in found.climb) == (standing is Standing.BROKEN)


def test_amx_is_no_trap_without_a_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cpu_flags", lambda _path: frozenset({"avx2", "amx_tile"}))
    monkeypatch.setattr(machine, "_llama_features", lambda: pytest.fail("loaded for nothing"))
    assert one("processor", Settings()).standing is Standing.BEST


def test_the_flags_of_a_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_tile\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert machine.cpu_flags(cpuinfo) == {"fpu", "avx2", "amx_tile"}
    assert machine.cpu_flags(tmp_path / "none") == frozenset()


def test_what_llama_was_built_for_is_asked_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def crashed(*_: Any, **__: Any) -> None:
        raise subprocess.CalledProcessError(-11, "python")

    monkeypatch.setattr(subprocess, "run", crashed)
    assert machine._llama_features() == ""


def database(path: Path) -> Settings:
    return Settings(store=Store(url=f"sqlite+aiosqlite:///{path}"))


async def made(url: str) -> None:
    journal = Database(url)
    await journal.open()
    await journal.close()


def test_a_journal_that_is_there_is_reached_and_one_that_is_not_will_be(tmp_path: Path) -> None:
    settings = database(tmp_path / "voicebot.db")
    assert one("database", settings).rung.endswith("made with the first call")
    assert not (tmp_path / "voicebot.db").exists(), "looking makes nothing"
    asyncio.run(made(settings.store.url))
    assert one("database", settings).standing is Standing.BEST


def test_a_database_that_is_none_is_broken(tmp_path: Path) -> None:
    (tmp_path / "voicebot.db").write_text("this is no database " * 100)
    assert one("database", database(tmp_path / "voicebot.db")).standing is Standing.BROKEN


def test_a_password_is_never_shown() -> None:
    settings = Settings(store=Store(url="postgresql+asyncpg://bot:sesame@127.0.0.1:1/journal"))
    found = one("database", settings)
    assert found.standing is Standing.BROKEN
    assert "sesame" not in str(found)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
@pytest.mark.parametrize(("days", "standing"), [(365, Standing.BEST), (3, Standing.LOWER)])
def test_a_certificate_is_told_before_it_ends(tmp_path: Path, days: int, standing: Standing) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ("-subj", "/CN=voicebot", "-days", str(days))
    subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject), check=True, capture_output=True
    )
    found = one("certificates", Settings(serve=Serve(tls_certificate=certificate, tls_key=key)))
    assert found.standing is standing
    assert f"{days - 1} days" in found.rung or f"{days} days" in found.rung


def test_a_certificate_that_is_none_is_broken(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_text("nothing")
    found = one("certificates", Settings(serve=Serve(tls_certificate=tmp_path / "certificate.pem", tls_key=tmp_path / "certificate.pem")))
    assert found.standing is Standing.BROKEN
    assert machine.days_left(tmp_path / "certificate.pem") is None


def test_on_loopback_no_certificate_is_needed() -> None:
    assert one("certificates", Settings()).rung == "none; everything listens on loopback"
