"""The matcher on a labelled corpus: figures that a planted defect moves, and a threshold that never saw the test."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.errors import EvaluationError
from voicebot.evaluate.matching import Example, Learner, few, measure, read, threshold

THINGS = {"lost_card": "card lost", "bill": "bill high", "hours": "shop open"}
WAYS = ("my {0} is {1}", "{1} {0} please", "tell me about the {0}", "the {0} {1} again", "what about {1} and {0}", "{0}", "is the {0} {1}")
STRANGE = ("will it rain on sunday", "tell me a joke", "who won the match", "cook some soup", "play the piano", "how far is the moon")
OUTSIDE = [Example(text, "oos") for text in STRANGE]


def corpus(ways: tuple[str, ...] = WAYS) -> list[Example]:
    return [Example(way.format(*words.split()), name) for name, words in THINGS.items() for way in ways]


def test_what_was_learnt_is_found() -> None:
    found = measure(corpus(), corpus(("i say {0} {1}",)), Learner())
    assert (found.train, found.test, found.categories) == (21, 3, 3)
    assert (found.accuracy, found.top3) == (1.0, 1.0)
    assert 0 < found.p50_ms <= found.p95_ms
    assert found.build_s >= 0
    assert found.threshold is found.in_scope_accuracy is found.out_of_scope_recall is None


def test_wrong_labels_lower_the_accuracy() -> None:
    wrong = [Example(row.text, "bill" if row.category == "hours" else row.category) for row in corpus()]
    found = measure(wrong, corpus(("i say {0} {1}",)), Learner())
    assert found.accuracy == pytest.approx(2 / 3)


def test_questions_from_outside_are_refused_and_count_apart() -> None:
    strange = [Example(text, "oos") for text in ("is the moon far", "who will cook soup")]
    found = measure([*corpus(), *OUTSIDE], [*corpus(("i say {0} {1}",)), *strange], Learner(outside="oos"))
    assert found.categories == 3
    assert found.out_of_scope_recall == 1.0
    assert found.in_scope_accuracy is not None
    assert found.threshold is not None
    assert found.in_scope_accuracy <= found.accuracy == 1.0
    assert 0 < found.threshold < 1


def test_the_threshold_costs_few_of_the_right_answers() -> None:
    assert threshold([at / 1_000 for at in range(1_000)]) == pytest.approx(0.004)
    assert threshold([0.7]) == 0.7
    with pytest.raises(EvaluationError, match="give more examples of each"):
        threshold([])


def test_shots_are_drawn_for_each_category_and_by_the_seed() -> None:
    rows = corpus()
    drawn = few(rows, 2, seed=1)
    assert Counter(row.category for row in drawn) == dict.fromkeys(THINGS, 2)
    assert drawn == few(rows, 2, seed=1) != few(rows, 2, seed=2)
    assert len(few(rows, 100, seed=1)) == len(rows)


def write(path: Path, rows: list[Example]) -> Path:
    path.write_text("text,category\n" + "".join(f'"{row.text}",{row.category}\n' for row in rows), encoding="utf-8")
    return path


def test_the_command_prints_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train, test = write(tmp_path / "train.csv", [*corpus(), *OUTSIDE]), write(tmp_path / "test.csv", [*corpus(("say {0} {1}",)), *OUTSIDE])
    words = ["evaluate", "matching", "--train", str(train), "--test", str(test), "--language", "fr"]
    found = json.loads(CliRunner().invoke(app, [*words, "--out-of-scope", "oos", "--json"]).stdout)
    assert found["accuracy"] == 1.0
    assert found["out_of_scope_recall"] == 1.0
    table = CliRunner().invoke(app, [*words, "--shots", "3"]).stdout
    assert table.splitlines()[0] == "train               12"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"question,label\na,b\n", r"x\.csv: no columns text and category in the first line; add them"),
        (b"text,category\na,b\nc,\n", r"x\.csv:3: text or category is empty; fill in both"),
        (b"text,category\n", r"x\.csv: holds no questions; add a row for each"),
        (b"text,category\n\xff,b\n", r"x\.csv: cannot be read .*; give a CSV file in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_fix(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "x.csv").write_bytes(raw)
    with pytest.raises(EvaluationError, match=message):
        read(tmp_path / "x.csv")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none\.csv: cannot be read"):
        read(tmp_path / "none.csv")
