"""Markup as a browser would read it: its tags, their attributes, its texts."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser


class Markup(HTMLParser):
    """A parsed piece of markup."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self._found}

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """Of each such tag, in order."""
        return [attributes for each, attributes in self._found if each == tag]

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
