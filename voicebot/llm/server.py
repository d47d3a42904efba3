"""Any OpenAI-compatible server as a language model: chat completions over HTTP, streamed as server-sent events, several at a time.

Nothing it answers is trusted to have a form, a length or an end. The key is sent in a header and stands in no log and no error.
Format: https://platform.openai.com/docs/api-reference/chat/create, https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx
import msgspec

from voicebot.errors import EngineError
from voicebot.llm import LONGEST_CHARS, Ask, in_time

LONGEST_LINE_BYTES = 1 << 18
CONNECT_S = 2.0
KEY_FILE = "llm-key"
_REFUSED: Final = {400, 404, 422, 501}
_END = b"[DONE]"


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    error: Any = None


class Server:
    """One server, by its URL up to `/v1`. An async context manager."""

    def __init__(self, url: str, model: str, key: str = "", at_once: int = 8) -> None:
        self.name = f"server {model}"
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._turns = asyncio.Semaphore(at_once)
        self._keeps_form = True
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=CONNECT_S), limits=limits, trust_env=False, headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        await self._http.aclose()

    async def pieces(self, ask: Ask) -> AsyncGenerator[str, None]:
        """See `LanguageModel`. A server that refuses to keep to a JSON schema is asked again without, and not bothered with one after that."""
        until_s = asyncio.get_running_loop().time() + ask.deadline_s
        await in_time(self._turns.acquire(), until_s, self.name)
        try:
            async with aclosing(self._said(ask, until_s)) as said:
                chars = 0
                async for piece in said:
                    chars += len(piece)
                    if chars > LONGEST_CHARS:
                        raise EngineError(f"{self.name}: the answer is longer than {LONGEST_CHARS:,} characters")
                    yield piece
        except httpx.HTTPError as error:
            raise EngineError(f"{self.name}: {type(error).__name__}: {error}") from None
        finally:
            self._turns.release()

    async def _said(self, ask: Ask, until_s: float) -> AsyncGenerator[str, None]:
        response = await self._asked(ask, until_s)
        try:
            if response.status_code != httpx.codes.OK:
                raise EngineError(f"{self.name}: the server refused with HTTP status {response.status_code}")
            ended = False
            async with aclosing(_lines(response, until_s, self.name)) as lines:
                async for line in lines:  # to the end, so that the connection can be used again
                    if line.startswith(b"data:") and not ended:
                        text, ended = self._read(line[5:].strip())
                        if text:
                            yield text
            if not ended:
                raise EngineError(f"{self.name}: the answer broke off")
        finally:
            await response.aclose()

    async def _asked(self, ask: Ask, until_s: float) -> httpx.Response:
        response = await self._post(ask, until_s, ask.schema if self._keeps_form else None)
        if ask.schema and self._keeps_form and response.status_code in _REFUSED:
            await response.aclose()
            response = await self._post(ask, until_s, None)
            self._keeps_form = response.status_code != httpx.codes.OK
        return response

    async def _post(self, ask: Ask, until_s: float, schema: Mapping[str, Any] | None) -> httpx.Response:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.text} for message in ask.messages],
            "max_tokens": ask.longest_tokens,
            "temperature": 0,
            "stream": True,
        }
        if schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        request = self._http.build_request("POST", self._url, json=body)
        return await in_time(self._http.send(request, stream=True), until_s, self.name)

    def _read(self, data: bytes) -> tuple[str, bool]:
        """The text of one event, and whether it is the last."""
        if data == _END:
            return "", True
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise EngineError(f"{self.name}: the server answered with what is no chat completion") from None
        if chunk.error is not None:
            raise EngineError(f"{self.name}: the server reported an error in the middle of its answer")
        if not chunk.choices:
            return "", False
        return chunk.choices[0].delta.content or "", chunk.choices[0].finish_reason is not None


def key(secrets: Path) -> str:
    """The server's key from the secrets folder, "" when there is none. Raises EngineError when it cannot be a key."""
    path = secrets / KEY_FILE
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(f"{path}: the language model's key cannot be read: {type(error).__name__}") from None
    if not text.isprintable() or " " in text:
        raise EngineError(f"{path}: is no key; it must hold one line without blanks")
    return text


async def _lines(response: httpx.Response, until_s: float, name: str) -> AsyncGenerator[bytes, None]:
    """The lines of the answer, none longer than LONGEST_LINE_BYTES."""
    buffer = bytearray()
    async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_bytes())) as blocks:
        while (block := await in_time(_next(blocks), until_s, name)) is not None:
            *whole, rest = (buffer + block).split(b"\n")
            buffer = bytearray(rest)
            for line in whole:
                yield bytes(line)
            if len(buffer) > LONGEST_LINE_BYTES:
                raise EngineError(f"{name}: the server sends a line without an end")


async def _next(blocks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(blocks, None)
