"""The section [handover]: what may be written, and what is wrong with what may not, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.dialogue.decisions import Why
from voicebot.dialogue.triage import load as triage
from voicebot.errors import SettingsError
from voicebot.settings import load
from voicebot.settings.handover import MATTERS, REASONS, Handover, Way


def written(tmp_path: Path, text: str) -> Handover:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return load(path).handover


def test_the_reasons_are_those_of_the_journal() -> None:
    assert sorted(REASONS) == sorted(why.name.lower() for why in Why)


def test_the_matters_are_those_of_the_triage_table() -> None:
    assert set(MATTERS) <= {rule.kind for rule in triage().rules}


def test_left_out_everybody_goes_to_one_queue_that_is_always_open() -> None:
    usual = Handover()
    assert (usual.names, usual.queues, usual.agents, usual.hours.open, usual.survey) == (("support",), {}, {}, (), "off")


def test_queues_are_named_by_reason_or_matter_and_each_once(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        """
        [handover]
        queue = "front"
        agents = { complaints = ["6001"] }
        [handover.queues]
        complaint = { queue = "complaints", priority = 3 }
        upset = { queue = "complaints" }
        account = { queue = "billing" }
        fault = { priority = 1 }
        """,
    )
    assert found.names == ("front", "complaints", "billing")
    assert found.queues["complaint"] == Way(queue="complaints", priority=3)
    assert found.queues["fault"] == Way(priority=1)
    assert found.agents == {"complaints": ("6001",)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("queues.anger = { queue = 'x' }", r"nobody is handed over for 'anger'; there are abuse, accepted, account"),
        ("agents.complaints = ['6001']", r"no caller goes to queue 'complaints'; those of \[handover\] are support"),
        ("agents.support = []", r"handover\.agents\.support: .*at least 1 item"),
        ("agents.support = ['me']", r"handover\.agents\.support\.0"),
        ("queues.complaint = { queue = 'No Such' }", r"handover\.queues\.complaint\.queue"),
        ("queues.complaint = { priority = 10 }", r"handover\.queues\.complaint\.priority: .*less than or equal to 9"),
        ("queues.complaint = { prio = 1 }", r"unknown key 'handover\.queues\.complaint\.prio'; did you mean 'priority'\?"),
        ("hours = { opened = [] }", r"unknown key 'handover\.hours\.opened'; did you mean 'open'\?"),
        ("hours = { open = ['always'] }", r"handover\.hours\.open\.0: write days and times such as"),
        ("hours = { zone = 'Nowhere' }", r"handover\.hours\.zone: no such time zone"),
        ("queue = 'direct-6001'", r"names that begin with direct- are those of single phones"),
        ("survey = 'yes'", r"handover\.survey"),
        ("nobody = 'hang up'", r"handover\.nobody"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        written(tmp_path, f"[handover]\n{text}\n")
