"""The lead's conversation files: what stands in them is what is played, and a fault is named with its file and title."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from voicebot.customers.demo import people
from voicebot.errors import EvaluationError
from voicebot.testbed.conversations import UNKNOWN, Hears, Keys, Says, Stays, load

PEOPLE = people(date(2026, 3, 14))
CALL = """
- title: a call
  from: 2
  turns:
    - caller: no
    - bot: [one, two]
    - keys: PIN
    - caller: DIGITS
    - bot: yes
    - keys: 12
    - silence:
  ends: with a person, asked for a person
  directory: down
"""


def written(folder: Path, text: str, language: str = "en") -> Path:
    path = folder / language / "calls.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return folder


def test_what_stands_there_is_what_is_played(tmp_path: Path) -> None:
    [call] = load(PEOPLE, written(tmp_path, CALL))
    spelt = " ".join(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"][int(digit)] for digit in PEOPLE[1].number[-4:])
    said = Says(spelt, digits=PEOPLE[1].number[-4:])
    assert call.turns == (Says("no"), Hears(("one", "two")), Keys(PEOPLE[1].pin), said, Hears(("yes",)), Keys("12"), Stays())
    assert (call.title, call.language, call.ani, call.directory) == ("a call", "en", PEOPLE[1].phone, "down")
    assert call.reason == "asked for a person"


def test_mandarin_digits_are_said_in_mandarin_and_a_stranger_has_a_number_of_his_own(tmp_path: Path) -> None:
    [call] = load(PEOPLE, written(tmp_path, "- {title: t, turns: [{caller: PIN}], ends: with the bot}", "zh"))
    assert call.turns == (Says("四八二一", digits="4821"),)
    assert (call.ani, call.reason) == (UNKNOWN, "")
    assert UNKNOWN not in {person.phone for person in PEOPLE}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- {title: t, turns: [{caller: a}]}", "'t': KeyError"),
        ("- {title: t, turns: [{robot: a}], ends: x}", "not 'robot'"),
        ("- {title: t, turn: [], ends: x}", "unknown key 'turn'"),
        ("- {title: t, from: 99, turns: [], ends: x}", "'t': IndexError"),
        ("- just words", "just words"),
        ("- [", "cannot be read"),
    ],
)
def test_a_fault_is_named_with_its_file_and_title(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=fault) as caught:
        load(PEOPLE, written(tmp_path, text))
    assert "calls.yaml" in str(caught.value)


def test_a_caller_may_have_other_words_for_the_same(tmp_path: Path) -> None:
    [call] = load(PEOPLE, written(tmp_path, "- {title: t, turns: [{caller: [thank you, thanks, ta]}], ends: with the bot}"))
    [says] = call.turns
    assert says == Says("thank you", ("thanks", "ta"))
    assert isinstance(says, Says)
    assert [says.wording(attempt) for attempt in range(4)] == ["thank you", "thanks", "ta", "thank you"]
