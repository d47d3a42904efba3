"""What happens in one call, written into its record as it happens, and remembered from there. It decides nothing and never waits.

A call that is taken over goes on with the first one's time: `now_ms` is milliseconds since answer, whoever held the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from voicebot.dialogue.decisions import Answer, Asked, Line, Step
from voicebot.dialogue.recall import snapshot
from voicebot.dialogue.script import heard_part, kind
from voicebot.errors import plain
from voicebot.memory import Memory, remember
from voicebot.metrics import Metrics
from voicebot.privacy.redact import redact
from voicebot.store import events
from voicebot.store.events import Event, Outcome
from voicebot.store.record import CallJournal
from voicebot.values import Digit, Sound, Unrecognised, Utterance

MARGIN_MS = 400
"""So much around an utterance may still be part of it."""
CUT_MS = 40
"""A phrase that lacks less than this was heard whole."""
log = structlog.get_logger()


class Scribe:
    """The pen of one call. `clock` gives the milliseconds of audio since this process holds the call."""

    def __init__(self, record: CallJournal, metrics: Metrics, memory: Memory, clock: Callable[[], int]) -> None:
        self.record = record
        self.memory = memory
        self._metrics = metrics
        self._zero_ms = memory.t_ms
        self._clock = clock
        self._expecting = False

    @property
    def now_ms(self) -> int:
        return self._zero_ms + self._clock()

    def write(self, event: Event) -> None:
        if isinstance(event, events.Fault):
            self._metrics.faults.labels(event.where).inc()
        self.record.append(self.now_ms, event)
        self.memory = remember(self.memory, self.now_ms, event)

    def heard(self, sound: Sound, blank: Callable[[int, int], None] = lambda _start_ms, _end_ms: None) -> None:
        """Card numbers and the like are not written; `blank` is told from when to when they were said."""
        match sound:
            case Utterance(start_ms, end_ms, transcript):
                said = redact(transcript.text, self._expecting)
                self._expecting = said.expecting
                if said.removed:
                    blank(start_ms - MARGIN_MS, end_ms + MARGIN_MS)
                self.write(events.CallerSpoke(said.text, transcript.confidence, self._zero_ms + start_ms, self._zero_ms + end_ms))
            case Digit(key):
                self.write(events.DigitPressed(key))
            case Unrecognised(why):
                self.write(events.Fault("recogniser", why))
            case _:
                pass

    def decided(self, step: Step) -> None:
        decision, before = step.decision, self.memory.state.asked if self.memory.state else None
        options = getattr(decision, "options", ())
        triaged = (step.triaged.kind, step.triaged.complexity) if step.triaged else ("", "")
        entry_id = getattr(decision, "entry_id", None)
        self.write(events.Decided(type(decision).__name__, step.reason, entry_id, None, options, snapshot(step.state), *triaged))
        if step.accepted is not None:
            self.write(events.OfferAnswered(step.state.errand.offer, step.accepted))
        if step.state.asked is not Asked.SURVEY and before is Asked.SURVEY:
            self.write(events.SurveyAnswered(step.mark))

    def spoke(self, line: Line, text: str, start_ms: int, heard_ms: int, length_ms: int) -> None:
        cut = heard_ms < length_ms - CUT_MS
        heard = heard_part(text, heard_ms, length_ms) if cut else text
        entry_id = line.entry_id if isinstance(line, Answer) else None
        self.write(events.BotSpoke(text, kind(line), start_ms, heard_ms, length_ms, cut, heard, entry_id))

    def barged_in(self, outcome: Any, at_ms: int, silent_after_ms: int) -> None:
        self.write(events.BargedIn(outcome, self._zero_ms + at_ms, silent_after_ms))

    def measured(self, utterance: Utterance, decide_ms: float) -> None:
        """How long the caller has waited so far; what comes now is cached audio, sent within one frame."""
        hold_ms = utterance.taken_ms - utterance.end_ms
        total_ms = self._clock() - utterance.end_ms
        self.write(events.TurnMeasured(hold_ms, utterance.recognise_ms, decide_ms, total_ms - hold_ms, total_ms))
        for stage, ms in (("hold", hold_ms), ("recognise", utterance.recognise_ms), ("decide", decide_ms), ("total", total_ms)):
            self._metrics.observe_stage(stage, ms)

    def fault(self, error: BaseException) -> None:
        log.error("call failed", why=plain(error))
        self.write(events.Fault("call", plain(error)))

    def seal(self, outcome: Outcome, by: str) -> None:
        self.record.seal(self.now_ms, outcome, by)
