"""Every parser that reads what somebody else wrote, as `bytes -> parsed or refused`: the targets of `scripts/bench fuzz` and of its short run in CI.

A refusal is one of the documented errors with a message; anything else that comes out of a parser is a fault. Nothing here makes inputs.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from voicebot.dialogue import knowledge
from voicebot.dialogue.decisions import CALM, EndCall, HandOver, Pressed, Rules, State
from voicebot.dialogue.policy import decide
from voicebot.errors import AriError, EngineError, KnowledgeError, MediaError, SettingsError, VoicebotError
from voicebot.settings import load
from voicebot.speech import serving
from voicebot.store import events
from voicebot.telephony import ari
from voicebot.telephony.media import MediaLink
from voicebot.values import FRAME_BYTES

Take = Callable[[bytes], None]
FIRST_REQUEST = "1"
"""The number of the first request on a control socket."""
KB_ENTRY = """---
id: opening-hours
language: en
title: Opening hours
tags: [shop]
menu: 1
questions:
  - when are you open
  - "shop: what are the hours"
short: Nine to six.
---
We are open from nine to six, Monday to Saturday.
"""


@dataclass(frozen=True)
class Parser:
    """`opened` gives, as a context, what takes one input; it raises only `refusals`. `seeds` are valid inputs to start from."""

    opened: Callable[[], contextlib.AbstractContextManager[Take]]
    refusals: tuple[type[VoicebotError], ...]
    seeds: tuple[bytes, ...]
    json: bool = False
    """Whether inputs are JSON, which random bytes hardly ever are: `mutate` then helps."""

    def taken(self, take: Take, data: bytes) -> bool:
        """Whether `data` was parsed; False when it was refused as documented. Raises whatever else the parser lets out."""
        try:
            take(data)
        except self.refusals as refusal:
            if not str(refusal).strip():
                raise AssertionError("refused without a reason") from refusal
            return False
        return True


def _always(take: Take) -> Callable[[], contextlib.AbstractContextManager[Take]]:
    return lambda: contextlib.nullcontext(take)


@contextlib.contextmanager
def _ari() -> Iterator[Take]:
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield lambda data: loop.run_until_complete(_ari_text(data))


async def _ari_text(data: bytes) -> None:
    """One message on a control socket while a request waits for its answer, which it may be; then an answer with the same bytes in it."""
    control = ari.Ari(lambda _: None)
    _, refusal = await asyncio.gather(_channels_listed(control), _answered(control, data))
    if refusal:
        raise refusal


async def _channels_listed(control: ari.Ari) -> None:
    """An answer that is no list of channels, or refuses to give one, is what this parser is for."""
    with contextlib.suppress(AriError):
        await control.channels()


async def _answered(control: ari.Ari, data: bytes) -> AriError | None:
    try:
        control.receive(data)
    except AriError as refusal:
        return refusal
    finally:
        control.receive(msgspec.json.encode(ari.RESTResponse(FIRST_REQUEST, 200, "OK", data.decode("utf-8", "replace"))))
    return None


@contextlib.contextmanager
def _media() -> Iterator[Take]:
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield lambda data: loop.run_until_complete(_media_text(data))


async def _media_text(data: bytes) -> None:
    link = MediaLink(lambda _: None)
    link.connect(_NoWire())
    try:
        link.play(bytes(FRAME_BYTES))
        link.receive_text(data)
    finally:
        link.disconnect()


class _NoWire:
    def send_text(self, text: bytes) -> None: ...
    def send_audio(self, pcm: bytes) -> None: ...
    def close(self) -> None: ...


@contextlib.contextmanager
def _kb() -> Iterator[Take]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "en" / "opening-hours.md"
        path.parent.mkdir()

        def take(data: bytes) -> None:
            path.write_bytes(data)
            loaded = knowledge.load(Path(folder))
            _expect(len(loaded.entries) == 1, "loaded without a fault, yet not one entry")

        yield take


@contextlib.contextmanager
def _settings() -> Iterator[Take]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voicebot.toml"

        def take(data: bytes) -> None:
            path.write_bytes(data)
            load(path)

        yield take


def _digits(data: bytes) -> None:
    """Any keys in any order: each is decided, and pressing on comes to an end."""
    rules = Rules(menu={"1": "opening-hours", "2": "pay-bill"})
    state = State.start(menu=bool(data[:1] and data[0] & 1))
    for key in data.decode("latin-1"):
        step = decide(state, Pressed(key), CALM, rules)
        if isinstance(step.decision, HandOver | EndCall):
            return
        state = step.state
    _expect(state.unanswered < rules.max_unanswered, "keys that lead nowhere went on for ever")


def _worker(data: bytes) -> None:
    """What comes over the socket from a worker process: whole or a byte at a time, the same frames."""
    whole, bytewise, singly = bytearray(data), bytearray(), []
    frames = serving.take_frames(whole)
    for byte in data:
        bytewise.append(byte)
        singly += serving.take_frames(bytewise)
    _expect((frames, whole) == (singly, bytewise), "a byte at a time gives other frames")


@contextlib.contextmanager
def _audio() -> Iterator[Take]:
    """Audio of any length in pieces of any length: the same frames as whole. The first byte tells the length of the pieces."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:

        def take(data: bytes) -> None:
            audio, length = data[1:], 1 + (data[0] if data else 0)
            whole, cut = (loop.run_until_complete(_frames(pieces)) for pieces in ([audio], _cut(audio, length)))
            _expect(whole == cut, "pieces give other frames")

        yield take


