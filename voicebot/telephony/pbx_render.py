"""Writes the private Asterisk's run folder: configuration from the templates in dialplans/, and music on hold.

A template's place-holders are `@{name}`, so that Asterisk's own `${NAME}` stands untouched. Nothing here starts a process.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from voicebot.errors import PbxError
from voicebot.telephony.pbx_music import hold_music
from voicebot.telephony.pbx_plan import PbxPlan
from voicebot.telephony.pbx_queues import direct
from voicebot.telephony.pbx_queues import values as queue_values

DIALPLANS = Path(__file__).resolve().parents[2] / "dialplans"
FRAGMENTS = (
    *("extensions-hotline.conf", "extensions-number.conf", "extensions-trunk.conf"),
    *("pjsip-agent.conf", "pjsip-callers.conf", "pjsip-loopback.conf", "pjsip-trunk.conf", "pjsip-trunk-auth.conf"),
    *("modules-trunk.conf", "queues-queue.conf", "queues-member.conf", "websocket_client-media.conf"),
    *("http-web.conf", "modules-web.conf", "pjsip-web.conf", "pjsip-web-caller.conf"),
)
"""Files that stand inside another one, once for each hotline, agent, profile, trunk or controller."""
FOLDERS = ("etc", "lib", "cache", "data", "music", "sounds", "briefings")


_VERIFIED = "tls_enabled = yes\nca_list_file = {ca}\nverify_server_cert = yes\nverify_server_hostname = yes"
_NO_TRUNK = {
    **dict.fromkeys(("pop_url", "transports", "trunk_dialplan", "trunk_modules"), ""),
    "headers": "b(voicebot-agent^s^1)",
    **{"retry_s": "1", "wrapup_s": "2", "ringinuse": "no"},
}
"""How the place-holders that serve the trunk are filled where there is none: agents' phones ring, each for one caller."""
_NO_WEB = {"http": "no", "ice": "no", **dict.fromkeys(("http_web", "web", "web_modules"), "")}
_PLACE_HOLDER = re.compile(r"@\{([a-z_]+)\}")


def render(plan: PbxPlan, dialplans: Path = DIALPLANS) -> None:
    """Write configuration and music into `plan.run`, readable by this account alone. Raises PbxError naming what cannot be written."""
    try:
        folders(plan)
        for name, text in configuration(plan, dialplans).items():
            write(plan.etc / name, text.encode())
        music = plan.music / "loop.sln16"
        if not music.exists():
            write(music, hold_music())
    except OSError as error:
        raise PbxError(f"{error.filename or plan.run}: {error.strerror}; set [pbx] run to a folder this account can write") from None


def folders(plan: PbxPlan) -> None:
    """Make them. Asterisk's data are links to its own, but for the sounds: it says a caller's place in our voice. Raises OSError."""
    for folder in (plan.run, *(plan.run / name for name in FOLDERS)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in (*(path for path in plan.binary.data.glob("*") if path.name != "sounds"), plan.sounds):
        link = plan.run / "data" / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(path)


def configuration(plan: PbxPlan, dialplans: Path = DIALPLANS) -> dict[str, str]:
    """Every configuration file of the private Asterisk: name → text. Raises PbxError when a template is missing or asks for what is unknown."""
    templates = {path.name: path.read_text(encoding="utf-8") for path in sorted(dialplans.glob("*.conf"))}
    missing = [name for name in (*FRAGMENTS, "asterisk.conf", "extensions.conf", "pjsip.conf") if name not in templates]
    if missing:
        raise PbxError(f"{dialplans}: {', '.join(missing)} missing; restore the folder from the repository")
    values = _values(plan)
    hotlines = [{"number": number, "language": language} for number, language in plan.hotlines.items()]
    account = {"username": plan.username, "password": plan.password, "tls_options": values["tls_options"]}
    values["media"] = _each(templates, "websocket_client-media.conf", ({"connection": c, "url": url, **account} for c, url in plan.media.items()))
    values["hotlines"] = _each(templates, "extensions-hotline.conf", hotlines)
    legs = {agent: "voicebot-web-leg" if agent in plan.web_phones else "voicebot-leg" for agent in plan.agents}
    values["agents"] = _each(templates, "pjsip-agent.conf", ({"agent": n, "secret": secret, "leg": legs[n]} for n, secret in plan.agents.items()))
    values["queues"] = "\n".join(_queue(templates, values, queue, members) for queue, members in {**plan.queues, **direct(plan.agents)}.items())
    values["callers"] = _each(templates, "pjsip-callers.conf", [{}] if plan.anonymous else [])
    values |= _web(plan, templates, values) if plan.web_phones else _NO_WEB
    if plan.trunk is None:
        values["transports"] = _each(templates, "pjsip-loopback.conf", [values])
    else:
        values["hotlines"] = f"{values['hotlines']}{_each(templates, 'extensions-number.conf', hotlines)}"
        values["agents"] = "".join(_each(templates, name, [values]) for name in plan.trunk.sections)
        values["trunk_dialplan"] = templates["extensions-trunk.conf"]
        values["trunk_modules"] = templates["modules-trunk.conf"]
    return {name: fill(name, text, values) for name, text in templates.items() if name not in FRAGMENTS}


def _values(plan: PbxPlan) -> dict[str, object]:
    values: dict[str, object] = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}
    values |= {"spool": plan.spool, "sounds": plan.sounds, "modules": plan.binary.modules, "data": plan.run / "data"}
    values |= {"tls_options": _VERIFIED.format(ca=plan.ca) if plan.control_url.startswith("wss:") else "tls_enabled = no"}
    values |= queue_values(plan.handover, edge=plan.trunk is not None)
    return {**values, **(plan.trunk.values() if plan.trunk else _NO_TRUNK)}


def _queue(templates: Mapping[str, str], values: Mapping[str, object], queue: str, members: Sequence[str]) -> str:
    rung = _each(templates, "queues-member.conf", ({"agent": each} for each in members))
    return fill("queues-queue.conf", templates["queues-queue.conf"], {**values, "queue": queue, "members": rung})


def _web(plan: PbxPlan, templates: Mapping[str, str], values: Mapping[str, object]) -> dict[str, object]:
    """What browser phones need: Asterisk's HTTP server for /ws, ICE, SRTP."""
    names = ("pjsip-web.conf", *(("pjsip-web-caller.conf",) if plan.anonymous else ()))
    return {
        **{"http": "yes", "ice": "yes", "web_modules": templates["modules-web.conf"]},
        "http_web": _each(templates, "http-web.conf", [values]),
        "web": "".join(_each(templates, name, [values]) for name in names),
    }


def _each(templates: Mapping[str, str], name: str, rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(fill(name, templates[name], row) for row in rows)


def fill(name: str, text: str, values: Mapping[str, object]) -> str:
    """`text` with each `@{name}` replaced by its value. Raises PbxError naming the one that has none."""
    try:
        return _PLACE_HOLDER.sub(lambda found: str(values[found[1]]), text)
    except KeyError as error:
        raise PbxError(f"dialplans/{name}: unknown place-holder @{{{error.args[0]}}}") from None


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole, for this account alone. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)
