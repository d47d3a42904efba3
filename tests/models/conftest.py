"""A server of weights that can misbehave: it breaks off, ignores ranges, answers errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class WeightServer:
    """`breaks`: after so many bytes each of the next answers ends; `ranges`: whether it gives parts; `status`: an error for all; `moved`: where
    what is asked for lies now."""

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 0
    moved: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range", "")
        self.asked.append((handler.path, wanted))
        if handler.path in self.moved:
            handler.send_response(302)
            handler.send_header("Location", self.moved[handler.path])
            handler.end_headers()
            return
        data = self.files.get(handler.path)
        if self.status or data is None:
            handler.send_error(self.status or 404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        if start >= len(data):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start : start + self.breaks.pop(0)] if self.breaks else data[start:])


@pytest.fixture
def server() -> Iterator[WeightServer]:
    weights = WeightServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            weights.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        weights.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield weights
        listening.shutdown()
        thread.join()
