"""The wire format survives any splitting; a worker answers in order, says why it cannot start, and ends with its socket."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError
from voicebot.speech.serving import LONGEST_BYTES, MEMORY_MB, SERVED_BY, Message, Reply, frame, make, serve, take_frames

MESSAGES = st.builds(
    Message,
    stream=st.integers(0, 2**31),
    verb=st.sampled_from(["feed", "settle", "drop", "reset", "ping"]),
    pcm=st.binary(max_size=700),
    end_ms=st.integers(0, 2**31),
)


class Echo:
    """An engine that names what it was asked."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix

    def handle(self, batch: Sequence[Message]) -> Iterator[Reply]:
        for message in batch:
            yield Reply(message.stream, "transcript", self.prefix + message.verb, len(message.pcm), message.end_ms)


def read_replies(link: socket.socket, count: int) -> list[Reply]:
    buffer, replies = bytearray(), list[Reply]()
    while len(replies) < count:
        buffer += link.recv(4096)
        replies += [msgspec.msgpack.decode(packed, type=Reply) for packed in take_frames(buffer)]
    return replies


@given(st.lists(MESSAGES, max_size=8), st.data())
def test_any_split_of_the_bytes_gives_the_same_messages(messages: list[Message], data: st.DataObject) -> None:
    stream = b"".join(frame(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    buffer, seen = bytearray(), list[Message]()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer += stream[start:end]
        seen += [msgspec.msgpack.decode(packed, type=Message) for packed in take_frames(buffer)]
    assert seen == messages
    assert not buffer


@given(MESSAGES, st.integers(1, 30))
def test_a_partial_frame_stays_in_the_buffer(message: Message, missing: int) -> None:
    whole = frame(message)
    buffer = bytearray(whole[:-missing])
    kept = bytes(buffer)
    assert take_frames(buffer) == []
    assert bytes(buffer) == kept


@given(st.integers(LONGEST_BYTES + 1, 2**32 - 1), st.binary(max_size=100))
def test_a_length_no_frame_has_is_refused_before_anything_is_kept_for_it(length: int, rest: bytes) -> None:
    with pytest.raises(EngineError, match=f"a frame of {length} bytes"):
        take_frames(bytearray(length.to_bytes(4, "big") + rest))


def test_the_longest_frame_is_taken() -> None:
    assert take_frames(bytearray(LONGEST_BYTES.to_bytes(4, "big") + bytes(LONGEST_BYTES))) == [bytes(LONGEST_BYTES)]


def test_a_worker_says_ready_then_answers_then_counts_what_it_handled() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        thread = threading.Thread(target=serve, args=(theirs, Echo()))
        thread.start()
        ours.sendall(frame(Message(7, "feed", b"1234", 20)) + frame(Message(7, "settle")))
        replies = read_replies(ours, 4)
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    theirs.close()
    assert not thread.is_alive()
    assert [reply.verb for reply in replies if reply.verb != "handled"] == ["ready", "transcript", "transcript"]
    assert (replies[1].text, replies[1].value, replies[1].end_ms) == ("feed", 4, 20)
    assert sum(reply.value for reply in replies if reply.verb == "handled") == 2


def test_a_factory_is_called_with_its_arguments() -> None:
    assert str(make("collections:Counter", {"a": 2})) == "Counter({'a': 2})"


def start(factory: str, **arguments: object) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    command = (sys.executable, "-m", "voicebot.speech.serving", str(theirs.fileno()), factory, json.dumps(arguments))
    process = subprocess.Popen(command, pass_fds=(theirs.fileno(),))
    theirs.close()
    return ours, process


def test_an_engine_that_cannot_load_is_reported_and_ends_the_process() -> None:
    link, process = start("voicebot.speech.asr.pocketsphinx:service", acoustic_model="/nowhere", dictionary="/nowhere", language_model="/nowhere")
    with link:
        (reply,) = read_replies(link, 1)
    assert process.wait(20) == 1
    assert reply.verb == "failed"
    assert "/nowhere" in reply.text


def test_a_worker_is_the_first_to_go_when_memory_is_short_and_can_take_only_so_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greedy.py").write_text("def serve(link, engine):\n    bytearray(3 << 30)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    link, process = start("voicebot.speech.silero:Silero")
    with link:
        assert read_replies(link, 1) == [Reply(0, "ready")]
        assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) == 500
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(rf"Max data size +{2 * MEMORY_MB << 20} ", limits)
        assert re.search(r"Max core file size +0 +0", limits)
    assert process.wait(20) == 0
    monkeypatch.setenv(SERVED_BY, "greedy:serve")
    link, process = start("voicebot.speech.silero:Silero")
    with link:
        assert process.wait(20) != 0


@pytest.mark.parametrize("polite", [True, False])
def test_a_worker_ends_when_its_socket_closes(polite: bool) -> None:
    link, process = start("voicebot.speech.silero:Silero")
    assert read_replies(link, 1) == [Reply(0, "ready")]
    if not polite:
        link.sendall(frame(Message(1, "feed", bytes(1024), 32)) * 50)  # it is writing when the other end goes away
    link.close()
    assert process.wait(20) == 0
