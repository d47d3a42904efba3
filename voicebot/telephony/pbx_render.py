"""Writes the private Asterisk's run folder: configuration from the templates in dialplans/, and music on hold.

A template's place-holders are `@{name}`, so that Asterisk's own `${NAME}` stands untouched. Nothing here starts a process.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from voicebot.errors import PbxError
from voicebot.telephony.pbx_music import hold_music
from voicebot.telephony.pbx_plan import PbxPlan

DIALPLANS = Path(__file__).resolve().parents[2] / "dialplans"
FRAGMENTS = ("extensions-hotline.conf", "pjsip-agent.conf", "pjsip-callers.conf", "queues-member.conf", "websocket_client-media.conf")
"""Files that stand inside another one, once for each hotline, agent, profile or controller."""
FOLDERS = ("etc", "lib", "cache", "music", "sounds", "briefings")


_PLACE_HOLDER = re.compile(r"@\{([a-z_]+)\}")


def render(plan: PbxPlan, dialplans: Path = DIALPLANS) -> None:
    """Write configuration and music into `plan.run`, readable by this account alone. Raises PbxError naming what cannot be written."""
    try:
        for folder in (plan.run, *(plan.run / name for name in FOLDERS)):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, text in configuration(plan, dialplans).items():
            _write(plan.etc / name, text.encode())
        music = plan.music / "loop.sln16"
        if not music.exists():
            _write(music, hold_music())
    except OSError as error:
        raise PbxError(f"{error.filename or plan.run}: {error.strerror}; set [pbx] run to a folder this account can write") from None


def configuration(plan: PbxPlan, dialplans: Path = DIALPLANS) -> dict[str, str]:
    """Every configuration file of the private Asterisk: name → text. Raises PbxError when a template is missing or asks for what is unknown."""
    templates = {path.name: path.read_text(encoding="utf-8") for path in sorted(dialplans.glob("*.conf"))}
    missing = [name for name in (*FRAGMENTS, "asterisk.conf", "extensions.conf", "pjsip.conf") if name not in templates]
    if missing:
        raise PbxError(f"{dialplans}: {', '.join(missing)} missing; restore the folder from the repository")
    values = _values(plan)
    values["hotlines"] = _each(templates, "extensions-hotline.conf", ({"number": n, "language": lang} for n, lang in plan.hotlines.items()))
    values["agents"] = _each(templates, "pjsip-agent.conf", ({"agent": n, "secret": secret} for n, secret in plan.agents.items()))
    values["members"] = _each(templates, "queues-member.conf", ({"agent": n} for n in plan.agents))
    account = {"username": plan.username, "password": plan.password}
    values["media"] = _each(templates, "websocket_client-media.conf", ({"connection": c, "url": url, **account} for c, url in plan.media.items()))
    values["callers"] = _each(templates, "pjsip-callers.conf", [{}] if plan.anonymous else [])
    return {name: _fill(name, text, values) for name, text in templates.items() if name not in FRAGMENTS}


def _values(plan: PbxPlan) -> dict[str, object]:
    values: dict[str, object] = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}
    return values | {"spool": plan.spool, "sounds": plan.sounds, "modules": plan.binary.modules, "data": plan.binary.data}


def _each(templates: Mapping[str, str], name: str, rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(_fill(name, templates[name], row) for row in rows)


def _fill(name: str, text: str, values: Mapping[str, object]) -> str:
    try:
        return _PLACE_HOLDER.sub(lambda found: str(values[found[1]]), text)
    except KeyError as error:
        raise PbxError(f"dialplans/{name}: unknown place-holder @{{{error.args[0]}}}") from None


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)
