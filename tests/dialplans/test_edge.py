"""Edge mode from outside, by SIP: who gets in, what goes out, and what a thief of the bot's own socket could do with it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from voicebot.settings import Serve, Settings
from voicebot.settings.handover import Handover
from voicebot.settings.trunk import Trunk as Section
from voicebot.telephony.pbx_render import DIALPLANS
from voicebot.testbed import audio
from voicebot.testbed.certificates import PROGRAM, certificates
from voicebot.testbed.foreign import DESK, HOST, Foreign, Trunk

pytestmark = pytest.mark.e2e
Floor = Any  # tests/dialplans/conftest.py, which a test file cannot import
Open = Callable[[Settings], AbstractAsyncContextManager[Floor]]
Run = Callable[[Coroutine[Any, Any, Any]], Any]
BOT = "127.0.0.3"
needs_openssl = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs openssl: apt-get install openssl")


def edge(settings: Settings, trunk: Trunk, **section: Any) -> Settings:
    """An edge between `trunk` and a controller's stand-in."""
    given = {"peer": trunk.peer, "listen": BOT, "handover_uri": f"sip:{DESK}@pbx.example", "retry_s": 1, **section}
    pbx = settings.pbx.model_copy(update={"sip_port": trunk.bot[1]})
    return settings.model_copy(update={"trunk": Section(**given), "pbx": pbx})


async def eventually(what: Callable[[], Any], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not await what():
            await asyncio.sleep(0.05)


async def idle(console: Callable[[str], Any]) -> bool:
    return "0 active channels" in await console("core show channels")


async def calls(floor: Floor) -> int:
    return int(re.search(r"(\d+) calls? processed", await floor.pbx.cli("core show channels"))[1])  # type: ignore[index]


async def arrived(floor: Floor, calls: int = 1) -> Any:
    """The control socket of the newest call, in Stasis."""

    async def there() -> bool:
        sockets = floor.controller.on("/ari")
        return len(sockets) >= calls and bool(sockets[-1].named("StasisStart"))

    await eventually(there)
    return floor.controller.on("/ari")[-1]


@asynccontextmanager
async def deaf_peer(trunk: Trunk) -> AsyncIterator[list[str]]:
    """What a peer that answers nothing is sent: first lines of requests."""
    heard: list[str] = []

    class Sink(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _source: Any) -> None:
            heard.append(data.decode())

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Sink, local_addr=(HOST, trunk.port))
    try:
        yield heard
    finally:
        transport.close()


def test_the_peer_gets_in_by_each_way_to_write_a_hotline_and_strangers_get_nothing(opened: Open, settings: Settings, run: Run) -> None:
    async def steps() -> None:
        trunk = Trunk.to(BOT)
        async with opened(edge(settings, trunk)) as it:
            for number in ("100", "+100"):
                peer = await it.phone("+49301234", HOST)
                async with asyncio.TaskGroup() as group:
                    group.create_task(peer.invite(number, "8 101"))
                    control = await arrived(it)
                    variables = control.named("StasisStart")[0]["channel"]["channelvars"]
                    assert variables == {"VOICEBOT_ANI": "+49301234", "VOICEBOT_DNIS": "100", "VOICEBOT_LANGUAGE": "en"}
                    control.request("POST", f"channels/{control.channel}/answer")
                assert re.search(r"m=audio \d+ RTP/AVP (.*)\r", peer.sdp)[1] == "8 101"  # type: ignore[index]
                peer.bye(number)
                await eventually(lambda: idle(it.pbx.cli))
                it.controller.sockets.clear()
            before = await calls(it)
            for host, number, status in ((HOST, "101", 404), (HOST, DESK, 404), ("127.0.0.1", "100", 403), ("127.0.0.9", "100", 403)):
                assert await (await it.phone("77", host)).invite(number) == status, (host, number)
            assert await (await it.phone(DESK, "127.0.0.1")).register("any") == 403
            assert await calls(it) == before

    run(steps())


def test_behind_nat_the_peer_is_told_the_outer_addresses(opened: Open, settings: Settings, run: Run) -> None:
    outer = {"external_media_address": "198.51.100.1", "external_signaling_address": "198.51.100.2", "local_net": [f"{BOT}/32"]}

    async def steps() -> None:
        trunk = Trunk.to(BOT)
        async with opened(edge(settings, trunk, **outer)) as it:
            peer = await it.phone("77", HOST)
            async with asyncio.TaskGroup() as group:
                group.create_task(peer.invite("100"))
                control = await arrived(it)
                control.request("POST", f"channels/{control.channel}/answer")
            assert "c=IN IP4 198.51.100.1" in peer.sdp
            peer.bye()

    run(steps())


