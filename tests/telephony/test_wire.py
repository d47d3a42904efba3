from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from picows import WSCloseCode

from tests.kit.clock import run_virtual
from voicebot.telephony import wire


class Transport:
    """Stands for picows' transport over one end of a socket pair."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.request = type("Request", (), {"path": b"/media?token=secret"})
        self.underlying_transport = self
        self.is_disconnected = False
        self.did: list[Any] = []

    def get_extra_info(self, _name: str) -> socket.socket:
        return self.ours

    def send_ping(self) -> None:
        self.did.append("ping")

    def send_close(self, code: WSCloseCode) -> None:
        self.did.append(code)

    def disconnect(self, graceful: bool = True) -> None:
        self.is_disconnected = True
        self.did.append("disconnect" if graceful else "abort")


@pytest.fixture
def transport() -> Any:
    made = Transport()
    yield made
    made.ours.close()
    made.theirs.close()


def probed(transport: Any, seconds: float, over: Callable[[], bool] = lambda: False, answered: bool = False) -> None:
    async def scenario() -> None:
        probe = wire.Probe(transport, over)
        for _ in range(round(seconds)):
            await asyncio.sleep(wire.PROBE_S)
            if answered:
                probe.answered()
        probe.end()

    run_virtual(scenario())


def test_a_socket_that_never_answers_is_given_up_after_two_questions(transport: Any) -> None:
    probed(transport, 5)
    assert transport.did == ["ping", "ping", "abort"]
    assert transport.theirs.recv(1) == b""


def test_one_that_answers_is_asked_on_and_kept(transport: Any) -> None:
    probed(transport, 10, answered=True)
    assert transport.did.count("ping") >= 10
    assert not transport.is_disconnected


def test_a_call_that_is_over_is_not_asked(transport: Any) -> None:
    probed(transport, 5, over=lambda: True)
    assert transport.did == []


def test_an_ended_probe_asks_no_more(transport: Any) -> None:
    probed(transport, 1)
    asked = transport.did.count("ping")
    assert asked <= 2
    assert not transport.is_disconnected


def test_a_close_is_seen_by_the_peer_although_somebody_holds_a_copy(transport: Any) -> None:
    copy = socket.socket(fileno=os.dup(transport.ours.fileno()))
    wire.close(transport)
    wire.close(transport)
    assert transport.did == [WSCloseCode.OK, "disconnect"]
    assert transport.theirs.recv(1) == b""
    copy.close()


def test_a_socket_that_is_gone_already_is_no_fault(transport: Any) -> None:
    transport.ours.shutdown(socket.SHUT_RDWR)
    wire.shut(transport)
