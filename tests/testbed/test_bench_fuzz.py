from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from voicebot.errors import VoicebotError
from voicebot.testbed import bench_fuzz
from voicebot.testbed.bench_fuzz import Fuzzed, again, fuzz, read, result

SAID = "#2 INITED cov: 3 ft: 4\n#20000 DONE   cov: 29 ft: 45 corp: 10/175b\n"
FELL = """
 === Uncaught Python exception: ===
KeyError: 'id'
Traceback (most recent call last):
  File "x.py", line 3, in take
"""


def quiet(_: str) -> None: ...


def test_a_whole_run_is_read() -> None:
    assert read("ari", '{"parsed": 7, "refused": 93}\n', SAID, 0, 2.5) == Fuzzed("ari", 7, 93, 29, 2.5)


def test_an_undocumented_error_is_named() -> None:
    assert read("ari", FELL, SAID, 77, 2.5).fault == "KeyError: 'id'"


def test_a_run_that_broke_off_is_a_fault_even_without_a_name() -> None:
    assert read("ari", "", "", -9, 1.0) == Fuzzed("ari", 0, 0, 0, 1.0, "ended with status -9")


def test_all_inputs_without_a_fault_pass() -> None:
    assert result([Fuzzed("ari", 40, 60, 9, 1.0)], 100).passed


@pytest.mark.parametrize("found", [Fuzzed("ari", 40, 59, 9, 1.0), Fuzzed("ari", 40, 60, 9, 1.0, "KeyError: 'id'")])
def test_a_missing_input_or_a_fault_fails(found: Fuzzed) -> None:
    assert not result([found], 100).passed


def test_an_unknown_parser_is_named() -> None:
    with pytest.raises(VoicebotError, match="no parser nonsense; there are ari"):
        asyncio.run(fuzz(["nonsense"], 1, 1, quiet))
    with pytest.raises(VoicebotError, match="no parser nonsense"):
        again("nonsense", b"")


def test_without_atheris_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_fuzz, "find_spec", lambda _: None)
    with pytest.raises(VoicebotError, match="Atheris is not installed"):
        asyncio.run(fuzz([], 1, 1, quiet))


def test_one_input_can_be_tried_again() -> None:
    assert again("media", b'{"event":"MEDIA_XOFF"}') == "parsed"
    assert again("media", b"\x00").startswith("refused: the media socket sent")


def test_atheris_runs_a_parser(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="Atheris comes for Linux on x86-64 only")
    told: list[str] = []
    found = asyncio.run(fuzz(["digits"], 500, 1, told.append, tmp_path))
    assert found.passed, found.figures
    assert [figure.measured for figure in found.figures] == [500, 0]
    assert told[0].startswith("digits: 500 inputs")


BREAKS = """
import sys
from voicebot.testbed import fuzz, fuzz_one
def take(data):
    if len(data) > 2 and data[0] == 7: raise KeyError("planted")
fuzz.PARSERS["digits"] = fuzz.Parser(fuzz._always(take), (), (b"abcd",))
fuzz_one.main("digits", 200_000, 1, __import__("pathlib").Path(sys.argv[1]))
"""


def test_a_planted_fault_is_found_and_its_input_kept(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="Atheris comes for Linux on x86-64 only")

    async def run() -> tuple[int | None, bytes, bytes]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", BREAKS, str(tmp_path), stdout=pipe, stderr=pipe)
        printed, told = await process.communicate()
        return process.returncode, printed, told

    status, printed, told = asyncio.run(run())
    found = read("digits", printed.decode(), told.decode(), status, 1.0)
    assert found.fault.startswith("KeyError: 'planted'"), told[-2000:]
    assert any(path.read_bytes()[:1] == b"\x07" for path in tmp_path.glob("digits-crash-*"))
