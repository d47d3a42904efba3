"""Edge mode: a PBX of somebody else, A-law alone, sends its hotline over one trunk, and gets the caller back with what it needs to know."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.stage import Play, stage
from voicebot.store import events
from voicebot.store.calls import CallRecord
from voicebot.testbed import audio
from voicebot.testbed.call import Call
from voicebot.testbed.certificates import PROGRAM, certificates
from voicebot.testbed.foreign import DESK, HEADERS, Foreign, Trunk
from voicebot.testbed.g711 import Samples
from voicebot.testbed.phone import Phone
from voicebot.testbed.rig import Rig, Target
from voicebot.testbed.scenario import calling, new_number
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs openssl: apt-get install openssl")]
BOT = "127.0.0.3"
QUESTIONS = {"voicemail-setup": "how do i set up voicemail", "opening-hours": "what are your opening hours"}
PERSON = "can i talk to a real person please"
AGENT_SAYS = "hello this is the support desk"
PASSWORD = "between-the-two"


@pytest.fixture(scope="module")
def trunk() -> Trunk:
    return Trunk.to(BOT, password=PASSWORD)


@pytest.fixture(scope="module")
def edge(asterisk_tree: Path, trunk: Trunk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """A voicebot whose only way in and out is the trunk; both sides challenge each other. Its controller is reached by wss:// alone."""
    made = asyncio.run(certificates(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1"))
    secret = tmp_path_factory.mktemp("secret") / "trunk"
    secret.touch(mode=0o600)
    secret.write_text(f"{PASSWORD}\n")
    settings = {
        **{"pbx.sip_port": trunk.bot[1], "trunk.listen": trunk.bot[0], "trunk.peer": trunk.peer},
        **{"trunk.handover_uri": f"sip:{DESK}@pbx.example", "trunk.codecs": ["alaw"], "trunk.pop_url": "https://desk.example", "trunk.retry_s": 1},
        **{"trunk.username": trunk.username, "trunk.secret_file": str(secret), "trunk.challenge": True},
        **{"serve.tls_certificate": str(made.certificate), "serve.tls_key": str(made.key), "serve.tls_ca": str(made.authority)},
        **{"handover.ring_s": 2, "handover.max_wait_s": 4},
    }
    with stage(settings) as play:
        yield play


@contextlib.asynccontextmanager
async def beside(bot: Rig, trunk: Trunk, folder: Path) -> AsyncIterator[tuple[Foreign, Target]]:
    """The other PBX, and the bot as its callers reach it. In the end no call is left on either."""
    async with Foreign(trunk, bot.settings.pbx.tree, folder) as pbx:
        yield pbx, Target(pbx.address, bot.settings)
        await until(lambda: idle(pbx.cli))
        await until(lambda: idle(bot.console))


async def idle(console: Callable[[str], Any]) -> bool:
    return "0 active channels" in await console("core show channels")


async def until(holds: Callable[[], Any], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await holds():
            await asyncio.sleep(0.1)


async def voiced(bot: Rig, text: str, voice: str = "flite:rms") -> Samples:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return await synth(text, voice, folder)


def heard(reference: Samples, call: Call, from_s: float | None = None) -> bool:
    return audio.locate(reference, call.heard.audio(from_s)).score >= 0.6


async def hears(reference: Samples, call: Call) -> None:
    async def whether() -> bool:
        return heard(reference, call)

    await until(whether)


def of(record: CallRecord, kind: type[events.Event]) -> list[Any]:
    return [line.event for line in record.lines if isinstance(line.event, kind)]


def order(record: CallRecord, *kinds: type[events.Event]) -> list[type[events.Event]]:
    return [type(line.event) for line in record.lines if isinstance(line.event, kinds)]


async def answered(desk: Phone) -> Call:
    call = await desk.ring(20)
    await call.answer()
    return call


@contextlib.asynccontextmanager
async def asking_for_a_person(hotline: Target) -> AsyncIterator[Call]:
    """A caller who presses 0 as soon as the bot speaks."""
    async with hotline.phone("PCMA") as phone, phone.dial("100", new_number()) as call:
        await call.wait_answered()
        await call.until_voice(0.0, 5)
        await call.dtmf("0")
        yield call


async def summary(bot: Rig, call: Call) -> CallRecord:
    """The record of the call that this caller made."""
    return await bot.journal(str(call.dialog.local.uri.user))


def test_in_over_the_trunk_three_turns_out_by_the_uri_and_both_hear_each_other(edge: Play, trunk: Trunk, tmp_path: Path) -> None:
    async def scenario(bot: Rig) -> None:
        references = await bot.references("en")
        agent_line, words = await voiced(bot, AGENT_SAYS, "flite:awb"), await voiced(bot, "my internet is very slow")
        async with beside(bot, trunk, tmp_path) as (pbx, hotline), pbx.desk() as desk, calling(hotline, "PCMA") as caller:
            assert heard(references["prompt/greeting"], caller.call)
            assert all(url.startswith("wss://") for url in (bot.plan.control_url, bot.plan.floor_url, *bot.plan.media.values()))
            first, second = [await voiced(bot, question) for question in QUESTIONS.values()]
            await caller.say(first)
            await hears(references["answer/voicemail-setup"], caller.call)
            await caller.voice(await caller.say(second))
            await asyncio.sleep(1.2)  # over the second answer
            await caller.say(await voiced(bot, PERSON))
            agent = await answered(desk)
            agent.speak(agent_line)
            await hears(agent_line, caller.call)
            await caller.say(words)
            await hears(words, agent)
            assert agent.ani == caller.ani, "the desk sees the caller's number"
            assert agent.invite is not None
            told = {name: agent.invite.headers[name] for name in HEADERS}
            await agent.hang_up()
            await caller.call.wait_ended(5)
        record = await bot.journal(caller.ani)
        call_id = record.summary.call_id
        assert told == {
            "X-Voicebot-Call": call_id,
            "X-Voicebot-Reason": "asked for a person",
            "X-Voicebot-Urgency": "normal",
            "X-Voicebot-Language": "en",
            "X-Voicebot-Pop": f"https://desk.example/pop/{call_id}",
            "User-to-User": f"04{call_id.encode().hex()};encoding=hex;purpose=isdn-uui",
        }
        assert [spoke.entry_id for spoke in of(record, events.BotSpoke) if spoke.kind == "answer"] == list(QUESTIONS)
        assert len(of(record, events.CallerSpoke)) == 3
        told_of = (events.HandoverDecided, events.QueueEntered, events.AgentRang, events.AgentAnswered, events.AgentJoined)
        assert order(record, *told_of, events.BriefingStarted) == list(told_of), "nobody hears a briefing aloud"
        assert {each.agent for kind in told_of[2:] for each in of(record, kind)} == {DESK}
        assert record.summary.outcome == "handed_over"
        assert len(of(record, events.CallSealed)) == 1

    edge(scenario)


def test_two_callers_are_handed_over_at_once_also_when_the_desk_was_busy_at_first(edge: Play, trunk: Trunk, tmp_path: Path) -> None:
    async def scenario(bot: Rig) -> None:
        lines = [await voiced(bot, AGENT_SAYS, voice) for voice in ("flite:awb", "flite:slt")]
        async with beside(bot, trunk, tmp_path) as (pbx, hotline), pbx.desk() as desk, asking_for_a_person(hotline) as first:
            await (await desk.ring(20)).reject(486)
            async with asking_for_a_person(hotline) as second:
                callers = {str(call.dialog.local.uri.user): call for call in (first, second)}
                agents = [await answered(desk), await answered(desk)]
                assert {agent.ani for agent in agents} == set(callers)
                for agent, line in zip(agents, lines, strict=True):
                    agent.speak(line)
                    await hears(line, callers[agent.ani])
        records = [await summary(bot, call) for call in (first, second)]
        assert [record.summary.outcome for record in records] == ["handed_over", "handed_over"]
        assert len(of(records[0], events.AgentRang)) > len(of(records[0], events.AgentJoined))

    edge(scenario)


def test_when_nobody_takes_the_caller_he_hears_music_then_a_sentence_never_nothing(edge: Play, trunk: Trunk, tmp_path: Path) -> None:
    async def scenario(bot: Rig) -> None:
        sentence = (await bot.references("en"))["prompt/queue_full"]
        async with beside(bot, trunk, tmp_path) as (pbx, hotline), pbx.desk(), asking_for_a_person(hotline) as call:
            await call.wait_ended(30)
            assert call.ended_by == "there"
            assert heard(sentence, call)
        record = await summary(bot, call)
        assert record.summary.outcome == "abandoned"
        assert [left.why for left in of(record, events.QueueLeft)] == ["nobody answered in time"]
        assert {rang.agent for rang in of(record, events.AgentRang)} == {DESK}
        assert {left.why for left in of(record, events.AgentLeft)} == {"no answer"}

    edge(scenario)


def test_strangers_and_a_stolen_password_get_nowhere(edge: Play, trunk: Trunk, tmp_path: Path) -> None:
    """From elsewhere nobody gets in; who has the trunk's password and address reaches one number of the PBX."""

    async def refused(phone: Phone, number: str) -> int:
        async with phone.dial(number) as call:
            with pytest.raises(PhoneError) as failed:
                await call.wait_answered()
            return failed.value.status

    async def scenario(bot: Rig) -> None:
        async with beside(bot, trunk, tmp_path) as (pbx, _), Phone.open(trunk.bot, ("PCMA",)) as stranger:
            assert await refused(stranger, "100") == 403
            assert await idle(bot.console)
            async with Phone.open((pbx.plan.sip_host, trunk.port), ("PCMA",), trunk.account, host=BOT) as thief:
                for number in ("100", "0049301234", "s", "601", "outside"):
                    assert await refused(thief, number) == 404
            assert await idle(pbx.cli)

    edge(scenario)
