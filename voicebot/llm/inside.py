"""The inside of the process that holds a GGUF model: the one place that imports llama_cpp. One context, one answer at a time.

Its first thread makes tokens, its second listens, so that an answer nobody wants any more ends between two steps of the computation. It writes
nothing it is asked anywhere, and ends when the controller does.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import resource
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from voicebot.errors import EngineError
from voicebot.llm.wire import Done, Drop, FromProcess, Generate, Piece, Ready, Unfit, asked, line
from voicebot.process import end_with_parent

BUILD = 'CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON" pip install llama-cpp-python'
_NICE = 10
_FIRST_TO_GO = "600"  # oom_score_adj: before the recognisers, which no call can do without
_LOG_ERROR = 4  # ggml.h: GGML_LOG_LEVEL_ERROR
_MAGIC = b"GGUF"
_FAILURES = (ValueError, RuntimeError, TypeError, KeyError, IndexError, AssertionError)
"""What llama_cpp raises for a prompt that is too long, a schema it cannot read, a computation that was stopped."""


class Model(Protocol):
    """What answers. `stop` may be called from another thread and ends the answer in the making."""

    def pieces(self, ask: Generate) -> Iterator[str]: ...
    def stop(self) -> None: ...
    def resume(self) -> None: ...


class Gguf:
    """A GGUF file in llama.cpp. Raises EngineError when it cannot be used; a build that does not fit this CPU crashes here, before any caller."""

    def __init__(self, model: str, threads: int, context_tokens: int, opening: str) -> None:
        path = Path(model)
        _check_file(path)
        try:
            import llama_cpp  # noqa: PLC0415 - an extra, wanted in this process only
        except ImportError as error:
            raise EngineError(f"llama-cpp-python cannot be loaded ({error}); install it: {BUILD}") from None
        said = _Said()
        self._told = llama_cpp.llama_log_callback(said.hear)  # kept: llama.cpp calls it as long as it lives
        llama_cpp.llama_log_set(self._told, None)
        options: dict[str, Any] = {"n_ctx": context_tokens, "n_threads": threads, "n_threads_batch": threads, "verbose": False}
        try:
            self._llama: Any = llama_cpp.Llama(str(path), **options)
        except (*_FAILURES, OSError) as error:
            raise EngineError(f"{path}: llama.cpp cannot load it: {said.error or _line(error)}; is the download whole?") from None
        self._stopped = threading.Event()
        self._stopping = llama_cpp.ggml_abort_callback(lambda _data: self._stopped.is_set())
        llama_cpp.llama_set_abort_callback(self._llama.ctx, self._stopping, None)
        first = Generate(0, (("system", opening), ("user", "")), 1)
        try:
            list(self.pieces(first))
        except _FAILURES as error:
            raise EngineError(f"{path}: it loads, and answers nothing ({_line(error)})") from None

    def pieces(self, ask: Generate) -> Iterator[str]:
        """What the prompt has in common with the last one is not computed again."""
        messages = [{"role": role, "content": text} for role, text in ask.messages]
        form = {"response_format": {"type": "json_object", "schema": ask.schema}} if ask.schema else {}
        made = self._llama.create_chat_completion(messages, max_tokens=ask.longest_tokens, temperature=0.0, stream=True, **form)
        for chunk in made:
            if text := chunk["choices"][0]["delta"].get("content"):
                yield text

    def stop(self) -> None:
        self._stopped.set()

    def resume(self) -> None:
        self._stopped.clear()


class _Said:
    """What llama.cpp tells, of which only the first error is worth a person's time."""

    def __init__(self) -> None:
        self.error = ""

    def hear(self, level: int, text: bytes, _data: object) -> None:
        if level == _LOG_ERROR and not self.error:
            self.error = " ".join(text.decode(errors="replace").split())


class Service:
    """Answers one after the other, while `listen` runs in a thread of its own."""

    def __init__(self, link: socket.socket, model: Model) -> None:
        self._link = link
        self._model = model
        self._waiting: queue.SimpleQueue[Generate | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._dropped: set[int] = set()
        self._current = self._finished = 0

    def listen(self) -> None:
        """Take what is asked until the other end closes."""
        with self._link.makefile("rb") as lines, contextlib.suppress(OSError):
            for received in lines:
                match asked(received):
                    case Generate() as ask:
                        self._waiting.put(ask)
                    case Drop(id):
                        self._drop(id)
        self._waiting.put(None)
        self._model.stop()

    def work(self) -> None:
        """Answer until the other end closes."""
        while ask := self._waiting.get():
            done = self._answer(ask) if self._begin(ask.id) else Done(ask.id)
            self._end(ask.id)
            self._say(done)

    def _answer(self, ask: Generate) -> Done:
        try:
            for text in self._model.pieces(ask):
                if ask.id in self._dropped:
                    break
                self._say(Piece(ask.id, text))
        except _FAILURES as error:
            return Done(ask.id, "" if ask.id in self._dropped else _line(error))
        return Done(ask.id)

    def _begin(self, ask_id: int) -> bool:
        with self._lock:
            self._current = ask_id
            self._model.resume()
            return ask_id not in self._dropped

    def _end(self, ask_id: int) -> None:
        with self._lock:
            self._current, self._finished = 0, ask_id
            self._dropped.discard(ask_id)

    def _drop(self, ask_id: int) -> None:
        with self._lock:
            if ask_id > self._finished:
                self._dropped.add(ask_id)
            if self._current == ask_id:
                self._model.stop()

    def _say(self, what: FromProcess) -> None:
        self._link.sendall(line(what))


def serve(link: socket.socket, model: Model) -> None:
    """Answer until the other end closes."""
    service = Service(link, model)
    link.sendall(line(Ready()))
    listening = threading.Thread(target=service.listen, daemon=True)
    listening.start()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        service.work()


def main(arguments: Sequence[str]) -> None:
    """`python -m voicebot.llm.inside FD JSON`: load the model of `Gguf(**JSON)` and serve it on the inherited socket."""
    descriptor, keywords = arguments
    _know_its_place()
    with socket.socket(fileno=int(descriptor)) as link:
        try:
            model = Gguf(**json.loads(keywords))
        except EngineError as error:
            link.sendall(line(Unfit(str(error))))
            raise SystemExit(1) from None
        serve(link, model)


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise EngineError(
            f"{path}: the language model cannot be read: {error.strerror}; set [llm] model to a GGUF file, or `voicebot models pull` one"
        ) from None
    if magic != _MAGIC:
        raise EngineError(f"{path}: is no GGUF file; set [llm] model to one")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _know_its_place() -> None:
    """Ends with its parent, yields the processor and memory to it, dumps no core full of callers' words."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent ends its workers itself
    os.nice(_NICE)
    Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1:])
