"""Chinese text as words, by jieba. It keeps nothing and knows nothing of what the words mean."""

from __future__ import annotations

import logging
import warnings
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any


def cut(text: str) -> list[str]:
    """The words of Chinese `text`, in order; together they are the text."""
    return list(_segmenter().cut(text))


@cache
def _segmenter() -> Any:
    """jieba with its dictionary read anew: by default it would trust a file in the common temporary folder, which anybody may have put there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its source has escapes that Python warns of when it is compiled for the first time
        import jieba  # noqa: PLC0415 - takes a second to load; only Chinese pays for it

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with TemporaryDirectory() as private:
        tokenizer.tmp_dir = private
        tokenizer.initialize()
    return tokenizer
