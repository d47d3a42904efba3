"""Briefing files: whole or not there, named so that the dialplan plays them, gone when nobody needs them."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.handover.spool import FORMS, KEEP_S, Spool, replace
from voicebot.values import SILENCE_FRAME


def test_a_briefing_lies_where_asterisk_is_told(tmp_path: Path) -> None:
    path = asyncio.run(Spool(tmp_path / "new").write("voicebot-17.0", b"pcm"))
    assert path == tmp_path / "new" / "voicebot-17-0"
    assert path.with_suffix(".sln16").read_bytes() == b"pcm"
    assert [file.name for file in path.parent.iterdir()] == ["voicebot-17-0.sln16"]


def test_a_better_briefing_takes_the_place_of_the_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    asyncio.run(spool.write("c", b"first"))
    path = asyncio.run(spool.write("c", b"second"))
    assert path.with_suffix(".sln16").read_bytes() == b"second"


@given(st.text(max_size=40))
def test_whatever_the_call_id_the_file_stays_in_the_folder_and_is_playable(call_id: str) -> None:
    path = Spool(Path("/spool")).path(call_id)
    assert path.parent == Path("/spool")
    assert all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in path.name)


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.sln16"
    replace(path, b"old")
    with path.open("rb") as reader:
        replace(path, b"new and longer")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new and longer"


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        asyncio.run(Spool(tmp_path / "file").write("c", b""))


def test_a_call_that_is_over_leaves_no_briefing_and_the_others_theirs(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for call_id in ("1700000000.12", "1700000000.13"):
        asyncio.run(spool.write(call_id, b"x"))
    for _ in range(2):
        spool.forget("1700000000.12")
    assert [path.name for path in tmp_path.iterdir()] == [f"{spool.path('1700000000.13').name}.sln16"]


def test_a_briefing_that_cannot_be_removed_stops_nobody(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / f"{spool.path('7').name}.sln16").mkdir()
    spool.forget("7")
    assert len(list(tmp_path.iterdir())) == 1


def test_sweep_removes_what_is_old_and_nothing_else(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for name in ("old", "new"):
        asyncio.run(spool.write(name, b"x"))
    (tmp_path / "notes.txt").write_text("kept")
    long_ago_s = time.time() - KEEP_S - 60
    os.utime(tmp_path / "old.sln16", (long_ago_s, long_ago_s))
    os.utime(tmp_path / "notes.txt", (long_ago_s, long_ago_s))
    assert asyncio.run(spool.sweep()) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.sln16", "notes.txt"]


def test_it_is_swept_again_and_again_whatever_one_sweep_meets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[str] = []

    async def sweep(_spool: Spool) -> int:
        swept.append("swept")
        if len(swept) == 1:
            raise PermissionError("not yours")
        return 0

    monkeypatch.setattr(Spool, "sweep", sweep)
    monkeypatch.setattr("voicebot.handover.spool.KEEP_S", 0.001)

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Spool(tmp_path).keep_swept(), 0.2)

    asyncio.run(scenario())
    assert len(swept) >= 2


def test_a_draft_that_cannot_be_written_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        whole_write(path, content[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(Spool(tmp_path).write("c1", b"pcm pcm pcm"))
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_a_killed_process_are_swept_with_the_briefings(tmp_path: Path) -> None:
    for name in (".c1.sln16.4711", "c1.sln16", "note.txt"):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1_000, 1_000))
    (tmp_path / ".c2.sln16.4711").write_bytes(b"x")
    assert asyncio.run(Spool(tmp_path).sweep()) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [".c2.sln16.4711", "note.txt"]


def test_a_briefing_that_was_read_is_heard_by_nobody_and_no_better_one_comes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    async def scenario() -> None:
        await spool.write("c", b"all of it")
        await spool.write("c", b"why", "short")
        await spool.hush("c")
        await spool.write("c", b"a better one")

    assert not spool.read("c")
    asyncio.run(scenario())
    assert spool.read("c")
    assert {path.read_bytes() for path in (tmp_path / "c.sln16", tmp_path / "short/c.sln16")} == {SILENCE_FRAME}
    assert not (tmp_path / "off").exists(), "what is not there stays away"
    spool.forget("c")
    assert (spool.read("c"), list(tmp_path.rglob("*.sln16"))) == (False, [])


def test_all_forms_of_a_briefing_go_and_are_swept_together(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for call_id in ("gone", "old"):
        for form in FORMS:
            asyncio.run(spool.write(call_id, b"x", form))
    spool.forget("gone")
    long_ago_s = time.time() - KEEP_S - 60
    for path in tmp_path.rglob("*.sln16"):
        os.utime(path, (long_ago_s, long_ago_s))
    assert asyncio.run(spool.sweep()) == len(FORMS)
    assert list(tmp_path.rglob("*.sln16")) == []
