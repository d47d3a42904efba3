"""Before its call the demo says what it stands on."""

from __future__ import annotations

import pytest

from voicebot.doctor import Finding, Standing
from voicebot.testbed import demo


def test_each_job_has_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = [Finding("voice (en)", Standing.LOWER, "flite", "a machine", "[speech.voices] en"), Finding("anger", Standing.BEST, "prosody " * 30)]
    monkeypatch.setattr(demo, "examine", lambda _settings, _checks: found)
    monkeypatch.setattr(demo.console, "file", None)
    demo._standing()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["  voice (en): flite; better: [speech.voices] en", f"  anger: {'prosody ' * 30}"]
