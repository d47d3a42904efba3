"""The inside of a model's process: answers in order, what is dropped ends, before it is begun or in the middle."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import EngineError
from voicebot.llm.inside import Gguf, serve
from voicebot.llm.llama import Llama
from voicebot.llm.wire import Done, Drop, FromProcess, Generate, Piece, Ready, answered, line

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Scripted:
    """Says the words it is given. "wait" waits until it is stopped; `begun` tells that it came to that."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.stopped = threading.Event()

    def pieces(self, ask: Generate) -> Iterator[str]:
        for word in ask.messages[-1][1].split():
            if word == "wait":
                self.begun.set()
                assert self.stopped.wait(10)
                raise RuntimeError("llama_decode returned 2")
            if word == "fail":
                raise ValueError("too \n long")
            yield word

    def stop(self) -> None:
        self.stopped.set()

    def resume(self) -> None:
        self.stopped.clear()


@pytest.fixture
def model() -> Scripted:
    return Scripted()


@pytest.fixture
def link(model: Scripted) -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=serve, args=(theirs, model))
    serving.start()
    with ours:
        yield ours
    serving.join(10)
    assert not serving.is_alive(), "it does not end with its socket"
    theirs.close()


def say(link: socket.socket, *what: Generate | Drop) -> None:
    link.sendall(b"".join(map(line, what)))


def hear(link: socket.socket, count: int) -> list[FromProcess]:
    link.settimeout(10)
    read = bytearray()
    while read.count(b"\n") < count:
        read += link.recv(1)
    return [answered(each) for each in bytes(read).splitlines()]


def generate(ask_id: int, text: str) -> Generate:
    return Generate(ask_id, (("user", text),), 50)


def test_it_answers_in_order(link: socket.socket) -> None:
    say(link, generate(1, "a b"), generate(2, "c"))
    assert hear(link, 6) == [Ready(), Piece(1, "a"), Piece(1, "b"), Done(1), Piece(2, "c"), Done(2)]


def test_an_answer_in_the_making_is_stopped(link: socket.socket, model: Scripted) -> None:
    say(link, generate(1, "a wait b"))
    assert model.begun.wait(10)
    say(link, Drop(1), generate(2, "c"))
    assert hear(link, 5) == [Ready(), Piece(1, "a"), Done(1), Piece(2, "c"), Done(2)]


def test_one_that_is_dropped_before_its_turn_is_never_begun(link: socket.socket, model: Scripted) -> None:
    say(link, generate(1, "wait"), generate(2, "never"))
    assert model.begun.wait(10)
    say(link, Drop(2), Drop(1), generate(3, "c"))
    assert hear(link, 5) == [Ready(), Done(1), Done(2), Piece(3, "c"), Done(3)]


def test_dropping_what_is_over_stops_nobody_else(link: socket.socket) -> None:
    say(link, generate(1, "a"))
    assert hear(link, 3) == [Ready(), Piece(1, "a"), Done(1)]
    say(link, Drop(1), generate(2, "b"))
    assert hear(link, 2) == [Piece(2, "b"), Done(2)]


def test_what_the_model_refuses_is_told_on_one_line(link: socket.socket) -> None:
    say(link, generate(1, "a fail"), generate(2, "b"))
    assert hear(link, 5) == [Ready(), Piece(1, "a"), Done(1, "too long"), Piece(2, "b"), Done(2)]


def test_closing_the_socket_ends_an_answer_in_the_making(link: socket.socket, model: Scripted) -> None:
    say(link, generate(1, "wait"))
    assert model.begun.wait(10)


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF and more")
    with pytest.raises(EngineError, match=r"llama-cpp-python cannot be loaded .*GGML_NATIVE=OFF"):
        Gguf(str(path), 1, 512, "")


def test_the_controller_never_loads_the_package() -> None:
    code = "import sys, voicebot.llm.engines; print('llama_cpp' in sys.modules)"
    assert subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "False"


# A real file, or what should be one.


@pytest.mark.parametrize(
    ("size", "why"), [(3, "is no GGUF file"), (100, "cannot load it: .*is the download whole"), (600_000, "not within the file bounds")]
)
def test_a_truncated_file_is_named(run: Run, stories: Path, tmp_path: Path, size: int, why: str) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(stories.read_bytes()[:size])

    async def main() -> None:
        async with Llama(path) as model:
            with pytest.raises(EngineError, match=f"cut.gguf: .*{why}"):
                await model.loaded

    run(main())


def test_a_missing_file_is_named(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with Llama(tmp_path / "none.gguf") as model:
            with pytest.raises(EngineError, match=r"none\.gguf: the language model cannot be read: No such file.*models pull"):
                await model.loaded

    run(main())
