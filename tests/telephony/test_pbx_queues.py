"""The queues in Asterisk's words: who is rung for which, and when."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from voicebot.errors import PbxError
from voicebot.settings import Settings
from voicebot.settings.handover import Handover, Way
from voicebot.settings.hours import Hours
from voicebot.settings.trunk import Trunk
from voicebot.telephony.pbx_queues import members, spans, values

TWO = Handover(queues={"complaint": Way(queue="complaints")}, agents={"complaints": ("6002",)})
TRUNK = Trunk(peer="127.0.0.2:5060", handover_uri="sip:600@pbx")


def settings(tmp_path: Path, handover: Handover, trunk: Trunk | None = None) -> Settings:
    return Settings(secrets=tmp_path, handover=handover, trunk=trunk)


def test_a_queue_rings_everybody_unless_its_agents_are_named(tmp_path: Path) -> None:
    assert members(settings(tmp_path, Handover())) == {"support": ("6001", "6002", "6003")}
    assert members(settings(tmp_path, TWO)) == {"support": ("6001", "6002", "6003"), "complaints": ("6002",)}


def test_in_edge_mode_every_queue_rings_the_other_pbx(tmp_path: Path) -> None:
    both = Handover(queues={"complaint": Way(queue="complaints")})
    assert members(settings(tmp_path, both, TRUNK)) == {"support": ("600",), "complaints": ("600",)}
    with pytest.raises(PbxError, match=r"leave it out or the section \[trunk\]"):
        members(settings(tmp_path, TWO, TRUNK))


def test_an_agent_who_has_no_phone_is_named(tmp_path: Path) -> None:
    strange = Handover(agents={"support": ("6001", "6009")})
    with pytest.raises(PbxError, match=r"6009 of queue support not among \[pbx\] agents \(6001, 6002, 6003\)"):
        members(settings(tmp_path, strange))


def test_spans_are_written_as_gotoiftime_counts_them_the_last_minute_in() -> None:
    hours = Hours(zone="Asia/Shanghai", open=("mon-tue 08:00-18:00", "sun 22:00-02:00"))
    expected = ["00:00-01:59,mon", "08:00-17:59,mon", "08:00-17:59,tue", "22:00-23:59,sun"]
    assert spans(hours) == "|".join(f"{each},*,*,Asia/Shanghai" for each in expected)
    assert spans(Hours()) == ""


def test_the_dialplan_knows_hours_holidays_and_what_to_do_with_nobody_there() -> None:
    made = values(Handover(hours=Hours(open=("mon 08:00-09:00",), closed=(date(2026, 12, 25), date(2026, 12, 26)))), edge=False)
    assert (made["zone"], made["hours"], made["holidays"], made["nobody"]) == ("UTC", "08:00-08:59,mon,*,*,UTC", "2026-12-25|2026-12-26", "offer")
    assert values(Handover(), edge=True)["nobody"] == "wait", "who is signed in on the other PBX is not known here"
