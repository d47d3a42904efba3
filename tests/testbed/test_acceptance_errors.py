"""Which way of telling an error is accepted, and that the wrong set-ups are really wrong."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from voicebot.dialogue.knowledge import load as load_knowledge
from voicebot.errors import KnowledgeError, PbxError
from voicebot.settings import Pbx, Settings
from voicebot.telephony.pbx_plan import find_binary
from voicebot.testbed import acceptance_errors
from voicebot.testbed.acceptance_errors import MODULE, Case, Said, fault

Run = Callable[[Coroutine[Any, Any, Any]], Any]

CASE = Case("port in use", "serve", ("8088", "[serve] port"))
GOOD = "voicebot: cannot listen on 127.0.0.1:8088; set [serve] port"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The outline of an Asterisk tree."""
    modules = tmp_path / "asterisk/usr/lib/x86_64-linux-gnu/asterisk/modules"
    modules.mkdir(parents=True)
    for name in (MODULE, "app_queue.so", "res_pjsip.so"):
        (modules / name).write_bytes(b"ELF")
    for name in ("usr/sbin/asterisk", "lib64/ld-linux-x86-64.so.2", "usr/share/asterisk/sounds", "usr/lib/x86_64-linux-gnu/libc.so.6"):
        path = tmp_path / "asterisk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "asterisk"


@pytest.mark.parametrize(
    ("status", "lines", "wrong"),
    [
        (1, (GOOD,), ""),
        (0, (GOOD,), "exit status 0"),
        (None, (GOOD,), "started all the same"),
        (1, (), "0 lines"),
        (1, (GOOD, "and more"), "2 lines"),
        (1, ("Traceback (most recent call last):", GOOD), "traceback"),
        (1, ("voicebot: cannot listen on 127.0.0.1:8088",), "does not name [serve] port"),
        (1, ("voicebot: something is wrong",), "does not name 8088, [serve] port"),
    ],
)
def test_an_error_is_one_line_that_names_thing_and_fix(status: int | None, lines: tuple[str, ...], wrong: str) -> None:
    found = fault(CASE, Said(status, lines))
    assert wrong in found
    assert bool(found) is bool(wrong)


def test_the_tree_lacks_the_module_and_nothing_else(tree: Path, tmp_path: Path) -> None:
    copy = acceptance_errors._lacking(tree, tmp_path)
    modules = find_binary(copy).modules
    assert sorted(path.name for path in modules.iterdir()) == ["app_queue.so", "res_pjsip.so"]
    assert (modules / "app_queue.so").read_bytes() == b"ELF"
    assert (copy / "usr/lib/x86_64-linux-gnu/libc.so.6").exists()
    assert (copy / "usr/share/asterisk/sounds").exists()
    assert (tree / "usr/lib/x86_64-linux-gnu/asterisk/modules" / MODULE).exists()


def test_a_tree_without_the_module_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(PbxError, match=MODULE):
        acceptance_errors._lacking(tmp_path / "none", tmp_path)


def test_the_wrong_set_ups_are_wrong(tree: Path, tmp_path: Path) -> None:
    with contextlib.ExitStack() as taken:
        cases = {case.name: case for case in acceptance_errors._cases(tmp_path, Settings(pbx=Pbx(tree=tree)), taken)}
        assert len(cases) == 5
        with pytest.raises(KnowledgeError, match="opening-hours"):
            load_knowledge(Path(cases["broken knowledge base"].overrides["kb.folder"]))
        tcp, udp = cases["controller's port in use"].overrides["serve.port"], cases["SIP port in use"].overrides["pbx.sip_port"]
        for kind, port in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
            with socket.socket(socket.AF_INET, kind) as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))


def test_real_commands_say_it_in_one_line(run: Run, tmp_path: Path) -> None:
    async def said(case: Case) -> Said:
        return await acceptance_errors._run(case, tmp_path, Settings())

    wrong = Case("unknown key", "serve", ("serve.prot", "port"), {"serve.prot": 1})
    assert fault(wrong, run(said(wrong))) == ""
    absent = Case("no tree", "pbx", ("scripts/setup",), environment={"VOICEBOT_PBX__TREE": str(tmp_path / "none")})
    found = run(said(absent))
    assert fault(absent, found) == "" or "started" in fault(absent, found)
