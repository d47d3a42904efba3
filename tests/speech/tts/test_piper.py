"""Piper speaks as a process of its own: wrong files are named, a dead process is another voice's turn, long text goes clause by clause."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit.piper import pretender
from voicebot.errors import EngineError
from voicebot.settings import Settings
from voicebot.settings.engines import Models, Speech
from voicebot.speech import tts
from voicebot.speech.tts import piper as module
from voicebot.speech.tts.manner import NEUTRAL
from voicebot.speech.tts.piper import Piper, fingerprint, found, joined
from voicebot.speech.tts.shaping import TAIL_MS
from voicebot.values import duration_ms

Run = Callable[[Any], Any]
CONFIG = {"audio": {"sample_rate": 22_050}, "phoneme_id_map": {}, "inference": {"length_scale": 1.2}}


@dataclass
class Steady:
    """Stands for the embedded voice."""

    language: str
    name: str = "steady"

    async def render(self, text: str) -> bytes:
        return f"steady {text}".encode()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "voice.onnx"
    path.write_bytes(b"weights")
    path.with_name("voice.onnx.json").write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def real_model(shared: Path) -> Path:
    try:
        found()
    except EngineError as error:
        pytest.skip(str(error))
    return shared / "models" / "piper-test-voice" / "test_voice.onnx"


def test_long_text_is_spoken_clause_by_clause(model: Path, run: Run) -> None:
    async def scenario() -> tuple[bytes, bytes]:
        async with Piper("en", model, pretender(model.parent)) as piper:
            return await piper.render("One two. One two."), await piper.render("One two.")

    two, one = run(scenario())
    assert duration_ms(two) == pytest.approx(2 * duration_ms(one) + NEUTRAL.pause_ms - TAIL_MS, abs=40)


def test_another_model_is_another_name(model: Path) -> None:
    first = fingerprint(model)
    model.write_bytes(b"other weights")
    second = fingerprint(model)
    model.with_name("voice.onnx.json").write_text(json.dumps({**CONFIG, "espeak": {"voice": "en-gb"}}))
    assert len({first, second, fingerprint(model)}) == 3


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("voice.onnx", None, r"voice\.onnx: cannot be read: No such file"),
        ("voice.onnx", b"", r"voice\.onnx: is empty"),
        ("voice.onnx.json", None, r"voice\.onnx\.json: cannot be read: .*a Piper voice is two files"),
        ("voice.onnx.json", b"{", r"voice\.onnx\.json: is not JSON"),
        ("voice.onnx.json", b"[1]", r"voice\.onnx\.json: is no configuration of a Piper voice"),
        ("voice.onnx.json", b'{"audio": {}}', r"voice\.onnx\.json: is no configuration"),
    ],
)
def test_a_missing_or_wrong_file_is_named(file: str, content: bytes | None, named: str, model: Path, run: Run) -> None:
    path = model.with_name(file)
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(EngineError, match=named):
        run(Piper("en", model, pretender(model.parent)).__aenter__())


def test_a_model_that_piper_cannot_load_is_named(model: Path, run: Run) -> None:
    dead = model.rename(model.with_name("dead.onnx"))
    model.with_name("voice.onnx.json").rename(model.with_name("dead.onnx.json"))
    with pytest.raises(EngineError, match=r"piper \(dead\.onnx\) ended: Load model failed: .*; is .*dead\.onnx whole"):
        run(Piper("en", dead, pretender(model.parent)).__aenter__())


def test_a_piper_that_is_not_there_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"python3 -m venv \.piper"):
        found()
    (tmp_path / "piper").touch(0o755)
    assert found() == str(tmp_path / "piper")
    (tmp_path / module.OWN_PLACE.parent).mkdir(parents=True)
    (tmp_path / module.OWN_PLACE).touch()
    assert found() == str(tmp_path / module.OWN_PLACE)


def test_nothing_to_say_is_named() -> None:
    with pytest.raises(EngineError, match="nothing to say"):
        joined([])
    samples, rate_hz = joined([(np.ones(10, np.float32), 1_000)] * 2)
    pause = [0.0] * NEUTRAL.pause_ms
    assert (samples.tolist(), rate_hz) == ([1.0] * 10 + pause + [1.0] * 10 + pause, 1_000)


@pytest.mark.parametrize("text", ["die", "elsewhere", "half", "silence"])
def test_when_it_fails_the_embedded_voice_says_the_same_phrase(text: str, model: Path, run: Run) -> None:
    command = pretender(model.parent)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            voice = (await tts.best(stack, {"en": Steady("en")}, {"en": model}, command))["en"]
            assert voice.name.startswith("piper voice.onnx")
            assert await voice.render(text) == f"steady {text}".encode()
            assert voice.name == "steady"

    run(scenario())


def test_a_voice_that_cannot_be_loaded_leaves_the_embedded_one(model: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    model.unlink()

    async def scenario() -> list[str]:
        async with AsyncExitStack() as stack:
            voices = await tts.best(stack, {"en": Steady("en"), "zh": Steady("zh")}, {"en": model})
            return [voice.name for voice in voices.values()]

    assert run(scenario()) == ["steady", "steady"]
    assert "voice.onnx: cannot be read" in capsys.readouterr().out


def test_a_voice_is_named_by_its_file_or_by_the_model_that_was_pulled(tmp_path: Path) -> None:
    file = tmp_path / "en_GB-someone-medium" / "en" / "someone.onnx"
    file.parent.mkdir(parents=True)
    file.touch()
    named = {"en": "en_GB-someone-medium", "zh": "here.onnx", "de": "some/where", "fr": "unheard-of"}
    settings = Settings(speech=Speech(voices=named), models=Models(folder=tmp_path))
    paths = {"en": file, "zh": Path("here.onnx"), "de": Path("some/where"), "fr": tmp_path / "unheard-of" / "unheard-of.onnx"}
    assert tts.models(settings) == paths


def test_the_shared_voice_loads_and_runs_in_a_real_process(real_model: Path, run: Run) -> None:
    """It is silent: that it was loaded, and made audio of the right form, is all it can show."""

    async def scenario() -> None:
        async with Piper("en", real_model) as piper:
            samples, rate_hz = await piper._kept.speak("Hello there.")
            assert (rate_hz, len(samples) > 1_000) == (22_050, True)
            with pytest.raises(EngineError, match="made no sound"):
                await piper.render("Hello there.")

    run(scenario())


def test_a_truncated_voice_is_named_by_a_real_process(real_model: Path, tmp_path: Path, run: Run) -> None:
    half = tmp_path / "half.onnx"
    half.write_bytes(real_model.read_bytes()[:800])
    half.with_name("half.onnx.json").write_bytes(real_model.with_name("test_voice.onnx.json").read_bytes())
    with pytest.raises(EngineError, match=r"half\.onnx failed.*is .*half\.onnx whole"):
        run(Piper("en", half).__aenter__())


def test_piper_is_never_imported() -> None:
    for path in Path(tts.__file__).parents[2].rglob("*.py"):
        names = [name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for name in _imported(node)]
        assert not [name for name in names if name.split(".")[0] == "piper"], path


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(name), level=0):
            return [name]
        case _:
            return []


def test_it_speaks_no_more_when_it_is_left(model: Path, run: Run) -> None:
    async def scenario() -> None:
        async with Piper("en", model, pretender(model.parent)) as piper:
            assert piper.pid
        assert piper.pid is None
        await asyncio.sleep(0)
        with pytest.raises(EngineError):
            await piper.render("hello")

    run(scenario())
