"""Every command: what it prints when all is well, and one line with exit status 1 when not. No traceback ever reaches a person."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.kit.voices import spoken
from voicebot import cli
from voicebot.errors import EngineError, PbxError, VoicebotError
from voicebot.settings import Settings
from voicebot.store.events import BotSpoke, CallAnswered, CallerSpoke, CallStarted, Decided
from voicebot.store.journal import Journal
from voicebot.telephony.pbx_plan import PbxPlan

ENTRY = """---
id: {name}
language: en
title: {title}
questions:
{questions}
short: {short}
---
{answer}
"""


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def voicebot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in an empty folder, as a shell would."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["voicebot", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        status = ended.value.code
        return Ran(status if isinstance(status, int) else 0 if status is None else 1, captured.out, captured.err)

    return run


def refused(ran: Ran) -> str:
    """The one line a person gets."""
    assert (ran.status, ran.out) == (1, "")
    [line] = ran.err.splitlines()
    assert line.startswith("voicebot: ")
    return line.removeprefix("voicebot: ")


def write_kb(folder: Path, **answers: str) -> Path:
    (folder / "en").mkdir(parents=True)
    for name, answer in answers.items():
        questions = "\n".join(f"  - {wording} {name}" for wording in ("what about", "tell me about", "i need", "how is", "where is"))
        text = ENTRY.format(name=name, title=name, questions=questions, short=f"About {name}.", answer=answer)
        (folder / "en" / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def kb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write_kb(tmp_path / "kb", roaming="Roaming is on.", parking="Parking is free.")
    monkeypatch.setenv("VOICEBOT_KB__FOLDER", str(folder))
    return folder


# Help.


def test_without_a_command_it_says_what_there_is(voicebot: Command) -> None:
    ran = voicebot()
    for name in ("serve", "up", "pbx", "agents", "kb", "calls", "store"):
        assert name in ran.out + ran.err
    assert voicebot("--help").status == 0


def test_an_unknown_command_is_a_usage_error(voicebot: Command) -> None:
    ran = voicebot("srve")
    assert ran.status == 2
    assert "No such command 'srve'" in ran.err


# The knowledge base.


def test_kb_check_counts_what_is_good(voicebot: Command, kb: Path) -> None:
    assert "2 entries in en, version " in voicebot("kb", "check").out
    ran = voicebot("kb", "check", str(kb))
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith(": no faults\n")


def test_kb_check_names_file_and_line_of_each_fault(voicebot: Command, kb: Path) -> None:
    entry = kb / "en" / "roaming.md"
    entry.write_text(entry.read_text().replace("title: roaming", "titel: roaming"))
    (kb / "en" / "empty.md").write_text("")
    ran = voicebot("kb", "check")
    assert ran.status == 1
    assert f"{kb / 'en' / 'empty.md'}:1: " in ran.out
    assert any(line.startswith(f"{entry}:4: ") and "titel" in line for line in ran.out.splitlines())
    assert "Traceback" not in ran.err


def test_the_demo_has_no_faults(voicebot: Command) -> None:
    assert voicebot("kb", "check").status == 0


def test_kb_ask_shows_matches_best_first(voicebot: Command, kb: Path) -> None:
    ran = voicebot("kb", "ask", "where is parking")
    assert ran.out.splitlines()[0].split(maxsplit=2)[1:] == ["parking", "Parking is free."]
    found = json.loads(voicebot("kb", "ask", "where is parking", "--json").out)
    assert found[0]["entry_id"] == "parking"
    assert found[0]["confidence"] == max(match["confidence"] for match in found)


def test_kb_ask_in_a_language_without_entries_names_those_that_have_some(voicebot: Command, kb: Path) -> None:
    assert refused(voicebot("kb", "ask", "hallo", "--language", "de")) == "the knowledge base has no entries in 'de'; languages: en"


def test_kb_ask_of_a_broken_knowledge_base_names_file_and_line(voicebot: Command, kb: Path) -> None:
    (kb / "en" / "empty.md").write_text("")
    assert refused(voicebot("kb", "ask", "where is parking")).startswith(f"{kb / 'en' / 'empty.md'}:1: ")


# The call log.


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A journal with one call in it."""
    url = f"sqlite+aiosqlite:///{tmp_path}/calls.db"
    monkeypatch.setenv("VOICEBOT_STORE__URL", url)

    async def write() -> None:
        journal = await Journal.open(url, tmp_path / "spool")
        try:
            record = journal.call("call-1", CallStarted("0201555777", "100", "en", "c1", datetime.now(UTC)))
            record.append(0, CallAnswered())
            record.append(3_000, CallerSpoke("where is parking", 0.9, 2_000, 3_000))
            record.append(3_000, Decided("Reply", "matched parking 0.90", "parking"))
            record.append(5_000, BotSpoke("Parking is free.", "answer", 3_100, 1_900, 1_900, False, "Parking is free.", "parking"))
            record.seal(6_000, "contained", "caller")
        finally:
            await journal.close()

    asyncio.run(write())
    return url


