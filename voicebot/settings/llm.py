"""[llm] in the settings: which language model there is, if any, and what it may do. Pure; another module opens it."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Positive = Annotated[int, Field(gt=0)]


class Llm(BaseModel):
    """The language model. Without one, approved answers are spoken as they stand, and briefings come from their template."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    engine: Literal["none", "llama", "server"] = "none"
    """llama: a GGUF file in a process of our own; server: any OpenAI-compatible server."""
    model: str = ""
    """The GGUF file or the name of one that `voicebot models pull` fetched; the model's name on the server."""
    url: str = ""
    """Of the server, up to and with `/v1`. Its key, if it wants one, stands in the file `llm-key` of the secrets folder."""
    deadline_ms: Positive = 1_500
    """What is not composed and checked by then is not waited for: the caller hears the approved text."""
    compose: Literal["never", "again", "always"] = "again"
    """When answers are put into new words: never, only when the caller asks the same thing again, or always."""
    briefing_ms: Annotated[int, Field(ge=0)] = 20_000
    """How long a better briefing may take to be written while the caller waits for an agent; 0: the template's is enough."""
    threads: Positive = 1
    context_tokens: Annotated[int, Field(ge=256)] = 2_048
    at_once: Positive = 8
    """Requests a server is sent at a time; a GGUF file answers one after the other."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.engine != "none" and not self.model:
            what = "the GGUF file" if self.engine == "llama" else "the model's name on the server"
            raise PydanticCustomError("llm_model", "engine '{engine}' needs 'model': {what}", {"engine": self.engine, "what": what})
        if self.engine == "server" and not safe(self.url):
            raise PydanticCustomError("llm_url", "engine 'server' needs 'url': https://…/v1, or http:// to a loopback address such as 127.0.0.1")
        return self


def safe(url: str) -> bool:
    """Whether what callers say may be sent there: encrypted, or without leaving this machine; without a password in the address."""
    try:
        parts = urlsplit(url)
        host, named = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        return False
    private = parts.username is None and parts.password is None and not parts.query and not parts.fragment
    return bool(host) and named and private and (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
