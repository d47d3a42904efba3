"""Phones: registering with a scripted registrar, many calls on one socket, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Callable

import pytest
from sipmessage import URI, AuthChallenge, Request
from sipmessage import Address as NameAddress

from voicebot.testbed import phone as phone_module
from voicebot.testbed.call import Call, State
from voicebot.testbed.dialog import Account, credentials
from voicebot.testbed.g711 import Samples
from voicebot.testbed.phone import Phone
from voicebot.testbed.sip import PhoneError, ServerTransaction, Wire
from voicebot.testbed.ticker import Ticker

Babble = Callable[[int, float], Samples]
ACCOUNT = Account("6001", "secret")
ASKED = 'Digest realm="pbx",nonce="n1",algorithm=MD5,qop="auth"'


class Registrar:
    """Challenges once, checks the digest, notes what was asked."""

    def __init__(self, password: str = ACCOUNT.password, code: int = 200) -> None:
        self.wire = Wire(self.requested)
        self.password, self.code = password, code
        self.expires: list[str] = []
        self.contacts: list[str] = []

    def requested(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.authorization is None or not self._proven(request):
            transaction.respond(401, tag="r", headers={"WWW-Authenticate": ASKED})
            return
        self.expires.append(request.headers["Expires"])
        self.contacts.append(str(request.contact[0].uri))
        transaction.respond(self.code, tag="r")

    def _proven(self, request: Request) -> bool:
        assert request.authorization is not None
        given, challenge = request.authorization.parameters, AuthChallenge.parse(ASKED)
        assert given is not None
        right = credentials(challenge, Account(given["username"], self.password), "REGISTER", given["uri"], given["cnonce"])
        assert right.parameters is not None
        return given["response"] == right.parameters["response"]


def register(registrar: Registrar, expires_s: int = 300, stay_s: float = 0.0) -> None:
    async def main() -> None:
        await registrar.wire.open("127.0.0.1")
        try:
            async with Phone.open((registrar.wire.host, registrar.wire.port), account=ACCOUNT) as phone:
                await phone.register(expires_s)
                await asyncio.sleep(stay_s)
        finally:
            registrar.wire.close()

    asyncio.run(main())


def test_a_phone_registers_with_its_password_and_unregisters_at_the_end() -> None:
    registrar = Registrar()
    register(registrar)
    assert registrar.expires == ["300", "0"]
    assert registrar.contacts[0].startswith("sip:6001@127.0.0.1:")


def test_a_registration_is_renewed_before_it_runs_out() -> None:
    registrar = Registrar()
    register(registrar, expires_s=1, stay_s=1.2)
    assert registrar.expires == ["1", "1", "1", "0"]


def test_a_failed_renewal_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_module, "_RETRY_S", 0.1)
    registrar = Registrar()

    async def main() -> None:
        await registrar.wire.open("127.0.0.1")
        async with Phone.open((registrar.wire.host, registrar.wire.port), account=ACCOUNT) as phone:
            await phone.register(1)
            registrar.code = 480
            await asyncio.sleep(0.7)
            registrar.code = 200
            await asyncio.sleep(0.2)
        registrar.wire.close()

    asyncio.run(main())
    assert len(registrar.expires) >= 4


@pytest.mark.parametrize(("registrar", "status"), [(Registrar(password="other"), 401), (Registrar(code=404), 404)])
def test_a_refused_registration_tells_the_status(registrar: Registrar, status: int) -> None:
    with pytest.raises(PhoneError, match=f"registration of 6001 refused: {status}") as refusal:
        register(registrar)
    assert refusal.value.status == status


def test_registering_needs_an_account() -> None:
    async def main() -> None:
        async with Phone.open() as phone:
            with pytest.raises(PhoneError, match="register needs an account"):
                await phone.register()

    asyncio.run(main())


def test_a_number_is_dialled_at_the_server_with_the_callers_number() -> None:
    async def main() -> None:
        async with Phone.open() as pbx, Phone.open(("127.0.0.1", pbx.wire.port)) as phone, phone.dial("100", ani="5551234", headers={"X-Trunk": "a"}):
            taken = await pbx.ring(2)
            assert taken.invite is not None
            assert taken.invite.uri == URI.parse(f"sip:100@127.0.0.1:{pbx.wire.port}")
            assert taken.invite.headers["X-Trunk"] == "a"
            assert taken.ani == "5551234"

    asyncio.run(main())


@pytest.mark.parametrize(("account", "name"), [(None, "anonymous"), (ACCOUNT, "6001")])
def test_without_a_number_to_show_the_account_or_nobody_calls(account: Account | None, name: str) -> None:
    async def main() -> None:
        async with Phone.open() as pbx, Phone.open(("127.0.0.1", pbx.wire.port), account=account) as phone, phone.dial("100"):
            assert (await pbx.ring(2)).ani == name

    asyncio.run(main())


def test_twenty_calls_share_two_phones_and_do_not_mix(babble: Babble) -> None:
    async def main() -> None:
        async with Phone.open() as agent, Phone.open() as caller, asyncio.TaskGroup() as calls:

            async def one(index: int) -> None:
                async with caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}", ani=f"555{index:02d}") as call:
                    await call.wait_answered()
                    await call.dtmf(f"{index:02d}", key_ms=40, gap_ms=20)
                    await call.play(babble(index, 0.1))

            async def take() -> None:
                taken = [await agent.ring(5) for _ in range(20)]
                for call in taken:
                    await call.answer()
                for call in taken:
                    await call.wait_ended(5)
                    assert "".join(press.key for press in call.keys) == call.ani[-2:]
                    assert call.heard.lost == 0

            calls.create_task(take())
            for index in range(20):
                calls.create_task(one(index))

    asyncio.run(main())


def test_a_call_given_up_before_it_is_looked_at_does_not_ring() -> None:
    async def main() -> None:
        async with Phone.open() as agent, Phone.open() as caller:
            target = f"sip:agent@127.0.0.1:{agent.wire.port}"
            async with caller.dial(target, ani="1") as first:
                await asyncio.sleep(0.1)
                assert first.state is State.RINGING
            async with caller.dial(target, ani="2"):
                assert (await agent.ring(1)).ani == "2"
            with pytest.raises(TimeoutError):
                await agent.ring(0.05)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "tagged", "code"), [("OPTIONS", False, 200), ("NOTIFY", False, 200), ("REFER", False, 405), ("BYE", True, 481), ("INVITE", True, 481)]
)
def test_requests_outside_any_call_are_answered(method: str, tagged: bool, code: int) -> None:
    async def main() -> None:
        async with Phone.open() as asked, Phone.open() as asking:
            target = URI.parse(f"sip:x@127.0.0.1:{asked.wire.port}")
            call = asking._call(target, NameAddress.parse(f"<{target}>{';tag=gone' if tagged else ''}"), target, ("127.0.0.1", asked.wire.port))
            assert (await call.dialog.ask(method)).code == code
            call.end("here")

    asyncio.run(main())


def test_an_invite_without_a_contact_is_a_bad_request() -> None:
    async def main() -> None:
        async with Phone.open() as asked, Phone.open() as asking:
            target = URI.parse(f"sip:x@127.0.0.1:{asked.wire.port}")
            call = asking._call(target, NameAddress(target), target, ("127.0.0.1", asked.wire.port))
            request = call.dialog.request("INVITE")
            request.headers.remove("Contact")
            codes: list[int] = []
            call.dialog.send(request, lambda response: codes.append(response.code))
            await asyncio.sleep(0.1)
            assert codes == [400]
            call.end("here")

    asyncio.run(main())


def test_closing_a_phone_ends_its_calls_on_both_sides() -> None:
    async def main() -> None:
        async with Phone.open() as agent:
            async with Phone.open() as caller:
                answered, ringing = (
                    caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}"),
                    caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}"),
                )
                first = await answered.__aenter__()
                taken = await agent.ring(1)
                await taken.answer()
                second = await ringing.__aenter__()
                other = await agent.ring(1)
            assert (first.state, second.state) == (State.ENDED, State.ENDED)
            assert (taken.ended_by, other.ended_by) == ("there", "there")
            await answered.__aexit__(None, None, None)
            await ringing.__aexit__(None, None, None)

    asyncio.run(main())


def test_a_call_whose_block_fails_is_hung_up() -> None:
    async def main() -> None:
        async with Phone.open() as agent, Phone.open() as caller:
            taken: list[Call] = []

            async def failing() -> None:
                async with caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}"):
                    taken.append(await agent.ring(1))
                    await taken[0].answer()
                    raise RuntimeError("planted")

            with pytest.raises(RuntimeError, match="planted"):
                await failing()
            await taken[0].wait_ended(1)

    asyncio.run(main())


def test_a_call_cancelled_at_any_moment_leaves_nothing() -> None:
    async def main(delay_s: float) -> None:
        async with Phone.open() as agent, Phone.open() as caller:

            async def call() -> None:
                async with caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}") as placed:
                    await placed.wait_answered()
                    await asyncio.sleep(5)

            async def take() -> None:
                await (await agent.ring()).answer()
                await asyncio.sleep(5)

            async def both() -> None:
                async with asyncio.timeout(delay_s), asyncio.TaskGroup() as tasks:
                    tasks.create_task(call())
                    tasks.create_task(take())

            with pytest.raises(TimeoutError):
                await both()
        assert not caller.calls
        assert not agent.calls
        assert Ticker.shared()._timer is None
        assert len(asyncio.all_tasks()) == 1

    for delay_s in (0.0, 0.001, 0.003, 0.006, 0.01, 0.05):
        asyncio.run(main(delay_s))


def test_no_file_descriptor_is_left() -> None:
    async def main() -> None:
        async with Phone.open() as agent, Phone.open() as caller:
            for _ in range(5):
                async with caller.dial(f"sip:agent@127.0.0.1:{agent.wire.port}") as call:
                    await (await agent.ring(1)).answer()
                    await call.wait_answered()

    asyncio.run(main())
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    asyncio.run(main())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_port_of_a_phone_may_be_chosen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def main() -> int:
        async with Phone.open(port=port) as phone:
            return phone.wire.port

    assert asyncio.run(main()) == port
