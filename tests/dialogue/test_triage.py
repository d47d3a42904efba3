"""The triage table: danger first, each kind by its rule, and a table with a fault is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.decisions import Why
from voicebot.dialogue.errand import Topic
from voicebot.dialogue.intents import DANGER, Intent
from voicebot.dialogue.knowledge import load as load_knowledge
from voicebot.dialogue.triage import TABLE, Triaged, load
from voicebot.errors import KnowledgeError
from voicebot.settings import DEMO_KNOWLEDGE

TRIAGE = load()


@pytest.mark.parametrize(
    ("intents", "entry", "kind"),
    [
        ({Intent.EMERGENCY, Intent.BILL}, "bill-higher", "danger"),
        ({Intent.VULNERABLE}, None, "danger"),
        ({Intent.PERSON, Intent.COMPLAINT}, None, "person wanted"),
        ({Intent.COMPLAINT}, "complaint", "complaint"),
        ({Intent.COMPLEX}, None, "complex"),
        ({Intent.ABUSE}, None, "abuse"),
        ({Intent.DATA}, "data-left", "account"),
        ((), "no-signal", "fault"),
        ({Intent.THANKS}, None, "chit-chat"),
        ((), "voicemail-pin", "routine"),
        ((), None, "out of scope"),
    ],
)
def test_each_turn_has_its_kind(intents: set[Intent], entry: str | None, kind: str) -> None:
    assert TRIAGE.of(frozenset(intents), entry).kind == kind


@given(st.frozensets(st.sampled_from(Intent)), st.sampled_from([None, "no-signal", "bill-higher"]), st.sampled_from(DANGER))
def test_danger_wins_over_everything(intents: frozenset[Intent], entry: str | None, danger: Intent) -> None:
    triaged = TRIAGE.of(intents | {danger}, entry)
    assert triaged.kind == "danger"
    assert triaged.complexity == "complex"
    assert Why[triaged.why]


def test_what_goes_to_a_person_has_a_reason_and_a_why_that_exists() -> None:
    for rule in TRIAGE.rules:
        assert bool(rule.why) == bool(rule.reason), rule.kind
        assert not rule.why or Why[rule.why]
    assert TRIAGE.of(frozenset({Intent.FRAUD}), None) == Triaged("danger", "complex", "FRAUD", "danger words: fraud")


def test_the_entries_it_names_are_in_the_demo() -> None:
    ids = {entry.id for entry in load_knowledge(DEMO_KNOWLEDGE).entries}
    assert set(TRIAGE.topics) <= ids
    assert {entry for rule in TRIAGE.rules for entry in rule.entries} <= ids
    assert set(TRIAGE.topics.values()) == {Topic.BILL, Topic.DUE, Topic.DATA, Topic.OUTAGE}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[rule]]\nkind = 'x'\nintent = ['bill']", "unknown key 'intent' in rule 'x'"),
        ("[[rule]]\nkind = 'x'\nintents = ['bil']", "'bil' is not a valid Intent"),
        ("rule = [", "cannot be used"),
        ("[topics]\n", "'rule'"),
    ],
)
def test_a_table_with_a_fault_is_refused_by_name(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "triage.toml"
    path.write_text(text)
    with pytest.raises(KnowledgeError, match=fault):
        load(path)
    with pytest.raises(KnowledgeError, match="cannot be used"):
        load(tmp_path / "missing.toml")
    assert load(TABLE) == TRIAGE
