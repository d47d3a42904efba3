"""A fault is a finding, never the end of the report; the summary is one line a job."""

from __future__ import annotations

from collections.abc import Iterator

from voicebot.doctor import Finding, Standing, broken, examine, summary
from voicebot.errors import EngineError
from voicebot.settings import Settings

BEST = Finding("voice", Standing.BEST, "Piper")
LOWER = Finding("recognition", Standing.LOWER, "PocketSphinx", "knows little", "voicebot models pull small")


def fine(_settings: Settings) -> Iterator[Finding]:
    yield BEST
    yield LOWER


def faulty(_settings: Settings) -> Iterator[Finding]:
    yield LOWER
    raise EngineError("flite is not installed; run scripts/setup")


def test_findings_come_in_the_order_of_the_checks() -> None:
    assert examine(Settings(), {"a": fine, "b": fine}) == [BEST, LOWER, BEST, LOWER]


def test_a_fault_of_one_job_hides_no_other() -> None:
    found = examine(Settings(), {"voice": faulty, "rest": fine})
    assert found == [LOWER, Finding("voice", Standing.BROKEN, "flite is not installed; run scripts/setup"), BEST, LOWER]


def test_only_what_does_not_work_is_broken() -> None:
    assert not broken([BEST, LOWER])
    assert broken([BEST, Finding("disk", Standing.BROKEN, "full")])
    assert not broken([])


def test_the_summary_says_how_to_climb() -> None:
    assert list(summary([BEST, LOWER, Finding("disk", Standing.BROKEN, "0.1 GB free", "", "make room")])) == [
        "voice: Piper",
        "recognition: PocketSphinx; better: voicebot models pull small",
        "disk: 0.1 GB free (broken); better: make room",
    ]
