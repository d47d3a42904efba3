"""An answer as one text, in time or not at all."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.kit.models import ByHeart
from voicebot.errors import EngineError
from voicebot.llm import Ask, LanguageModel, Message, whole

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_the_pieces_make_the_whole(run: Run) -> None:
    model: LanguageModel = ByHeart(lambda ask: ask.messages[0].text * 3, takes_s=0.0)
    assert run(whole(model, Ask((Message("user", "hello you "),), 1.0))) == "hello you hello you hello you "


def test_one_that_is_late_says_so(run: Run) -> None:
    with pytest.raises(EngineError, match="deadline"):
        run(whole(ByHeart(lambda _ask: "never"), Ask((Message("user", "x"),), 0.01)))
