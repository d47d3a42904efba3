"""What the private Asterisk is to be, decided before anything is started: addresses, folders, credentials, which binary.

Reads the tree and the secrets folder, and writes secrets that are not there yet. It never starts a process and writes no configuration.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voicebot.errors import PbxError, SettingsError
from voicebot.settings import Pbx, Settings
from voicebot.settings.handover import Handover
from voicebot.telephony.pbx_queues import members
from voicebot.telephony.secure import TRUSTED_AUTHORITIES, scheme
from voicebot.telephony.trunk import TrunkPlan, planned

APP = "voicebot"
USERNAME = "voicebot"
WEB_CALLER = "web-caller"
"""The secret by which somebody at the desk calls the bot."""
TESTED_VERSION = (22, 10, 1)
OLDEST_VERSIONS: Mapping[int, tuple[int, int]] = {20: (20, 18), 22: (22, 8), 23: (23, 2)}
OWN_BINARY = Path("/usr/sbin/asterisk")
CONTROL_SOCKET_LIMIT = 107
"""Longest path of a UNIX socket in bytes: `sun_path` less its final zero (unix(7))."""

Version = tuple[int, ...]


@dataclass(frozen=True)
class Binary:
    """An Asterisk that can be run: the command before its options, and where its modules and data lie."""

    command: tuple[str, ...]
    modules: Path
    data: Path


@dataclass(frozen=True)
class PbxPlan:
    """Everything the templates in dialplans/ and the process need. Folders are absolute; ports are real ones, never 0."""

    binary: Binary
    run: Path
    sip_host: str
    sip_port: int
    rtp_first: int
    rtp_last: int
    control_url: str
    floor_url: str
    media: Mapping[str, str]
    """The websocket_client sections by which media sockets reach the controller that asked: name → URL."""
    password: str = field(repr=False)
    ari_password: str = field(repr=False)
    agents: Mapping[str, str] = field(repr=False)
    """Agent number → SIP password."""
    hotlines: Mapping[str, str]
    """Dialled number → language."""
    handover: Handover
    queues: Mapping[str, tuple[str, ...]]
    """Queue → whom it rings."""
    anonymous: bool
    trunk: TrunkPlan | None = None
    """Edge mode: with it there are neither agents nor anonymous callers here."""
    web_phones: tuple[str, ...] = ()
    """Agents whose phone is their browser. With none of them Asterisk's HTTP server is off."""
    web_port: int = 0
    web_caller: str = field(default="", repr=False)
    """The SIP password of whoever calls the bot from the desk."""
    ca: Path = TRUSTED_AUTHORITIES
    """Who may have signed the controller's certificate, where its sockets are wss://."""
    app: str = APP
    username: str = USERNAME

    @property
    def spool(self) -> Path:
        """Folder of the briefings: `<name>.sln16`, name of letters, digits, `-` and `_` only; anything else is not played."""
        return self.run / "briefings"

    @property
    def sounds(self) -> Path:
        """Folder of `<line>-<language>.sln16`, what the dialplan says itself: 16 kHz pcm without a header."""
        return self.run / "sounds"

    @property
    def music(self) -> Path:
        return self.run / "music"

    @property
    def transports(self) -> tuple[str, ...]:
        """Asterisk's names for what it takes SIP on."""
        return (self.trunk.endpoints[0],) if self.trunk else ("voicebot-udp", "voicebot-tcp", *(("voicebot-ws",) if self.web_phones else ()))

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Everybody who can call here or be called."""
        callers = ("voicebot-caller", "voicebot-web") if self.web_phones else ("voicebot-caller",)
        return self.trunk.endpoints if self.trunk else (*self.agents, *(callers if self.anonymous else ()))

    @property
    def etc(self) -> Path:
        return self.run / "etc"

    @property
    def log(self) -> Path:
        return self.run / "asterisk.log"

    @property
    def control_socket(self) -> Path:
        return self.run / "asterisk.ctl"


def plan(settings: Settings, *, controller_port: int | None = None, anonymous: bool | None = None) -> PbxPlan:
    """Decide the private Asterisk for `settings`. `controller_port` and `anonymous` override `[serve] port` and `[pbx] anonymous`.

    `[pbx] sip_port = 0` takes a free port. Raises PbxError naming the setting that cannot be.
    """
    pbx, trunk = settings.pbx, planned(settings.trunk)
    sip_host = settings.trunk.listen if settings.trunk else pbx.sip_host
    run = _usable_run_folder(pbx.run.resolve())
    own = f"{settings.serve.host}:{controller_port or settings.serve.port}"
    ws = scheme(settings.serve, (own, *pbx.controllers, *([pbx.balancer] if pbx.balancer else [])))
    controller = f"{ws}://{pbx.balancer or own}"
    if pbx.rtp_last - pbx.rtp_first < 3:
        raise PbxError(f"RTP ports {pbx.rtp_first}-{pbx.rtp_last} hold no call; set [pbx] rtp_first and rtp_last")
    return PbxPlan(
        binary=find_binary(pbx.tree.resolve()),
        run=run,
        sip_host=sip_host,
        sip_port=pbx.sip_port or _free_port(sip_host),
        rtp_first=pbx.rtp_first,
        rtp_last=pbx.rtp_last,
        control_url=f"{controller}/ari",
        floor_url=f"{controller}/floor",
        media={media_connection(pbx.controllers, each): f"{ws}://{each}/media" for each in pbx.controllers or (own,)},
        password=secret(settings.secrets, "control"),
        ari_password=secret(settings.secrets, "ari"),
        agents={} if trunk else {agent: secret(settings.secrets, f"agent-{agent}") for agent in pbx.agents},
        hotlines={number: hotline.language for number, hotline in settings.hotlines.items()},
        handover=settings.handover,
        queues=members(settings),
        anonymous=not trunk and (pbx.anonymous if anonymous is None else anonymous),
        trunk=trunk,
        web_phones=_web_phones(pbx, trunk),
        web_port=pbx.web_port,
        web_caller=secret(settings.secrets, WEB_CALLER) if pbx.web_phones else "",
        ca=(settings.serve.tls_ca or TRUSTED_AUTHORITIES).resolve(),
    )


def _web_phones(pbx: Pbx, trunk: TrunkPlan | None) -> tuple[str, ...]:
    if trunk and pbx.web_phones:
        raise PbxError("browser phones are for agents who are here; leave out [pbx] web_phones or the section [trunk]")
    if strange := [each for each in pbx.web_phones if each not in pbx.agents]:
        raise PbxError(f"[pbx] web_phones: {', '.join(strange)} not among [pbx] agents ({', '.join(pbx.agents)})")
    return pbx.web_phones


def media_connection(controllers: Sequence[str], own: str) -> str:
    """The name under which Asterisk knows the media sockets of the controller at `own` ("host:port"): the only one, or one of `controllers`.

    Raises SettingsError when it is none of them.
    """
    if not controllers:
        return "voicebot-media"
    if own not in controllers:
        raise SettingsError(f"[serve] host and port, {own}, are none of [pbx] controllers ({', '.join(controllers)}); name this controller there")
    return f"voicebot-media-{own.replace(':', '-')}"


def secret(folder: Path, name: str) -> str:
    """The secret `name`, made once and kept in `folder`/`name`, mode 600. Two processes that ask at once get the same one.

    Raises PbxError when others can read the file or it cannot be written.
    """
    path = folder / name
    try:
        if not path.exists():
            _make_secret(path)
        if path.stat().st_mode & 0o077:
            raise PbxError(f"secret {path} can be read by others; run: chmod 600 {path}")
        value = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PbxError(f"secret {path} cannot be read or made: {error}; check [secrets] and the folder's rights") from None
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", value):
        raise PbxError(f"secret {path} is not 16 or more letters and digits; delete the file and a new one is made")
    return value


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secret counts
    finally:
        draft.unlink()


def find_binary(tree: Path) -> Binary:
    """The Asterisk to run: the unprivileged `tree` when it is there, else the machine's own. Raises PbxError when there is neither."""
    if (tree / "usr/sbin/asterisk").exists():
        return _in_tree(tree)
    if OWN_BINARY.exists():
        modules = next(Path("/usr").glob("lib*/**/asterisk/modules"), Path("/usr/lib/asterisk/modules"))
        data = next((path for path in (Path("/usr/share/asterisk"), Path("/var/lib/asterisk")) if path.exists()), Path("/usr/share/asterisk"))
        return Binary((str(OWN_BINARY),), modules, data)
    raise PbxError(f"no Asterisk in {tree} and none in {OWN_BINARY}; run scripts/setup")


