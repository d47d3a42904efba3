"""From the settings to a model, or none; a key that cannot be read stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.kit.models import END, event, serving
from voicebot.errors import EngineError
from voicebot.llm import Ask, Message, whole
from voicebot.llm.engines import opened
from voicebot.llm.llama import Llama
from voicebot.settings.llm import Llm

Run = Callable[[Coroutine[Any, Any, Any]], Any]
ASK = Ask((Message("user", "hello"),), 20.0)


def test_by_default_there_is_none(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(Llm(), tmp_path, tmp_path) as model:
            assert model is None

    run(main())


def test_a_gguf_that_is_missing_delays_nobody_and_is_named(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        with capture_logs() as logs:
            async with opened(Llm(engine="llama", model=str(tmp_path / "none.gguf")), tmp_path, tmp_path) as model:
                assert isinstance(model, Llama)
                with pytest.raises(EngineError, match="cannot be read"):
                    await model.loaded
        assert [each["event"] for each in logs] == ["language model given up; approved texts are spoken as they stand"]

    run(main())


def test_a_server_is_asked_with_its_key_or_without_one_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(lambda _request: [event("well"), END]) as fake:
            settings = Llm(engine="server", model="small", url=fake.url)
            for content, sent in (("sk-1", True), ("two words", False)):
                (tmp_path / "llm-key").write_text(content)
                async with opened(settings, tmp_path, tmp_path) as model:
                    assert model
                    assert await whole(model, ASK) == "well"
                assert ("bearer sk-1" in fake.headers[-1].lower()) is sent

    with capture_logs() as logs:
        run(main())
    assert any(each["event"] == "language model is asked without a key" for each in logs)
    assert "two words" not in str(logs)
