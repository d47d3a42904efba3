"""What one call makes of each sound: understood, weighed, journalled, looked up, until there is a step to act on. It speaks and ends nothing itself.

The language of the call stands here as well: another one is another tongue and another script, from the next word on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from voicebot.bot import Bot, Tongue, understood
from voicebot.customers.directory import Account
from voicebot.customers.recommend import best
from voicebot.customers.verification import LENGTHS
from voicebot.dialogue.decisions import CALM, Heard, Lookup, Rules, Sense, State, Step
from voicebot.dialogue.policy import decide, taken_up
from voicebot.dialogue.script import Script
from voicebot.feeling import Listener
from voicebot.lookups import Lookups, Say, kept
from voicebot.scribe import Scribe
from voicebot.speech.dictation import dictated
from voicebot.speech.ear import Hearing
from voicebot.supervised import obeyed
from voicebot.telephony.recording import Recorder
from voicebot.values import Sound, Utterance


@dataclass(frozen=True, slots=True)
class Dialled:
    """How the call came in: the hotline's language, whether it is led by keys, and the caller's number, "" when withheld."""

    language: str
    menu: bool
    ani: str


class Mind:
    """The mind of one call."""

    def __init__(self, bot: Bot, dialled: Dialled, scribe: Scribe, recorder: Recorder, say: Say) -> None:
        self._bot = bot
        self._dialled = dialled
        self._scribe = scribe
        self._recorder = recorder
        self._lookups = Lookups(bot.directory, dialled.ani, say, scribe.write, self._offer)
        self.listener = Listener(bot.feelings, bot.settings.handover.queue, lambda: scribe.memory, scribe.write)
        self._listening = frozenset(name for name, tongue in bot.tongues.items() if tongue.hearing.listens)

    @property
    def state(self) -> State:
        """What the call remembers between two turns."""
        return self._scribe.memory.state or State.start(menu=not self.listens)

    @property
    def language(self) -> str:
        """The language of the call now."""
        state = self._scribe.memory.state
        return state.language if state and state.language in self._bot.tongues else self._dialled.language

    @property
    def tongue(self) -> Tongue:
        """The parts of that language."""
        return self._bot.tongues[self.language]

    @property
    def hearing(self) -> Hearing:
        """What the ear expects now: just so many digits, while they are owed."""
        errand = self.state.errand
        if not errand.protected:
            return self.tongue.hearing
        return dictated(self.tongue.hearing, LENGTHS["number" if errand.asking == "number" else "pin"])

    @property
    def listens(self) -> bool:
        """Whether speech is heard, or keys alone."""
        return self.tongue.hearing.listens and not (self._dialled.menu and self.language == self._dialled.language)

    @property
    def script(self) -> Script:
        """The words of that language."""
        return self.tongue.scripts[self.listens]

    @property
    def rules(self) -> Rules:
        """The hotline's rules, with what this process has."""
        survey = self._bot.settings.customers.survey
        has_accounts = self._bot.directory is not None
        persons = frozenset(entry.id for entry in self.script.knowledge.language(self.language) if entry.handover)
        shared = replace(self.tongue.rules, accounts=has_accounts, survey=survey, upset_first=self._bot.settings.anger.priority)
        return replace(shared, language=self.language, languages=self._listening, persons=persons)

    async def turn(self, sound: Sound) -> Step | None:
        """The step after one sound, journalled: from there it is remembered. None for a key that is one of several."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        errand = self.state.errand
        self._scribe.heard(kept(sound) if errand.protected else sound, self._recorder.blank)
        heard = await self._lookups.proof(sound, errand) if errand.protected else sound
        if heard is None:
            return None
        meant = understood(self.tongue, heard)
        step = self._decided(meant, await self.listener.sense(sound, meant, self.language))
        decide_ms = (loop.time() - began_s) * 1000
        step = await self._looked_up(step)
        if isinstance(sound, Utterance):
            self._scribe.measured(sound, decide_ms)
        return step

    async def go_on(self) -> Step | None:
        """The look-up that a controller which was lost had begun; None for none."""
        step = taken_up(self.state)
        return await self._looked_up(step) if step else None

    async def ordered(self, call_id: str, flush: Callable[[], None]) -> Step:
        """What a supervisor wants done with this call; what is being said is cut short."""
        order = await self._bot.orders.next(call_id)
        flush()
        step = obeyed(order, self.state)
        self._scribe.decided(step)
        return step

    def guard(self) -> None:
        """Protected input is not recorded, and the rest is again."""
        if self.state.errand.protected:
            self._recorder.pause()
        else:
            self._recorder.resume()

    async def _looked_up(self, step: Step) -> Step:
        while isinstance(step.decision, Lookup):
            step = self._decided(await self._lookups.fetched(step.decision, step.state.errand), CALM)
        return step

    def _decided(self, heard: Heard, sense: Sense) -> Step:
        step = decide(self.state, heard, sense, self.rules)
        self._scribe.decided(step)
        self.guard()
        return step

    def _offer(self, account: Account) -> str:
        return best(self.script.knowledge.language(self.language), account)
