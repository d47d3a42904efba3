"""What another system exports becomes entry files: all of them, or none and every fault named."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.dialogue import knowledge
from voicebot.dialogue.importing import import_file
from voicebot.errors import KnowledgeError

CSV = """\
Question,Answer
where do i park,Parking is free. Use gate two.
is there a car park,Parking is free. Use gate two.
"what: no ""signal""?",Restart the phone.
"""
MARKDOWN = """\
# Where do I park?

- is there a car park
* can i come by car

Parking is free.
Use gate two.

## No signal

Restart the phone.
"""


def imported(tmp_path: Path, text: str, name: str = "faq.csv", language: str = "en") -> knowledge.Knowledge:
    source = tmp_path / name
    source.write_text(text, encoding="utf-8")
    import_file(source, tmp_path / "kb", language)
    return knowledge.load(tmp_path / "kb")


def refused(tmp_path: Path, text: str | bytes, name: str = "faq.csv") -> list[str]:
    source = tmp_path / name
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = sorted(tmp_path.rglob("*.md"))
    with pytest.raises(KnowledgeError) as caught:
        import_file(source, tmp_path / "kb", "en")
    assert sorted(tmp_path.rglob("*.md")) == before
    return str(caught.value).splitlines()


def test_rows_with_one_answer_are_one_entry(tmp_path: Path) -> None:
    signal, parking = imported(tmp_path, CSV).entries
    assert parking.id == "where-do-i-park"
    assert parking.questions == ("where do i park", "is there a car park")
    assert (parking.title, parking.answer, parking.short) == ("where do i park", "Parking is free. Use gate two.", "Parking is free.")
    assert signal.questions == ('what: no "signal"?',)


def test_every_column_is_kept(tmp_path: Path) -> None:
    rows = 'id,title,question,answer,short,tags\np,parking,where,One.,Two.,"cars; gates"\np,other,how,One again.,,\n'
    (entry,) = imported(tmp_path, rows).entries
    assert (entry.id, entry.title, entry.questions, entry.answer, entry.short, entry.tags) == (
        *("p", "parking", ("where", "how"), "One.", "Two."),
        ("cars", "gates"),
    )


def test_a_heading_and_what_stands_below_is_an_entry(tmp_path: Path) -> None:
    signal, parking = imported(tmp_path, MARKDOWN, "faq.md").entries
    assert parking.questions == ("Where do I park?", "is there a car park", "can i come by car")
    assert parking.answer == "Parking is free. Use gate two."
    assert (signal.id, signal.short) == ("no-signal", "Restart the phone.")


def test_mandarin_gets_readable_names_and_first_sentences(tmp_path: Path) -> None:
    (entry,) = imported(tmp_path, "question,answer\n账单为什么贵,可能有漫游费。请看应用。\n", language="zh").entries
    assert (entry.id, entry.language, entry.short) == ("zhang-dan-wei-shen-me-gui", "zh", "可能有漫游费。")


def test_two_entries_of_one_title_get_two_names(tmp_path: Path) -> None:
    rows = "title,question,answer\nparking,where,Here.\nparking,how,So.\n"
    assert [entry.id for entry in imported(tmp_path, rows).entries] == ["parking-2", "parking"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,reply\na,b\n", "faq.csv: the first line names the columns question, reply; use question, answer and any of "),
        ("question,answer\na,\n", "faq.csv:2: question or answer is empty; fill in both"),
        ("", "faq.csv: the first line names the columns (none); use question, answer"),
        ("question,answer\n", "faq.csv: holds no entries; write CSV with the columns question and answer, or Markdown"),
        (b"question,answer\n\xff,b\n", "faq.csv: is not UTF-8 text; save the file as UTF-8"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str | bytes, message: str) -> None:
    (line,) = refused(tmp_path, text)
    assert message in line


def test_every_entry_with_a_fault_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    lines = refused(tmp_path, "question,answer\ngood,Fine.\nbad,see https://x.org\nlong," + "word " * 50 + "\n")
    told = ("bad.md:7: short 'see https://x.org' holds a sign", "bad.md:9: the answer holds 'https://'", "long.md:9: the answer has 50 words")
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))


def test_a_question_that_another_entry_claims_is_refused(tmp_path: Path) -> None:
    imported(tmp_path, "id,question,answer\nzebra,where do i park,Elsewhere.\n")
    (line,) = refused(tmp_path, CSV)
    assert line.endswith("zebra.md:6: question 'where do i park' already stands in where-do-i-park.md, line 6; keep it in one entry")


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    imported(tmp_path, CSV)
    assert [line.rpartition(": ")[2] for line in refused(tmp_path, CSV)] == ["is there already; remove it, or give the new entry another id"] * 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"none\.csv: cannot be read: No such file"):
        import_file(tmp_path / "none.csv", tmp_path / "kb", "en")


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=4))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_is_imported_whole_or_refused(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("import")
    out = io.StringIO()
    csv.writer(out).writerows([("question", "answer"), *rows])
    try:
        loaded = imported(folder, out.getvalue().encode("utf-8", "replace").decode())
    except KnowledgeError:
        assert not list(folder.rglob("*.md"))
    else:
        assert loaded.entries
