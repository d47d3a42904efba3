"""Who is calling: the number's earlier calls for everybody, the account only of who has proved himself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.kit.customers import PEOPLE, ScriptedDirectory
from tests.kit.deskkit import ANI, QUEUED, WITH_BOT, journalling
from tests.kit.deskstage import staged
from voicebot.desk.customer import Caller, caller
from voicebot.handover.story import Story
from voicebot.store.events import AngerScored, Event

NOW = datetime.now(UTC)
CUSTOMER = PEOPLE[0].account.customer.id
NUMBER_IS_NEW = "+441632960999"
HANDED: tuple[tuple[int, Event], ...] = (*WITH_BOT, (24_050, AngerScored(0.9, escalate=True, evidence=("interrupts",))), *QUEUED)


def known(url: str, folder: Path, story: Story, directory: ScriptedDirectory | None, earlier: Sequence[tuple[int, Event]] = HANDED) -> Caller:
    """What the desk knows of the caller of `story`, after one call from `ANI`."""

    async def scenario() -> Caller:
        async with journalling(url, folder) as calls:
            calls.begin("before", *earlier).seal(40_000, "handed_over", "floor")
        async with staged(url) as stage:
            found: Any = directory
            return await caller(replace(stage.desk, directory=found), story)

    return asyncio.run(scenario())


def test_the_numbers_earlier_calls_are_told_before_any_proof_and_the_account_is_not_asked_for(url: str, tmp_path: Path) -> None:
    directory = ScriptedDirectory()
    found = known(url, tmp_path / "spool", Story("now", NOW, NOW, ANI), directory)
    names = {field.name: (field.value, field.source) for field in found.profile.fields}
    assert names["topics"] == ("a higher bill", "earlier calls")
    assert names["anger_at_handover"] == ("yes", "earlier calls")
    assert {source for _, source in names.values()} == {"earlier calls"}
    assert (found.profile.verified, directory.asked) == (False, [])


def test_who_has_proved_himself_is_known_by_his_account_too(url: str, tmp_path: Path) -> None:
    found = known(url, tmp_path / "spool", Story("now", NOW, NOW, ANI, customer=CUSTOMER), ScriptedDirectory())
    assert found.profile.verified
    assert {field.source for field in found.profile.fields} == {"account", "earlier calls"}
    assert all(field.evidence and field.day for field in found.profile.fields)


@pytest.mark.parametrize("ani", ["", NUMBER_IS_NEW])
def test_of_a_withheld_or_a_new_number_nothing_is_known(url: str, tmp_path: Path, ani: str) -> None:
    found = known(url, tmp_path / "spool", Story("now", NOW, NOW, ani), None)
    assert found.profile.fields == ()


def test_the_call_itself_is_not_an_earlier_one(url: str, tmp_path: Path) -> None:
    assert known(url, tmp_path / "spool", Story("before", NOW, NOW - timedelta(days=1), ANI), None).profile.fields == ()


def test_a_directory_that_fails_costs_the_account_and_says_so(url: str, tmp_path: Path) -> None:
    found = known(url, tmp_path / "spool", Story("now", NOW, NOW, ANI, customer=CUSTOMER), ScriptedDirectory("down"))
    assert "cannot be used" in found.failed
    assert {field.source for field in found.profile.fields} == {"earlier calls"}


def test_without_a_directory_the_proof_alone_is_told(url: str, tmp_path: Path) -> None:
    found = known(url, tmp_path / "spool", Story("now", NOW, NOW, NUMBER_IS_NEW, customer=CUSTOMER), None)
    assert (found.profile.fields, found.profile.verified, found.failed) == ((), True, "")
