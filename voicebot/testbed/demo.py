"""`scripts/demo`: a whole voicebot, a real call through it, shown live; or, with --stay, the whole of it kept up for your own phone.

It checks what was heard, not what was meant: answers by their audio, the briefing in the agent's ear, both voices after the handover.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import uvloop
from rich.console import Console

from voicebot.doctor import examine, summary
from voicebot.doctor.jobs import JOBS
from voicebot.errors import VoicebotError
from voicebot.logs import configure
from voicebot.settings import load
from voicebot.speech.phrases import Phrases
from voicebot.speech.tts import embedded
from voicebot.store.calls import CallRecord, follow
from voicebot.store.events import AgentJoined, BargedIn, HandoverDecided, TurnMeasured
from voicebot.store.render import render_call, render_line
from voicebot.store.staff import Role
from voicebot.testbed import audio, measure
from voicebot.testbed.desks import desk, hire
from voicebot.testbed.g711 import Samples
from voicebot.testbed.recording import Recording
from voicebot.testbed.rig import Agent, Rig, rig
from voicebot.testbed.scenario import HOTLINE, Caller, calling
from voicebot.testbed.sip import PhoneError
from voicebot.testbed.synth import synth
from voicebot.up import stopped_by_signal
from voicebot.values import SAMPLE_RATE_HZ

CALLER_VOICE, AGENT_VOICE = "flite:rms", "flite:awb"
FIRST = ("how do i reset my voicemail pin", "answer/voicemail-pin")
SECOND = ("what are your opening hours", "answer/opening-hours")
INTERRUPTION = ("how can i block spam calls", "answer/block-spam")
PERSON = "can i talk to a real person please"
THANKS = "hello my internet has been very slow since monday"
AGENT_SAYS = "hello this is the support desk speaking how can i help you"
DEMO_STAFF = {"agent": Role.AGENT, "supervisor": Role.SUPERVISOR}
HEARD = 0.6
"""Correlation from which a sentence counts as heard (see audio.locate)."""

STAYING = """Dial 100 (English) or 200 (Mandarin, by keys) at 127.0.0.1:{port} with any softphone on this machine: no account, no password.
Agent 6001's phone takes your call when you ask for a person. Its desk, where the call pops up:
  {desk}   name "agent" or "supervisor", password {password}   choose phone 6001, press Ready
To be the agent yourself, take the account of 6002 or 6003:
  .venv/bin/voicebot agents --settings {settings}
The call log:
  .venv/bin/voicebot calls list --settings {settings}
