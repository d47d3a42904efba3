"""From the settings to a language model that runs, or none. It never makes a start fail: what is missing lowers the quality and says so."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from voicebot.errors import EngineError
from voicebot.llm import LanguageModel
from voicebot.llm.llama import Llama
from voicebot.settings.llm import Llm
from voicebot.weights import path_of

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def opened(llm: Llm, secrets: Path, models: Path, opening: str = "") -> AsyncIterator[LanguageModel | None]:
    """The language model of `llm` until the block is left; None without one. A local model is loaded meanwhile: until then, asking it raises
    EngineError. `models` is the folder of `voicebot models pull`, `opening` the system message that all prompts begin with."""
    match llm.engine:
        case "llama":
            async with Llama(path_of(llm.model, models, ".gguf"), llm.threads, llm.context_tokens, opening) as local:
                yield local
        case "server":
            from voicebot.llm.server import Server  # noqa: PLC0415  brings an HTTP client: a sixth of a second that only those pay who have one

            async with Server(llm.url, llm.model, _key(secrets), llm.at_once) as server:
                yield server
        case _:
            yield None


def _key(secrets: Path) -> str:
    from voicebot.llm.server import key  # noqa: PLC0415  as above

    try:
        return key(secrets)
    except EngineError as error:
        log.error("language model is asked without a key", why=str(error))
        return ""
