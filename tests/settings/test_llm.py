"""The section of the settings is whole or refused, and callers' words leave this machine encrypted or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from voicebot.settings.llm import Llm, safe


def test_by_default_there_is_no_model() -> None:
    assert Llm().engine == "none"


@pytest.mark.parametrize(
    "keys",
    [
        {"engine": "llama", "model": "a.gguf"},
        {"engine": "server", "model": "m", "url": "https://models.example/v1"},
        {"engine": "server", "model": "m", "url": "http://127.0.0.1:8080/v1"},
        {"engine": "server", "model": "m", "url": "http://[::1]:8080/v1"},
    ],
)
def test_an_engine_with_what_it_needs_is_taken(keys: dict[str, Any]) -> None:
    assert Llm(**keys).model == keys["model"]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"engine": "llama"}, "needs 'model': the GGUF file"),
        ({"engine": "server", "url": "https://models.example/v1"}, "needs 'model': the model's name"),
        ({"engine": "server", "model": "m"}, "needs 'url'"),
        ({"engine": "server", "model": "m", "url": "http://models.example/v1"}, "needs 'url'"),
        ({"engine": "magic"}, "'none', 'llama' or 'server'"),
        ({"deadline_ms": 0}, "greater than 0"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused_by_name(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Llm(**keys)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "models.example/v1",
        "ftp://127.0.0.1/v1",
        "http://192.168.0.7/v1",
        "http://localhost.example/v1",
        "https://name:word@models.example/v1",
        "https:///v1",
        "https://models.example:99999/v1",
        "https://models.example/v1?key=1",
        "http://[::1/v1",
    ],
)
def test_an_address_that_is_not_private_is_refused(url: str) -> None:
    assert not safe(url)