def test_a_peer_that_never_answers_is_called_again_and_then_the_caller_is_told(opened: Open, settings: Settings, run: Run) -> None:
    async def steps() -> None:
        trunk = Trunk.to(BOT)
        brief = settings.model_copy(update={"handover": Handover(ring_s=1, max_wait_s=3)})
        async with opened(edge(brief, trunk)) as it, deaf_peer(trunk) as sent:
            caller = await it.phone("77", HOST)
            it.controller.close()
            async with asyncio.TaskGroup() as group:
                group.create_task(caller.invite("100"))

            async def ended() -> bool:
                return bool(caller.ended)

            await eventually(ended, 12)
            assert caller.loudest_heard(10_000) > 20, "music meanwhile"
            invites = {re.search(r"^Call-ID: (.*)$", text, re.M)[1] for text in sent if text.startswith("INVITE ")}  # type: ignore[index]
            assert len(invites) > 1, "it was called again"

    run(steps())


@pytest.mark.parametrize("announce", [True, False])
def test_who_answers_hears_the_briefing_first_only_where_the_uri_is_one_phone(
    opened: Open, settings: Settings, run: Run, tmp_path: Path, *, announce: bool
) -> None:
    async def steps() -> None:
        trunk = Trunk.to(BOT)
        async with opened(edge(settings, trunk, announce=announce)) as it, Foreign(trunk, settings.pbx.tree, tmp_path / "other") as pbx:
            (it.pbx.plan.spool / "call-1.sln16").write_bytes(audio.resample(audio.tone(440, 1.0), 8_000, 16_000).tobytes())
            async with pbx.desk() as desk, pbx.caller() as phone, phone.dial("100", "5551234") as call:
                control = await arrived(it)
                await answers(it, "POST", f"channels/{control.channel}/variable?variable=VOICEBOT_BRIEFING&value={it.pbx.plan.spool / 'call-1'}")
                control.request("POST", f"channels/{control.channel}/continue?context=voicebot-handover&extension=s&priority=1")
                agent = await desk.ring(20)
                await agent.answer()

                async def through() -> bool:
                    return agent.heard.last_voiced_s(0.0) is not None

                call.speak(audio.silence(3.0))
                if announce:
                    await eventually(through)
                else:
                    await asyncio.sleep(1.5)
                    assert not await through()
            await eventually(lambda: idle(it.pbx.cli))

    run(steps())


STOLEN = {
    "the desk by another number": f"endpoint=PJSIP/0049301234@{DESK}&extension=100&context=voicebot-inbound&priority=1",
    "another host by the desk's endpoint": f"endpoint=PJSIP/{DESK}/sip:900@127.0.0.9:{{evil}}&app=voicebot",
    "another host by the trunk's endpoint": "endpoint=PJSIP/voicebot-trunk/sip:900@127.0.0.9:{evil}&app=voicebot",
    "another number by the trunk's endpoint": "endpoint=PJSIP/voicebot-trunk/sip:900@127.0.0.2:{peer}&app=voicebot",
    "an endpoint that is none": "endpoint=PJSIP/900@nobody&app=voicebot",
    "a way round by the dialplan": "endpoint=Local/900@voicebot-agents&app=voicebot",
    "raw audio to another host": "endpoint=UnicastRTP/127.0.0.9:{evil}&app=voicebot",
}


def test_with_the_bots_own_socket_nothing_is_originated_on_the_other_pbx_nor_anywhere(
    opened: Open, settings: Settings, run: Run, tmp_path: Path
) -> None:
    """A thief has the controller: he may ask Asterisk whatever ARI takes. What leaves goes to the peer, which knows one number on this trunk."""

    async def steps() -> None:
        trunk = Trunk.to(BOT)
        async with opened(edge(settings, trunk)) as it, Foreign(trunk, settings.pbx.tree, tmp_path / "other") as pbx, pbx.desk() as desk:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as evil:
                evil.bind(("127.0.0.9", 0))
                evil.setblocking(False)
                statuses = {}
                for what, asked in STOLEN.items():
                    query = asked.format(evil=evil.getsockname()[1], peer=trunk.port)
                    statuses[what] = (await answers(it, "POST", f"channels?{query}"))["status_code"]
                    await eventually(lambda: idle(it.pbx.cli), 10)
                assert set(statuses.values()) == {200, 500}, "asked for in earnest"
                with pytest.raises(BlockingIOError):
                    evil.recv(1)
            assert (await answers(it, "PUT", "asterisk/config/dynamic/res_pjsip/endpoint/evil"))["status_code"] == 403
            assert "0 calls processed" in await pbx.cli("core show channels"), "the other PBX knew none of these numbers"
            await answers(it, "POST", f"channels?endpoint=PJSIP/{DESK}&app=voicebot")
            await (await desk.ring(10)).reject()  # the one thing that can be done: the desk rings

    run(steps())


async def ready(floor: Floor) -> bool:
    return bool(floor.controller.on("/floor")) and floor.controller.on("/floor")[-1].transport is not None


