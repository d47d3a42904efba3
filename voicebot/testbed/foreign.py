"""The PBX of somebody else, for edge mode: a second Asterisk with one trunk to the bot, one desk phone and callers from outside. A-law alone.

It has no ARI, no manager and no web server; what the trunk reaches on it is one number. Never used in production.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicebot.errors import PbxError
from voicebot.settings import Pbx, Settings
from voicebot.telephony.pbx import PrivateAsterisk, check_ports, running_modules, wanted_modules
from voicebot.telephony.pbx_plan import plan
from voicebot.telephony.pbx_render import configuration, fill, folders, write
from voicebot.testbed.dialog import Account
from voicebot.testbed.phone import Phone
from voicebot.testbed.sip import Address

HOST = "127.0.0.2"
"""Its address; callers from outside come from 127.0.0.1, the bot from another one."""
DESK = "600"
"""The number that a caller is handed over to; the phone of the same name rings."""
PORTS = 400
"""What one takes: SIP of the trunk, SIP of the phones, audio."""
HEADERS = ("X-Voicebot-Call", "X-Voicebot-Reason", "X-Voicebot-Urgency", "X-Voicebot-Language", "X-Voicebot-Pop", "User-to-User")
"""What the desk phone is told of what came on the trunk."""
DESK_PASSWORD = "the-desk-phones-own"  # noqa: S105 - lives as long as a test
_LEFT_OUT = frozenset({"ari.conf", "chan_websocket.conf", "queues.conf", "stasis.conf", "websocket_client.conf", "extensions-voicebot.conf"})
_MODULES = re.compile(r"res_ari|stasis|websocket|app_queue|res_http|musiconhold")
_MORE_MODULES = ("app_dial", "app_stack", "res_pjsip_header_funcs", "res_pjsip_outbound_authenticator_digest", "res_srtp", "bridge_native_rtp")
_MODULES_KEPT = frozenset({"res_stasis.so", "res_stasis_device_state.so"})
_PJSIP = r"""
[global]
type = global
endpoint_identifier_order = auth_username,username,ip

[trunk]
type = transport
protocol = @{protocol}
bind = @{host}:@{port}
@{tls}

[phones]
type = transport
protocol = udp
bind = @{host}:@{phones}

[leg](!)
type = endpoint
disallow = all
allow = alaw
direct_media = no
media_address = @{host}
bind_rtp_to_media_address = yes
rtp_symmetric = yes
rewrite_contact = yes

[voicebot](leg)
context = from-voicebot
identify_by = ip
transport = trunk
aors = voicebot
@{auth}
media_encryption = @{encryption}

[voicebot]
type = aor
contact = sip:@{bot}\;transport=@{protocol}

[voicebot]
type = identify
endpoint = voicebot
match = @{bot_host}

[voicebot]
type = auth
auth_type = userpass
username = @{username}
password = @{password}

[outside](leg)
context = from-outside
identify_by = ip
transport = phones

[outside]
type = identify
endpoint = outside
match = 127.0.0.1

[@{desk}](leg)
context = nowhere
transport = phones
auth = @{desk}
aors = @{desk}

[@{desk}]
type = auth
auth_type = userpass
username = @{desk}
password = @{desk_password}

[@{desk}]
type = aor
max_contacts = 1
remove_existing = yes
"""
_EXTENSIONS = """
[globals]
TRUNK = voicebot

[from-outside]
exten => _X!,1,Dial(PJSIP/${EXTEN}@${TRUNK})

[from-voicebot]
exten => @{desk},1,NoOp()
@{kept}
 same => n,Dial(PJSIP/@{desk},,b(tell^s^1))
 same => n,Hangup(${HANGUPCAUSE})

[tell]
exten => s,1,NoOp()
@{told}
 same => n,Return()

