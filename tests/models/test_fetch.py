"""What is fetched is whole or not there; what was broken off goes on; whatever goes wrong is one line with the fix."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import random
import shutil
import socket
from collections import namedtuple
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.models.conftest import WeightServer
from voicebot.errors import ModelError
from voicebot.models import File, Model, State, fetch, part, state
from voicebot.models.fetch import pull

DATA = bytes(range(256)) * 8_192
REVISION = "0123456789" * 4
BIG = File("sub/model.bin", len(DATA), hashlib.sha256(DATA).hexdigest())
SMALL = File("config.json")
MODEL = Model("tiny", "whisper", ("small",), ("en",), "somebody/tiny", REVISION, "MIT", (BIG, SMALL))
AT = f"/somebody/tiny/resolve/{REVISION}/"


@pytest.fixture(autouse=True)
def stocked(server: WeightServer) -> None:
    server.files = {AT + "sub/model.bin": DATA, AT + "config.json": b"{}"}


def asked_for_model(server: WeightServer) -> list[str]:
    return [wanted for path, wanted in server.asked if path.endswith("model.bin")]


def test_all_files_come_and_are_verified(server: WeightServer, tmp_path: Path) -> None:
    told: dict[str, list[int]] = {}
    pull(MODEL, tmp_path, server.url + "/", lambda file, size: told.setdefault(file.name, []).append(size))
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA
    assert sorted(path.name for path in (tmp_path / "tiny").iterdir()) == ["config.json", "model.bin"]
    assert state(MODEL, tmp_path) is State.UNKNOWN, "config.json has no checksum in this manifest"
    assert told["model.bin"] == sorted(told["model.bin"])
    assert told["model.bin"][-1] == len(DATA)


def test_what_is_whole_is_not_fetched_again(server: WeightServer, tmp_path: Path) -> None:
    pull(MODEL, tmp_path, server.url)
    server.asked.clear()
    pull(MODEL, tmp_path, server.url)
    assert server.asked == []
    (tmp_path / "tiny/model.bin").write_bytes(DATA[:-1])
    pull(MODEL, tmp_path, server.url)
    assert asked_for_model(server) == [""]
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA


def test_a_connection_that_breaks_goes_on_where_it_ended(server: WeightServer, tmp_path: Path) -> None:
    server.breaks = [1_000, 500_000, 1]
    pull(MODEL, tmp_path, server.url)
    assert asked_for_model(server) == ["", "bytes=1000-", "bytes=501000-", "bytes=501001-"]
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA


def test_a_pull_that_was_given_up_goes_on_another_day(server: WeightServer, tmp_path: Path) -> None:
    server.breaks = [700_000] + [0] * fetch.TRIES
    with pytest.raises(ModelError, match=r"model\.bin: cannot be fetched .*; 700,000 bytes of it are kept; run the command again"):
        pull(MODEL, tmp_path, server.url)
    assert state(MODEL, tmp_path) is State.MISSING
    assert part(tmp_path / "tiny/model.bin").stat().st_size == 700_000
    server.asked.clear()
    pull(MODEL, tmp_path, server.url)
    assert asked_for_model(server) == ["bytes=700000-"]
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA


@pytest.mark.parametrize("seed", range(6))
def test_wherever_it_breaks_the_same_bytes_arrive(server: WeightServer, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    server.breaks = [chance.choice([0, 1, 65_535, 65_536, chance.randrange(len(DATA) // 4)]) for _ in range(8)]
    server.ranges = seed % 3 > 0
    server.breaks += [len(DATA)] * 3
    for _day in range(6):
        try:
            pull(MODEL, tmp_path, server.url)
        except ModelError as error:
            assert "run the command again" in str(error) or "check the network" in str(error)
        else:
            break
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA
    assert not list((tmp_path / "tiny").glob("*.part"))


def test_a_server_that_sends_on_to_another_is_followed(server: WeightServer, tmp_path: Path) -> None:
    server.files["/cdn/blob"] = DATA
    server.moved = {AT + "sub/model.bin": "/cdn/blob"}
    server.breaks = [1_000]
    pull(MODEL, tmp_path, server.url)
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA
    assert [wanted for path, wanted in server.asked if path == "/cdn/blob"] == ["", "bytes=1000-"]


def test_a_server_without_ranges_sends_all_of_it_again(server: WeightServer, tmp_path: Path) -> None:
    server.breaks, server.ranges = [1_000], False
    pull(MODEL, tmp_path, server.url)
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA


def test_a_part_that_holds_all_is_only_verified(server: WeightServer, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    part(tmp_path / "tiny/model.bin").write_bytes(DATA)
    pull(MODEL, tmp_path, server.url)
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA


@pytest.mark.parametrize("rubbish", [b"x" * 999, DATA + b"more"])
def test_a_part_of_something_else_does_not_pass(server: WeightServer, tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / "tiny").mkdir()
    part(tmp_path / "tiny/model.bin").write_bytes(rubbish)
    if len(rubbish) < len(DATA):
        with pytest.raises(ModelError, match="has the wrong checksum; run the command again"):
            pull(MODEL, tmp_path, server.url)
    pull(MODEL, tmp_path, server.url)
    assert (tmp_path / "tiny/model.bin").read_bytes() == DATA


def test_what_cannot_be_verified_is_not_pieced_together_from_two_days(server: WeightServer, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    part(tmp_path / "tiny/config.json").write_bytes(b'{"old": ')
    pull(MODEL, tmp_path, server.url)
    assert (tmp_path / "tiny/config.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("sent", "told"),
    [(DATA[:-1] + b"!", "has the wrong checksum"), (DATA[:-1], "has 2,097,151 bytes instead of 2,097,152"), (DATA + b"!", "has 2,097,153 bytes")],
)
def test_a_corrupt_file_is_told_and_never_kept(server: WeightServer, tmp_path: Path, sent: bytes, told: str) -> None:
    server.files[AT + "sub/model.bin"] = sent
    with pytest.raises(ModelError, match=rf"tiny/model\.bin: what came {told}.*; run the command again, or try another"):
        pull(MODEL, tmp_path, server.url)
    assert list((tmp_path / "tiny").iterdir()) == []


def test_an_answer_of_the_server_is_told(server: WeightServer, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(ModelError, match=r"the server answers 503 Service Unavailable; is \[models\] mirror right\?"):
        pull(MODEL, tmp_path, server.url)


def test_without_a_network_the_fix_is_named(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ModelError, match=r"cannot be fetched .*; check the network, or set \[models\] mirror"):
            pull(MODEL, tmp_path, f"http://127.0.0.1:{unused.getsockname()[1]}")
    with pytest.raises(ModelError, match="cannot be fetched"):
        pull(MODEL, tmp_path, "nonsense://here")


def test_a_folder_serves_as_well(tmp_path: Path) -> None:
    (tmp_path / "usb/tiny").mkdir(parents=True)
    (tmp_path / "usb/tiny/model.bin").write_bytes(DATA)
    (tmp_path / "usb/tiny/config.json").write_bytes(b"{}")
    pull(MODEL, tmp_path / "models", str(tmp_path / "usb"))
    assert (tmp_path / "models/tiny/model.bin").read_bytes() == DATA
    (tmp_path / "usb/tiny/model.bin").unlink()
    shutil.rmtree(tmp_path / "models")
    with pytest.raises(ModelError, match=r"usb/tiny/model\.bin: no such file; \[models\] mirror must be a folder that holds NAME/FILE, or a URL"):
        pull(MODEL, tmp_path / "models", str(tmp_path / "usb"))


def test_a_disk_without_room_is_told_beforehand(server: WeightServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(ModelError, match=r"model\.bin needs 2 MB, 1 MB are free; make room or set \[models\] folder"):
        pull(MODEL, tmp_path, server.url)
    assert server.asked == []


def test_a_disk_that_fills_up_is_told(server: WeightServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match=r"tiny: No space left on device; make room .*; what was fetched is kept"):
        pull(MODEL, tmp_path, server.url)


def test_a_folder_that_cannot_be_written_is_told(server: WeightServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"set \[models\] folder to one that can be written"):
        pull(MODEL, tmp_path / "file", server.url)


def test_two_pulls_at_once_do_not_mix(server: WeightServer, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    with part(tmp_path / "tiny/model.bin").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="another `voicebot models pull` is fetching it"):
            pull(MODEL, tmp_path, server.url)
    assert server.asked == []


def test_nothing_of_this_machine_is_told_to_the_server(server: WeightServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: set[str] = set()
    answer = server.answer

    def noted(handler: BaseHTTPRequestHandler) -> None:
        sent.update(name.lower() for name in handler.headers)
        answer(handler)

    monkeypatch.setattr(server, "answer", noted)
    pull(MODEL, tmp_path, server.url)
    assert sent == {"host", "accept", "accept-encoding", "connection", "user-agent"}