async def _frames(pieces: list[bytes]) -> list[bytes]:
    heard: list[bytes] = []
    link = MediaLink(lambda frame: heard.append(frame.caller))
    link.connect(_NoWire())
    for piece in pieces:
        link.receive_audio(piece)
    link.disconnect()
    return heard


def _cut(data: bytes, length: int) -> list[bytes]:
    return [data[at : at + length] for at in range(0, len(data), length)]


def _journal(data: bytes) -> None:
    """A payload as it may stand in a row of an old or broken database: always an event, if only `Unknown`."""
    events.encode(events.decode(data.decode("utf-8", "replace")))


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


_CHANNEL = b'{"id":"1","name":"PJSIP/x-1","state":"Up","channelvars":{"VOICEBOT_ANI":"123"},"dialplan":{"app_name":"Queue"}}'
PARSERS: Mapping[str, Parser] = {
    "ari": Parser(
        _ari,
        (AriError,),
        (
            b'{"type":"StasisStart","application":"voicebot:x","args":["a"],"channel":' + _CHANNEL + b"}",
            b'{"type":"Dial","peer":' + _CHANNEL + b',"dialstatus":"RINGING"}',
            b'{"type":"RESTResponse","request_id":"1","status_code":404,"reason_phrase":"Not Found","message_body":"[]"}',
            b'{"type":"ChannelDtmfReceived","digit":"1","channel":' + _CHANNEL + b"}",
        ),
        json=True,
    ),
    "media": Parser(
        _media,
        (MediaError,),
        (
            b'{"event":"MEDIA_START","optimal_frame_size":640,"ptime":20}',
            b'{"event":"MEDIA_MARK_PROCESSED","correlation_id":"1"}',
            b'{"event":"MEDIA_XOFF"}',
        ),
        json=True,
    ),
    "audio": Parser(_audio, (), (bytes(1), b"\x05" + bytes(FRAME_BYTES), b"\xff" + bytes(range(256)) * 3)),
    "kb": Parser(_kb, (KnowledgeError,), (KB_ENTRY.encode(), KB_ENTRY.replace("\n", "\r\n").encode())),
    "settings": Parser(
        _settings,
        (SettingsError,),
        (
            b'company = "Harbour"\n[serve]\nport = 8088\n[hotlines.100]\nlanguage = "en"\n[pbx]\nagents = ["6001"]\n',
            b"[turns]\nhold_ms = 640\nno_speech_then = 'end'\n[log]\nlevel = \"info\"\n",
        ),
    ),
    "digits": Parser(_always(_digits), (), (b"0", b"12*#", b"999", b"ABCD1")),
    "worker": Parser(_always(_worker), (EngineError,), (serving.frame(serving.Reply(1, "transcript", "hello", 0.5, 900)) * 2,)),
    "journal": Parser(
        _always(_journal), (), (b'{"type":"caller_spoke","text":"hi","confidence":0.9,"start_ms":1,"end_ms":2}', b'{"type":"?"}'), json=True
    ),
}