[nowhere]
"""


@dataclass(frozen=True)
class Trunk:
    """How it reaches the bot, and what for TLS lies in `certificates`: files `certificate.pem`, `key.pem` and `ca.pem`.

    With a `password` both sides of the trunk are challenged.
    """

    bot: Address
    port: int
    """Where it takes SIP of the bot; its phones have the next one."""
    username: str = "voicebot"
    password: str = ""
    certificates: Path | None = None

    @classmethod
    def to(cls, bot: str, **others: Any) -> Trunk:
        """One to a bot at the address `bot`, at ports that are free now."""
        while True:
            port = random.randrange(20_000, 30_000, PORTS)
            with contextlib.suppress(PbxError):
                for host, wanted in ((bot, port), (HOST, port), (HOST, port + 1)):
                    check_ports(host, wanted)
                return cls((bot, port), port, **others)

    @property
    def account(self) -> Account:
        """What both sides prove themselves with."""
        return Account(self.username, self.password)

    @property
    def peer(self) -> str:
        """What goes into `[trunk] peer`."""
        return f"{HOST}:{self.port}"


class Foreign(PrivateAsterisk):
    """The other PBX while it runs: `cli`, its log, and phones."""

    def __init__(self, trunk: Trunk, tree: Path, folder: Path) -> None:
        pbx = Pbx(tree=tree, run=folder / "run", sip_host=HOST, sip_port=trunk.port, rtp_first=trunk.port + 2, rtp_last=trunk.port + PORTS - 1)
        alone = Settings().model_copy(update={"secrets": folder / "secrets", "pbx": pbx, "trunk": None})  # whatever the environment says
        super().__init__(plan(alone, controller_port=9))
        self.trunk = trunk

    @property
    def address(self) -> Address:
        """Where callers from outside and the desk phone find it."""
        return HOST, self.trunk.port + 1

    def caller(self) -> AbstractAsyncContextManager[Phone]:
        """A phone outside, with A-law alone."""
        return Phone.open(self.address, ("PCMA",))

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Phone]:
        """The registered phone on the desk."""
        async with Phone.open(self.address, ("PCMA",), Account(DESK, DESK_PASSWORD)) as phone:
            await phone.register()
            yield phone

    def configure(self) -> None:
        """Its own configuration in the place of the bot's."""
        try:
            folders(self.plan)
            for name, text in self._configuration().items():
                write(self.plan.etc / name, text.encode())
        except OSError as error:
            raise PbxError(f"{error.filename}: {error.strerror}") from None

    async def verify(self) -> None:
        """All modules run and the trunk is there. Raises PbxError."""
        wanted = wanted_modules((self.plan.etc / "modules.conf").read_text(encoding="utf-8"))
        if absent := sorted(wanted - running_modules(await self.cli("module show"))):
            raise PbxError(f"the foreign PBX lacks {', '.join(absent)}; see {self.plan.log}")
        said = await self.cli("pjsip show endpoints")
        if absent := [name for name in ("voicebot", "outside", DESK) if f"Endpoint:  {name} " not in said]:
            raise PbxError(f"the foreign PBX refused its endpoint {', '.join(absent)}; see {self.plan.log}")

    def _configuration(self) -> dict[str, str]:
        files = {name: text for name, text in configuration(self.plan).items() if name not in _LEFT_OUT}
        mine = {"pjsip.conf": _PJSIP, "extensions.conf": _EXTENSIONS}
        files |= {name: fill(name, text, self._values()) for name, text in mine.items()}
        return files | {"modules.conf": modules(files["modules.conf"])}

    def _values(self) -> dict[str, object]:
        trunk, folder = self.trunk, self.trunk.certificates
        tls = f"cert_file={folder}/certificate.pem\npriv_key_file={folder}/key.pem\nca_list_file={folder}/ca.pem\nmethod=tlsv1_2\nverify_server=yes"
        return {
            **{"host": HOST, "port": trunk.port, "phones": trunk.port + 1, "desk": DESK, "desk_password": DESK_PASSWORD},
            **{"bot": f"{trunk.bot[0]}:{trunk.bot[1]}", "bot_host": trunk.bot[0]},
            **{"username": trunk.username, "password": trunk.password or "unused"},
            "auth": "auth = voicebot\noutbound_auth = voicebot" if trunk.password else "",
            **({"protocol": "tls", "tls": tls, "encryption": "sdes"} if folder else {"protocol": "udp", "tls": "", "encryption": "no"}),
            "kept": "\n".join(f" same => n,Set(__H{i}=${{PJSIP_HEADER(read,{name})}})" for i, name in enumerate(HEADERS)),
            "told": "\n".join(f" same => n,Set(PJSIP_HEADER(add,{name})=${{H{i}}})" for i, name in enumerate(HEADERS)),
        }


def modules(bots: str) -> str:
    """The module list of the bot's Asterisk (text of modules.conf) without what only the bot needs, and with what a PBX needs that places calls."""
    kept = sorted(name for name in wanted_modules(bots) if name in _MODULES_KEPT or not _MODULES.search(name))
    return "[modules]\nautoload = no\n" + "".join(f"load = {name}\n" for name in (*kept, *(f"{name}.so" for name in _MORE_MODULES)))
