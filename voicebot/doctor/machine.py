"""What the jobs run on: Asterisk, ports, disk, processor, database, certificates. Each check looks, and leaves everything as it was."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import make_url

from voicebot.doctor import Check, Finding, Standing
from voicebot.errors import VoicebotError
from voicebot.llm.inside import BUILD
from voicebot.settings import Settings
from voicebot.store.database import open_reading, sqlite_file
from voicebot.telephony.pbx import check_ports, wanted_modules
from voicebot.telephony.pbx_plan import TESTED_VERSION, find_binary, recent_enough, version
from voicebot.telephony.pbx_render import DIALPLANS
from voicebot.telephony.secure import served
from voicebot.telephony.server import check_port

LOW_MB, ENOUGH_MB = 500, 2_000
EXPIRES_D = 30
"""A certificate that ends sooner is told of."""

_REPAIR = "scripts/setup"


def asterisk(settings: Settings) -> Iterator[Finding]:
    """Its version, and that every module the bot loads is there."""
    binary = find_binary(settings.pbx.tree)
    found = version(binary)
    named = ".".join(map(str, found))
    wanted = wanted_modules((DIALPLANS / "modules.conf").read_text(encoding="utf-8"))
    missing = sorted(module for module in wanted if not (binary.modules / module).exists())
    if not recent_enough(found):
        yield Finding("Asterisk", Standing.BROKEN, f"{named} is too old; 22.8, 20.18 or 23.2 is needed", "no calls", _REPAIR)
    elif missing:
        yield Finding("Asterisk", Standing.BROKEN, f"{named} without {', '.join(missing)}", "no calls", _REPAIR)
    elif found != TESTED_VERSION:
        yield Finding("Asterisk", Standing.LOWER, named, f"{'.'.join(map(str, TESTED_VERSION))} is the one tested", _REPAIR)
    else:
        yield Finding("Asterisk", Standing.BEST, f"{named}, {len(wanted)} modules")


def ports(settings: Settings) -> Iterator[Finding]:
    """SIP and the controller's port: free, or taken, which is as it should be while the bot runs."""
    host, sip, serve = settings.trunk.listen if settings.trunk else settings.pbx.sip_host, settings.pbx.sip_port, settings.serve
    for what, address, port, check in (("SIP", host, sip, check_ports), ("controller", serve.host, serve.port, check_port)):
        try:
            check(address, port)
        except VoicebotError as error:
            climb = str(error).partition("; ")[2]
            yield Finding("ports", Standing.LOWER, f"{what} {address}:{port} is taken", "right if this bot is running, else it cannot start", climb)
        else:
            yield Finding("ports", Standing.BEST, f"{what} {address}:{port} is free")


def disk(settings: Settings) -> Iterator[Finding]:
    """Room where the bot writes: rendered phrases, journal, recordings."""
    places = {settings.speech.cache: "[speech] cache", Path("var"): "the working folder"}
    if settings.recording.enabled:
        places[settings.recording.folder] = "[recording] folder"
    for folder, setting in places.items():
        there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        free_mb = shutil.disk_usage(there).free >> 20
        standing = Standing.BROKEN if free_mb < LOW_MB else Standing.LOWER if free_mb < ENOUGH_MB else Standing.BEST
        costs, climb = ("calls go on, records wait or are lost", f"make room, or move {setting}") if standing is not Standing.BEST else ("", "")
        yield Finding("disk", standing, f"{free_mb / 1000:,.1f} GB free for {folder}", costs, climb)


def processor(settings: Settings) -> Iterator[Finding]:
    """Cores, and the two traps: no AVX2, and AMX under a language model that was built for it."""
    flags, cores = cpu_flags(Path("/proc/cpuinfo")), len(os.sched_getaffinity(0))
    extra = settings.llm.engine == "llama" and importlib.util.find_spec("llama_cpp") is not None
    if any(flag.startswith("amx") for flag in flags) and extra and "AMX" in _llama_features():
        fix = f"{BUILD} --force-reinstall --no-cache-dir"
        yield Finding("processor", Standing.BROKEN, "AMX, and a llama.cpp built for it", "it crashes at the first prompt", fix)
    elif os.uname().machine == "x86_64" and "avx2" not in flags:
        yield Finding("processor", Standing.LOWER, f"{cores} cores without AVX2", "engines with weights are several times slower", "another machine")
    else:
        yield Finding("processor", Standing.BEST, f"{cores} cores")


def database(settings: Settings) -> Iterator[Finding]:
    """Reachable; an SQLite file that is not there yet will be made."""
    url = settings.store.url
    file = sqlite_file(make_url(url))
    if file is not None and not file.exists():
        yield Finding("database", Standing.BEST, f"{file}, made with the first call")
        return
    asyncio.run(_reached(url))
    yield Finding("database", Standing.BEST, make_url(url).render_as_string(hide_password=True))


def certificates(settings: Settings) -> Iterator[Finding]:
    """That TLS can be served, and for how long; none is needed on loopback."""
    served(settings.serve)
    paths = [settings.serve.tls_certificate, settings.trunk.tls_certificate if settings.trunk else None]
    for path in filter(None, paths):
        left_d = days_left(path)
        if left_d is None:
            yield Finding(
                "certificates", Standing.BROKEN, f"{path} is no certificate", "Asterisk and the controller do not find each other", "another file"
            )
        elif left_d < EXPIRES_D:
            standing = Standing.BROKEN if left_d < 0 else Standing.LOWER
            yield Finding("certificates", standing, f"{path} ends in {left_d:.0f} days", "after it no call comes in", "renew it")
        else:
            yield Finding("certificates", Standing.BEST, f"{path}, {left_d:.0f} days")
    if not any(paths):
        yield Finding("certificates", Standing.BEST, "none; everything listens on loopback")


MACHINE: Mapping[str, Check] = {
    "Asterisk": asterisk,
    "ports": ports,
    "disk": disk,
    "processor": processor,
    "database": database,
    "certificates": certificates,
}


def cpu_flags(cpuinfo: Path) -> frozenset[str]:
    """What the processor can do, as Linux names it; empty where it does not say."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def days_left(certificate: Path) -> float | None:
    """Days until the first certificate in this PEM file ends, negative when it has; None when it is none."""
    command = ("openssl", "x509", "-noout", "-enddate", "-in", str(certificate))
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return (ssl.cert_time_to_seconds(said.strip().removeprefix("notAfter=")) - time.time()) / 86_400


def _llama_features() -> str:
    """What the installed llama.cpp was built for, asked of another process: the module may not even load."""
    program = "import llama_cpp; print(llama_cpp.llama_print_system_info().decode())"
    try:
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True).stdout
    except subprocess.SubprocessError:
        return ""


async def _reached(url: str) -> None:
    engine = await open_reading(url)
    await engine.dispose()