def _in_tree(tree: Path) -> Binary:
    loader = next((path for folder in ("lib64", "lib") for path in sorted((tree / folder).glob("ld-linux-*.so.*"))), None)
    modules = next((tree / "usr/lib").glob("*/asterisk/modules"), None)
    if loader is None or modules is None:
        raise PbxError(f"the Asterisk tree {tree} is incomplete; delete it and run scripts/setup")
    triplet = modules.parent.parent.name
    libraries = ":".join(str(tree / folder) for folder in (f"usr/lib/{triplet}", f"lib/{triplet}", "usr/lib"))
    return Binary((str(loader), "--library-path", libraries, str(tree / "usr/sbin/asterisk")), modules, tree / "usr/share/asterisk")


def version(binary: Binary) -> Version:
    """What `asterisk -V` says, as numbers. Raises PbxError when it does not run."""
    try:
        answer = subprocess.run([*binary.command, "-V"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise PbxError(f"{binary.command[-1]} does not run: {error}; run scripts/setup") from None
    return parse_version(answer)


def parse_version(answer: str) -> Version:
    """`Asterisk 22.10.1~dfsg+~cs6.16` → (22, 10, 1)."""
    found = re.search(r"Asterisk (?:certified[-/])?(\d+(?:\.\d+)*)", answer)
    if found is None:
        raise PbxError(f"asterisk -V answered {answer.strip()[:80]!r}, which names no version; run scripts/setup")
    return tuple(int(part) for part in found[1].split("."))


def recent_enough(found: Version) -> bool:
    """Whether this version has all that a call needs (design §7)."""
    oldest = OLDEST_VERSIONS.get(found[0])
    return found >= oldest if oldest else found[0] > max(OLDEST_VERSIONS)


def _usable_run_folder(run: Path) -> Path:
    if not re.fullmatch(r"[\w./@+-]+", str(run), re.ASCII):
        raise PbxError(f"{run}: Asterisk's files cannot name this folder; set [pbx] run to a path of letters, digits and . _ - + @ /")
    if len(str(run / "asterisk.ctl").encode()) > CONTROL_SOCKET_LIMIT:
        raise PbxError(f"{run}: too long for Asterisk's control socket; set [pbx] run to a path of at most {CONTROL_SOCKET_LIMIT - 13} bytes")
    return run


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