def test_calls_list_shows_the_latest(voicebot: Command, log: str) -> None:
    ran = voicebot("calls", "list")
    assert ran.status == 0
    assert "call-1" in ran.out
    [row] = json.loads(voicebot("calls", "list", "--json").out)
    assert (row["call_id"], row["outcome"], row["utterances"], row["duration_ms"]) == ("call-1", "contained", 1, 6_000)
    assert json.loads(voicebot("calls", "list", "--limit", "0", "--json").out) == []


def test_calls_show_tells_one_call(voicebot: Command, log: str) -> None:
    ran = voicebot("calls", "show", "call-1")
    assert ran.status == 0
    for told in ("where is parking", "Parking is free.", "matched parking 0.90"):
        assert told in ran.out
    shown = json.loads(voicebot("calls", "show", "call-1", "--json").out)
    assert shown["call"]["call_id"] == "call-1"
    assert [event["event"]["type"] for event in shown["events"]][:2] == ["call_started", "call_answered"]
    assert shown["turns"][1]["caller"]["text"] == "where is parking"


def test_calls_show_of_an_unknown_call_is_one_line(voicebot: Command, log: str) -> None:
    assert "nobody" in refused(voicebot("calls", "show", "nobody"))


def test_a_call_log_that_is_not_there_is_one_line(voicebot: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOICEBOT_STORE__URL", f"sqlite+aiosqlite:///{tmp_path}/nowhere/calls.db")
    for command in (("calls", "list"), ("calls", "show", "x")):
        assert "nowhere/calls.db" in refused(voicebot(*command))


def test_store_rebuild_counts(voicebot: Command, log: str) -> None:
    assert voicebot("store", "rebuild").out == "1 calls rebuilt from the journal\n"
    assert json.loads(voicebot("calls", "list", "--json").out)[0]["outcome"] == "contained"


def test_store_check_counts_and_names_what_is_wrong(voicebot: Command, log: str) -> None:
    checked = voicebot("store", "check")
    *wrong, verdict = checked.out.splitlines()
    assert (checked.status, verdict) == (1, "1 calls checked, 0 still open: violations in 1 of them")
    assert wrong[0] == "call-1, line 2: notice first: caller_spoke before the notice"
    as_json = json.loads(voicebot("store", "check", "--json").out)
    assert as_json["wrong"]["call-1"][0] == {"invariant": "notice first", "seq": 2, "what": "caller_spoke before the notice"}
    assert len(as_json["wrong"]["call-1"]) == len(wrong)


# Settings.


@pytest.mark.parametrize(
    "command",
    [("serve",), ("up",), ("pbx",), ("agents",), ("calls", "list"), ("calls", "show", "x"), ("store", "rebuild")],
    ids=" ".join,
)
def test_a_wrong_settings_file_is_one_line_whatever_the_command(command: tuple[str, ...], voicebot: Command, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[serve]\nprot = 1\n")
    assert refused(voicebot(*command, "--settings", "my.toml")) == "my.toml: unknown key 'serve.prot'; did you mean 'port'?"
    assert "no such settings file" in refused(voicebot(*command, "--settings", "nowhere.toml"))


# What runs until it is stopped.


@pytest.fixture
def ran_with(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `serve` and `up` would have been started with."""
    seen: list[Any] = []

    async def serve(settings: Settings) -> None:
        seen.append(settings)

    async def up(settings: Settings, settings_file: Path | None, on_ready: Callable[[Any], None], desk: bool) -> None:
        seen.extend((settings, settings_file, desk))
        on_ready(_Plan())

    monkeypatch.setattr("voicebot.app.serve", serve)
    monkeypatch.setattr("voicebot.up.up", up)
    monkeypatch.setattr("voicebot.logs.configure", lambda level, style: seen.append((level, style)))
    return seen


class _Plan:
    sip_host, sip_port = "127.0.0.1", 5_061


def test_serve_runs_with_the_settings(voicebot: Command, ran_with: list[Any], tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('[log]\nlevel = "debug"\n')
    assert voicebot("serve", "--settings", "my.toml").status == 0
    style, settings = ran_with
    assert style == ("debug", "json")
    assert settings.log.level == "debug"


def test_up_tells_where_to_dial(voicebot: Command, ran_with: list[Any], tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("")
    ran = voicebot("up", "--settings", "my.toml")
    assert (ran.status, ran.out) == (0, "ready: SIP on 127.0.0.1:5061\n")
    assert (ran_with[2], ran_with[-1]) == (Path("my.toml"), True)
    voicebot("up", "--settings", "my.toml", "--no-desk")
    assert ran_with[-1] is False


def test_a_name_in_brackets_stays_in_the_help(voicebot: Command) -> None:
    assert "older than [retention] says" in voicebot("privacy", "expire", "--help").out


@pytest.mark.parametrize("failure", [VoicebotError("port in use"), ExceptionGroup("two", [PbxError("port in use")])], ids=["alone", "in a group"])
def test_what_cannot_start_is_one_line(failure: Exception, voicebot: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(_settings: Settings) -> None:
        raise failure

    monkeypatch.setattr("voicebot.app.serve", serve)
    assert refused(voicebot("serve")) == "port in use"


def test_several_failures_are_a_line_each(voicebot: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(_settings: Settings) -> None:
        raise ExceptionGroup("all", [PbxError("one"), ExceptionGroup("more", [EngineError("two")])])

    monkeypatch.setattr("voicebot.app.serve", serve)
    assert voicebot("serve") == Ran(1, "", "voicebot: one\nvoicebot: two\n")


def test_a_mistake_of_ours_is_not_hidden(voicebot: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(_settings: Settings) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("voicebot.app.serve", serve)
    monkeypatch.setattr(sys, "argv", ["voicebot", "serve"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


class FakePbx:
    def __init__(self, plan: Any) -> None:
        self.plan = plan
        self.sip_port = 5_062

    async def __aenter__(self) -> FakePbx:
        return self

    async def __aexit__(self, *_: object) -> None: ...


def test_pbx_runs_alone_until_stopped(voicebot: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> asyncio.Event:
        stop = asyncio.Event()
        stop.set()
        return stop

    monkeypatch.setattr("voicebot.telephony.pbx_plan.plan", lambda _settings: _Plan())
    monkeypatch.setattr("voicebot.telephony.pbx.PrivateAsterisk", FakePbx)
    monkeypatch.setattr("voicebot.up.stopped_by_signal", stopped)
    assert voicebot("pbx").out.startswith("ready: SIP on 127.0.0.1:")


def test_agents_lists_the_accounts(voicebot: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class WithAgents(_Plan):
        agents = {"6001": "s3cret", "6002": "other"}  # noqa: RUF012 - a stand-in

    monkeypatch.setattr("voicebot.telephony.pbx_plan.plan", lambda _settings: WithAgents())
    assert voicebot("agents").out == "6001  s3cret  sip:6001@127.0.0.1:5061\n6002  other  sip:6002@127.0.0.1:5061\n"
    assert "agents" in PbxPlan.__dataclass_fields__


def write_manifest(folder: Path) -> Path:
    """One speaker: three calm voices and two that are high, loud and bright."""
    lines = ["path,speaker,label,kind,language,text,baseline"]
    for n, (label, hz, level_db, brightness) in enumerate([("other", 110, -30, 0.3)] * 3 + [("anger", 230, -16, 0.8)] * 2):
        soundfile.write(folder / f"{n}.wav", np.frombuffer(spoken(hz + n, level_db, brightness), "<i2"), 16_000)
        lines.append(f"{n}.wav,anna,{label},{'anger' if label == 'anger' else 'neutral'},en,,{int(label == 'other')}")
    path = folder / "list.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_evaluate_anger_prints_figures_and_writes_scores_and_plots(voicebot: Command, tmp_path: Path) -> None:
    options = ("--codec", "alaw", "--out", "scores.csv", "--plot", "plots", "--json")
    ran = voicebot("evaluate", "anger", "--manifest", str(write_manifest(tmp_path)), *options)
    assert (ran.status, ran.err) == (0, "")
    [figures] = json.loads(ran.out)["figures"]
    assert (figures["recordings"], figures["angry"], figures["auc_calm"]) == (3, 2, 1.0)
    assert (tmp_path / "scores.csv").read_text("utf-8").splitlines()[0].endswith(",score")
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["reliability.png", "roc.png"]


def test_evaluate_anger_without_a_reference_is_a_table(voicebot: Command, tmp_path: Path) -> None:
    ran = voicebot("evaluate", "anger", "--manifest", str(write_manifest(tmp_path)), "--reference", "none")
    assert "AUC calm" in ran.out
    assert ran.out.splitlines()[1].split()[:3] == ["all", "5", "2"]


def test_evaluate_anger_names_a_missing_manifest(voicebot: Command) -> None:
    assert "none.csv: cannot be read" in refused(voicebot("evaluate", "anger", "--manifest", "none.csv"))