@needs_openssl
def test_over_tls_the_audio_is_encrypted_both_ways(opened: Open, settings: Settings, run: Run, tmp_path: Path) -> None:
    async def steps() -> None:
        made = await certificates(tmp_path / "tls", f"IP:{HOST}", f"IP:{BOT}")
        trunk = Trunk.to(BOT, certificates=made.folder)
        tls = {"transport": "tls", "tls_certificate": made.certificate, "tls_key": made.key, "tls_ca": made.authority, "srtp": "require"}
        async with opened(edge(settings, trunk, **tls)) as it, Foreign(trunk, settings.pbx.tree, tmp_path / "other") as pbx:
            async with pbx.desk() as desk, pbx.caller() as phone, phone.dial("100", "5551234") as call:
                control = await arrived(it)
                control.request("POST", f"channels/{control.channel}/continue?context=voicebot-handover&extension=s&priority=1")
                agent = await desk.ring(20)
                await agent.answer()
                await call.wait_answered()
                assert [await asked(it, channel, "CHANNEL(rtp,secure)") for channel in await channels(it)] == ["1", "1"]
            await eventually(lambda: idle(it.pbx.cli))

    run(steps())


async def channels(floor: Floor) -> list[str]:
    """Ids of all channels."""
    return [line.rpartition("!")[2] for line in (await floor.pbx.cli("core show channels concise")).splitlines() if "!" in line]


async def asked(floor: Floor, channel: str, variable: str) -> str:
    """A channel variable, asked for on the floor's socket."""
    return str(json.loads((await answers(floor, "GET", f"channels/{channel}/variable?variable={variable}"))["message_body"])["value"])


async def answers(floor: Floor, method: str, uri: str) -> Any:
    """What Asterisk says to one request on the floor's socket."""
    await eventually(lambda: ready(floor))
    socket = floor.controller.on("/floor")[-1]
    before = len(socket.named("RESTResponse"))
    socket.request(method, uri)

    async def answered() -> bool:
        return len(socket.named("RESTResponse")) > before

    await eventually(answered)
    return socket.named("RESTResponse")[-1]


@needs_openssl
@pytest.mark.parametrize("trusted", [True, False])
def test_asterisk_opens_its_sockets_only_to_a_controller_whose_certificate_it_can_verify(
    opened: Open, settings: Settings, run: Run, tmp_path: Path, *, trusted: bool
) -> None:
    async def steps() -> None:
        made, other = [await certificates(tmp_path / name, "IP:127.0.0.1") for name in ("one", "other")]
        serve = Serve(tls_certificate=made.certificate, tls_key=made.key, tls_ca=(made if trusted else other).authority)
        async with opened(settings.model_copy(update={"serve": serve})) as it:
            caller = await it.phone("77")
            async with asyncio.TaskGroup() as group:
                group.create_task(caller.invite("100"))
                if trusted:
                    control = await arrived(it)
                    control.request("POST", f"channels/{control.channel}/answer")
                else:
                    await eventually(lambda: queued(it), 6)
            assert bool(it.controller.sockets) is trusted, "not even its password is told to a stranger"
            caller.bye()

    run(steps())


async def queued(floor: Floor) -> bool:
    return "has 1 calls" in await floor.pbx.cli("queue show support")


# Mode two.


def test_what_the_readme_gives_a_pbx_of_ones_own_takes_its_calls_to_the_bot(opened: Open, settings: Settings, run: Run) -> None:
    written = (DIALPLANS / "README.md").read_text(encoding="utf-8")
    [snippet] = [block for block in written.split("```")[1::2] if "[voicebot-hotline]" in block]

    async def steps() -> None:
        async with opened(settings) as it:
            hotline = it.pbx.plan.etc / "extensions.conf"
            whole = f"{hotline.read_text()}\n{snippet.replace('/opt/voicebot/dialplans/', '')}"
            await asyncio.to_thread(hotline.write_text, whole.replace('\n#include "extensions-voicebot.conf"\n', "\n", 1))
            await it.pbx.cli("dialplan reload")
            await it.pbx.cli("dialplan add extension 100,1,Goto(voicebot-hotline\\,4930123\\,1) into voicebot-inbound replace")
            caller = await it.phone("77")
            async with asyncio.TaskGroup() as group:
                group.create_task(caller.invite("100"))
                control = await arrived(it)
                variables = control.named("StasisStart")[0]["channel"]["channelvars"]
                assert variables == {"VOICEBOT_ANI": "77", "VOICEBOT_DNIS": "4930123", "VOICEBOT_LANGUAGE": "en"}
                control.request("POST", f"channels/{control.channel}/continue?context=voicebot-handover&extension=s&priority=1")
                await eventually(lambda: queued(it))
            caller.bye()

    run(steps())


def test_the_bots_password_opens_nothing_where_asterisk_runs(opened: Open, settings: Settings, run: Run) -> None:
    """Asterisk shows it to the controller; nothing that Asterisk listens on takes it, and the way in is not even there."""

    async def steps() -> None:
        async with opened(settings) as it:
            assert "Server Disabled" in await it.pbx.cli("http show status")
            plan = it.pbx.plan
            for name, password in ((plan.username, plan.password), (plan.username, plan.ari_password)):
                thief = await it.phone(name)
                assert await thief.register(password) in {401, 403, 404}

    run(steps())
