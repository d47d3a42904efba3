"""One TOML file, read once at start into frozen models. Unknown keys are errors; secrets come from files or the environment.

Environment variables override the file: `VOICEBOT_SERVE__PORT=9000` sets `[serve] port`.
"""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from voicebot.errors import SettingsError
from voicebot.settings.anger import Anger
from voicebot.settings.customers import Customers
from voicebot.settings.engines import Models, Speech
from voicebot.settings.handover import Handover
from voicebot.settings.llm import Llm
from voicebot.settings.trunk import HostPort, Trunk, address

DEMO_KNOWLEDGE = Path(__file__).parents[1] / "demo" / "kb"
Port = Annotated[int, Field(ge=0, le=65_535)]
Positive = Annotated[int, Field(gt=0)]


def _loopback(host: str, unless: str = "") -> str:
    try:
        loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise PydanticCustomError("loopback", f"only a loopback address, 127.x.x.x, can be listened on{unless}")
    return host


Loopback = Annotated[str, AfterValidator(_loopback)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Serve(Section):
    """The controller: where Asterisk's control and media sockets, /healthz and /metrics arrive."""

    tls_certificate: Path | None = None
    """With `tls_key`: Asterisk comes by wss:// alone, and verifies this certificate. Off loopback there is no other way."""
    tls_key: Path | None = None
    tls_ca: Path | None = None
    """Who signed it, for our own Asterisk; left out: an authority this machine trusts."""
    host: str = "127.0.0.1"
    port: Port = 8088
    grace_s: Annotated[float, Field(ge=0)] = 60.0
    """How long calls may go on after SIGTERM before they are handed over to the queue."""

    @field_validator("host")
    @classmethod
    def _loopback_or_tls(cls, host: str, others: ValidationInfo) -> str:
        tls = others.data.get("tls_certificate") and others.data.get("tls_key")
        return address(host) if tls else _loopback(host, " without tls_certificate and tls_key")


class Admission(Section):
    """How much one controller takes on at once. A caller beyond that hears one sentence and goes to the queue."""

    calls: Positive = 20
    """With the bot; who waits for an agent or talks to one does not count."""
    calls_per_number: Positive = 5
    """From one number. Raise it for a switchboard that shows one number for all its people; withheld numbers are not capped."""
    cpu: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Share of all cores that the controller and its workers use."""
    loop_lag_ms: Positive = 100
    backlog_ms: Positive = 1_000
    """How late the least loaded recogniser is."""


class Pbx(Section):
    """The private Asterisk."""

    tree: Path = Path(".asterisk")
    run: Path = Path("run/pbx")
    sip_host: Loopback = "127.0.0.1"
    sip_port: Port = 5060
    rtp_first: Port = 20_000
    rtp_last: Port = 20_999
    """The callers' and agents' audio comes to UDP ports `rtp_first` to `rtp_last`: two for each of them, so 1,000 are enough for 500."""
    balancer: HostPort | None = None
    """Where Asterisk finds a controller when there is more than one: `host:port` of the load balancer before them."""
    controllers: tuple[HostPort, ...] = ()
    """The controllers behind the balancer, each as its own [serve] host and port: a controller that does not find itself here does not start."""
    agents: tuple[Annotated[str, Field(pattern=r"^[0-9]{3,6}$")], ...] = ("6001", "6002", "6003")
    web_phones: tuple[str, ...] = ()
    """Those of `agents` who talk through their browser instead of a phone; by the desk, at `web_port` of Asterisk."""
    web_port: Annotated[int, Field(gt=0, le=65_535)] = 8091
    anonymous: bool = False
    """Take calls without authentication, from loopback only. The demo profile sets it."""


class Hotline(Section):
    """One dialled number and the language it speaks."""

    language: str = "en"
    menu: bool = False
    """Answer with the DTMF menu instead of listening to speech."""


class Store(Section):
    """The journal: any SQLAlchemy async URL."""

    url: str = "sqlite+aiosqlite:///var/voicebot.db"


class Kb(Section):
    """The knowledge base: a folder with one folder of entries per language."""

    folder: Path = DEMO_KNOWLEDGE
    embedding: Path | None = None
    """A folder with model.onnx and tokenizer.json, or its name in [models] folder."""


class Turns(Section):
    """Turn-taking, in milliseconds of audio."""

    hold_complete_ms: Positive = 400
    """Silence after which a caller's turn is over when the words so far are a whole sentence."""
    hold_ms: Positive = 1_000
    """The same when nothing is known of the words; longer for a caller who has paused for longer in this turn."""
    hold_hanging_ms: Positive = 1_200
    """The same when the words so far cannot be all ("I want to"); no caller is given more."""
    max_utterance_ms: Positive = 20_000
    """A turn is over after so much speech, pause or not."""
    no_speech_ms: Positive = 6_000
    """So long the bot waits for words before it asks whether anybody is there; who stays silent all the same goes where `no_speech_then` says."""
    no_speech_then: Literal["queue", "end"] = "queue"
    """To a person, or to a goodbye and the end of the call."""
    no_rtp_ms: Positive = 15_000
    """A caller from whose line nothing at all has come for so long, while the bot waited for words, is hung up on, and reaches no agent."""
    stuck_ms: Positive = 20_000
    """A caller around whom nobody speaks for so long, whatever the reason, goes to a person."""
    on_hold_ms: Positive = 120_000
    """A caller who keeps the bot on hold longer is let go."""


class Recording(Section):
    """Stereo call recording (caller left, bot right): 230 MB an hour of call."""

    enabled: bool = False
    folder: Path = Path("var/recordings")
    max_total_mb: Positive = 20_000
    """What the folder may hold. Then recording stops, with an alarm, until old recordings are removed; calls go on."""
    min_free_mb: Annotated[int, Field(ge=0)] = 1_000
    """What must stay free on that disk, likewise."""


class Webhook(Section):
    """Where another system is told of calls. `secret` names a file in the folder of secrets; what is sent is signed with it."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]
    secret: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "webhook"  # noqa: S105 - the name of a file


class Desk(Section):
    """The web desk of agents and supervisors."""

    host: Loopback = "127.0.0.1"
    port: Port = 8090
    language: Literal["en", "zh"] = "en"
    """Of the sign-in page and of new staff."""
    sign_in_h: Annotated[float, Field(gt=0)] = 10.0
    """A sign-in lasts so long at most."""
    idle_h: Annotated[float, Field(gt=0)] = 2.0
    """And ends earlier when nothing is asked for so long and no page is open."""
    failures: Positive = 5
    """So many wrong passwords in a row lock a name,"""
    locked_s: Positive = 900
    """for so long."""
    wrap_up_s: Positive = 180
    """An agent who does not finish a wrap-up is ready again after so long."""
    embed: tuple[Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:-]+$")], ...] = ()
    """Origins of pages that may show /pop/CALL in a frame."""
    webhooks: tuple[Webhook, ...] = ()


class Retention(Section):
    """After how many days `voicebot privacy expire` blanks what is kept of a call; 0: never."""

    audio_days: Annotated[int, Field(ge=0)] = 90
    words_days: Annotated[int, Field(ge=0)] = 365
    """What was said, and what people wrote about the call."""
    scores_days: Annotated[int, Field(ge=0)] = 365
    """How angry the caller was judged."""
    number_days: Annotated[int, Field(ge=0)] = 730
    """Who called."""


class Log(Section):
    """Structured logs on standard error. Personal data never stands in them."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(env_prefix="VOICEBOT_", env_nested_delimiter="__", frozen=True, extra="forbid", use_attribute_docstrings=True)

    company: str = "Harbour Telecom"
    secrets: Path = Path("var/secrets")
    """Folder of generated secrets, one file each, mode 600."""
    serve: Serve = Serve()
    admission: Admission = Admission()
    pbx: Pbx = Pbx()
    trunk: Trunk | None = None
    """Edge mode: one SIP trunk to the PBX that is there already. Without it agents' phones register here."""
    hotlines: dict[Annotated[str, Field(pattern=r"^[0-9]{2,15}$")], Hotline] = {"100": Hotline(), "200": Hotline(language="zh")}
    store: Store = Store()
    kb: Kb = Kb()
    speech: Speech = Speech()
    models: Models = Models()
    llm: Llm = Llm()
    turns: Turns = Turns()
    handover: Handover = Handover()
    anger: Anger = Anger()
    recording: Recording = Recording()
    retention: Retention = Retention()
    desk: Desk = Desk()
    customers: Customers = Customers()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment overrides the file, which arrives as init arguments."""
        return env_settings, init_settings


def load(path: Path | None = None) -> Settings:
    """Read `path` (or `voicebot.toml` in the working folder when there is one). Raises SettingsError naming the key and the fix."""
    chosen = path or Path("voicebot.toml")
    if path is None and not chosen.exists():
        return _validated({}, "the environment")
    try:
        values = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{chosen}: no such settings file; create it or leave out --settings") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen}: not valid TOML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{chosen}: cannot be read: {error.strerror}") from None
    return _validated(values, str(chosen))


def _validated(values: dict[str, Any], source: str) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(source, dict(problem)) for problem in error.errors())) from None


def _explain(source: str, problem: dict[str, Any]) -> str:
    where = [str(part) for part in problem["loc"]]
    key = ".".join(where)
    if problem["type"] != "extra_forbidden":
        return f"{source}: {key}: {problem['msg'].lower()} (got {problem['input']!r})"
    known = _keys(where[:-1])
    close = difflib.get_close_matches(where[-1], known, n=1)
    fix = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(known)}"
    return f"{source}: unknown key '{key}'; {fix}"


def _keys(section: list[str]) -> list[str]:
    kind: Any = Settings
    for name in section:
        kind = _within(kind, name)
    return sorted(kind.model_fields)


def _within(kind: Any, name: str) -> Any:
    """What stands under `name`: a section, a table of sections, or a list of them."""
    if get_origin(kind) is None:
        kind = kind.model_fields[name].annotation
        return get_args(kind)[0] if isinstance(kind, UnionType) else kind
    return get_args(kind)[-1 if get_origin(kind) is dict else 0]