Ctrl-C ends all of it."""

console = Console(highlight=False)
Checks = list[tuple[str, bool]]


def main(
    stay: Annotated[bool, typer.Option("--stay", help="Keep everything up for your own softphone, until Ctrl-C.")] = False,
    sip_port: Annotated[int, typer.Option(help="Where --stay listens on 127.0.0.1.")] = 5060,
    desk_port: Annotated[int, typer.Option(help="Where --stay serves the agents' desk on 127.0.0.1.")] = 8090,
) -> None:
    """A real call through a real Asterisk, on this machine."""
    configure("error", "console")
    try:
        _standing()
        passed = uvloop.run(_stay(sip_port, desk_port) if stay else _demo())
    except VoicebotError as error:
        print(f"demo: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    raise SystemExit(0 if passed else 1)


def _standing() -> None:
    """What each job of a call stands on here, and how to climb."""
    console.print("[bold]What this machine runs on[/] (`voicebot doctor` says more)")
    for line in summary(examine(load(), JOBS)):
        console.print(f"  {line}", markup=False, soft_wrap=True)


async def _demo() -> bool:
    console.print("[bold]Starting Asterisk and the controller[/] (the first start renders every phrase and builds the language model)")
    async with rig() as bot:
        agent_line = await _synth(bot, AGENT_SAYS, AGENT_VOICE)
        async with bot.agent("6001", agent_line) as agent, asyncio.TaskGroup() as scope:
            console.print(f"Ready: Asterisk on {bot.address[0]}:{bot.address[1]}, agent 6001 signed in. A caller dials {HOTLINE}.\n")
            live = scope.create_task(_show_live(bot))
            try:
                checks = await _call(bot, agent, agent_line)
            except (PhoneError, TimeoutError) as error:
                checks = [(f"the call went through ({error or 'somebody stayed silent for too long'})", False)]
            live.cancel()
    _report(checks)
    return all(ok for _, ok in checks)


async def _call(bot: Rig, agent: Agent, agent_line: Samples) -> Checks:
    references = await bot.references("en")
    checks: Checks = []
    async with calling(bot, "PCMU") as caller:
        checks.append(("the greeting was heard", _heard(references["prompt/greeting"], caller.call.heard)))
        for number, (question, name) in (("first", FIRST), ("second", SECOND)):
            checks += await _asked(bot, caller, number, question, references[name])
        checks += await _interrupted(bot, caller, references[INTERRUPTION[1]])
        await caller.say(await _synth(bot, PERSON, CALLER_VOICE))
        await _until(lambda: agent.calls and agent.calls[0].heard.onset_s() is not None, "the agent's phone to ring and answer", 20)
        await _until(lambda: _heard(agent_line, caller.call.heard), "the caller to hear the agent", 30)
        words = await _synth(bot, THANKS, CALLER_VOICE)
        await caller.say(words)
        await asyncio.sleep(0.5)
    record = await bot.journal(caller.ani)
    briefing = await _briefing(bot, record)
    on_desk = agent.calls[0].heard
    checks += [
        ("the agent heard the briefing", _heard(briefing, on_desk)),
        ("before the caller was let through", _first_at(briefing, on_desk) < _first_at(words, on_desk)),
        ("the caller never heard the briefing", not _heard(briefing, caller.call.heard)),
        ("caller and agent heard each other", _heard(words, on_desk) and _heard(agent_line, caller.call.heard)),
        ("the journal was sealed: handed over", record.summary.outcome == "handed_over"),
    ]
    console.print("\n[bold]The call's journal[/]")
    console.print(render_call(record))
    _latencies(record)
    return checks


async def _asked(bot: Rig, caller: Caller, number: str, question: str, answer: Samples) -> Checks:
    began_s = await caller.say(await _synth(bot, question, CALLER_VOICE))
    await caller.call.until_voice(began_s, 8)
    await caller.hear_out()
    return [(f"the {number} question was answered from approved knowledge", _heard(answer, caller.call.heard, began_s))]


async def _interrupted(bot: Rig, caller: Caller, answer: Samples) -> Checks:
    """Ask again, speak into the answer, and be answered."""
    asked_s = await caller.say(await _synth(bot, FIRST[0], CALLER_VOICE))
    await caller.call.until_voice(asked_s, 8)
    await asyncio.sleep(1.5)
    words = await _synth(bot, INTERRUPTION[0], CALLER_VOICE)
    began_s = await caller.call.until_voice(asyncio.get_running_loop().time(), 8)
    ended_s = await caller.say(words)
    silent_ms = measure.silent_after_ms(caller.call.heard, caller.call.sent.onset_s(began_s) or began_s, ended_s)
    await caller.call.until_voice(ended_s, 8)
    await caller.hear_out()
    stopped = silent_ms is not None and silent_ms < 1_000
    return [("the bot fell silent when interrupted", stopped), ("and answered the interruption", _heard(answer, caller.call.heard, ended_s))]


async def _stay(sip_port: int, desk_port: int) -> bool:
    stop = stopped_by_signal()
    console.print("Starting Asterisk, the controller and the desk …")
    async with (
        rig({"pbx.sip_port": sip_port, "desk.port": desk_port}) as bot,
        bot.agent("6001", await _synth(bot, AGENT_SAYS, AGENT_VOICE)),
        desk(bot.settings_file) as url,
        asyncio.TaskGroup() as scope,
    ):
        password = secrets.token_urlsafe(9)
        await hire(bot.settings.store.url, password, DEMO_STAFF)
        console.print(STAYING.format(port=sip_port, settings=bot.settings_file, desk=url, password=password))
        print("ready", flush=True)
        live = scope.create_task(_show_live(bot))
        ended, asked = scope.create_task(bot.keeper.wait()), scope.create_task(stop.wait())
        await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise VoicebotError("voicebot ended by itself; run `voicebot up` to see why")
        for task in (live, ended, asked):
            task.cancel()
    return True


async def _show_live(bot: Rig) -> None:
    async with contextlib.aclosing(follow(bot.settings.store.url)) as lines:
        async for line in lines:
            console.print(render_line(line))


async def _briefing(bot: Rig, record: CallRecord) -> Samples:
    """What the journal says the agent was told, as the voice says it."""
    told = next((line.event.briefing for line in record.lines if isinstance(line.event, HandoverDecided)), "nothing")
    phrases = Phrases(bot.settings.speech.cache / "phrases", {"en": embedded("en")})
    pcm = await phrases.audio(told, "en")
    return audio.resample(np.frombuffer(pcm, "<i2").astype(np.int16), SAMPLE_RATE_HZ)


async def _synth(bot: Rig, text: str, voice: str) -> Samples:
    folder: Path = bot.settings.speech.cache / "callers"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return await synth(text, voice, folder)


async def _until(holds: Callable[[], object], what: str, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            while not holds():  # noqa: ASYNC110 - what is waited for is found by looking at audio
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise PhoneError(f"waited {timeout_s:g} s in vain for {what}") from None


def _heard(reference: Samples, recording: Recording, from_s: float | None = None) -> bool:
    return audio.locate(reference, recording.audio(from_s)).score >= HEARD


def _first_at(reference: Samples, recording: Recording) -> float:
    return audio.locate(reference, recording.audio()).offset_s


def _latencies(record: CallRecord) -> None:
    totals = sorted(line.event.total_ms for line in record.lines if isinstance(line.event, TurnMeasured))
    cuts = [line.event.silent_after_ms for line in record.lines if isinstance(line.event, BargedIn) and line.event.outcome == "taken"]
    joined = next((line.t_ms for line in record.lines if isinstance(line.event, AgentJoined)), None)
    decided = next((line.t_ms for line in record.lines if isinstance(line.event, HandoverDecided)), None)
    if totals:
        console.print(f"\nFrom the end of a question to the answer, inside the bot: {', '.join(f'{ms:.0f}' for ms in totals)} ms.", end=" ")
    if cuts:
        console.print(f"Silent {cuts[0]} ms after the interruption began.", end=" ")
    if joined is not None and decided is not None:
        console.print(f"From the decision to the agent's voice: {(joined - decided) / 1000:.1f} s.")


def _report(checks: Checks) -> None:
    console.print("\n[bold]What was checked[/]")
    for what, ok in checks:
        console.print(f"  {'[green]yes[/]' if ok else '[red]NO [/]'}  {what}")
    console.print("\n[bold green]All of it happened.[/]" if all(ok for _, ok in checks) else "\n[bold red]Not all of it happened.[/]")


if __name__ == "__main__":
    typer.run(main)
