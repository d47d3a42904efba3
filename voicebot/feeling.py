"""How a caller feels, in a live call: the voice is measured beside recognition, weighed with the words, journalled, and told to the policy.

It decides nothing about the call; `emotion.temper` judges. Of a caller who refused it nothing is analysed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path

import structlog

from voicebot.dialogue.decisions import CALM, Heard, Sense, Spoke
from voicebot.dialogue.intents import Intent
from voicebot.emotion.fusion import Feeling, Limits
from voicebot.emotion.temper import Judges, Turn, judged
from voicebot.emotion.voice import BY_HAND, FITTED, Voice
from voicebot.emotion.words import Words
from voicebot.errors import EvaluationError
from voicebot.memory import Memory
from voicebot.prosodist import Measuring, Prosodist
from voicebot.settings.anger import Anger
from voicebot.speech.talk import Stream
from voicebot.store.events import AngerScored, Event
from voicebot.values import Sound, Transcript, Utterance

REFUSED = "analysis"
AWAITED_S = 0.03
"""A turn waits for figures that are still to come for so long at most."""
_KEPT = 4
_PARAMETERS = {"fitted": FITTED, "by-hand": BY_HAND}
_NO_ANGER = Anger(enabled=False)
log = structlog.get_logger()


class Feelings:
    """What the calls of one process share: the settings, the workers, and the judges of each language and queue."""

    def __init__(self, settings: Anger = _NO_ANGER, folder: Path | None = None) -> None:
        """`folder` holds librosa's compiled functions; None: voices are not measured."""
        self.settings = settings
        self.prosodist = Prosodist(folder, settings.workers) if settings.enabled and settings.voice and folder else None

    async def run(self) -> None:
        """Keep the workers, until cancelled."""
        if self.prosodist:
            await self.prosodist.run()

    def judges(self, language: str, queue: str) -> Judges:
        """Who judges a caller of that language who would go to that queue."""
        limits = self.settings.limits(queue)
        return Judges(
            _voice(self.settings.parameters) if self.prosodist else None, _words(language), Limits(limits.sharp, limits.sustained, limits.support)
        )


class Listener:
    """The feelings of one caller. `memory` is what the call remembers now; `write` journals."""

    def __init__(self, shared: Feelings, queue: str, memory: Callable[[], Memory], write: Callable[[Event], None]) -> None:
        self._shared = shared
        self._queue = queue
        self._memory = memory
        self._write = write
        self._measured: deque[tuple[Transcript, Measuring]] = deque(maxlen=_KEPT)

    def overhear(self, stream: Stream) -> Stream:
        """A stream for one utterance whose audio is measured as well."""
        prosodist = self._shared.prosodist
        return _Overheard(stream, prosodist.utterance(), self._measured) if prosodist and self._may_listen() else stream

    async def sense(self, sound: Sound, heard: Heard, language: str) -> Sense:
        """What the policy is told of this sound; journalled when there was anything to judge. Waits a moment for figures that are to come."""
        if not isinstance(sound, Utterance) or not isinstance(heard, Spoke) or not self._may_listen() or Intent.OPT_OUT_ANALYSIS in heard.intents:
            return CALM
        if measuring := self._of(sound):
            await measuring.answered(AWAITED_S)
        memory = self._memory()
        state = memory.state
        turn = Turn(
            heard.text,
            heard.confidence,
            measuring.prosody if measuring else None,
            memory.said[:-1] if heard.text else memory.said,
            memory.interrupted,
            state.unanswered if state else 0,
        )
        temper, feeling = judged(memory.temper, turn, self._shared.judges(language, self._queue))
        self._write(_scored(feeling, temper.state()))
        return Sense(feeling.escalate, "; ".join(feeling.evidence), feeling.anger, feeling.urgency, feeling.sadness)

    def _may_listen(self) -> bool:
        memory = self._memory()
        protected = memory.state is not None and memory.state.errand.protected
        return self._shared.settings.enabled and REFUSED not in memory.opt_outs and not memory.let_go and not protected

    def _of(self, sound: Utterance) -> Measuring | None:
        """The figures of an utterance stand beside its transcript."""
        return next((measuring for words, measuring in self._measured if words is sound.transcript), None)


class _Overheard:
    """A recogniser's stream whose audio goes to the prosody worker as well."""

    def __init__(self, stream: Stream, measuring: Measuring, measured: deque[tuple[Transcript, Measuring]]) -> None:
        self._stream = stream
        self._measuring = measuring
        self._measured = measured

    def feed(self, pcm: bytes) -> None:
        self._stream.feed(pcm)
        self._measuring.feed(pcm)

    async def settle(self) -> Transcript:
        self._measuring.settle()
        transcript = await self._stream.settle()
        self._measured.append((transcript, self._measuring))
        return transcript

    def close(self) -> None:
        """What was asked for last may still come."""
        self._stream.close()
        self._measuring.close()


def _scored(feeling: Feeling, state: dict[str, object]) -> AngerScored:
    parts = {name: round(value, 3) for name, value in feeling.parts.items()}
    figures = (feeling.anger, feeling.urgency, feeling.sadness)
    anger, urgency, sadness = (round(figure, 4) for figure in figures)
    return AngerScored(anger, urgency=urgency, sadness=sadness, escalate=feeling.escalate, evidence=feeling.evidence, state=state, **parts)


@cache
def _voice(parameters: str) -> Voice:
    return Voice.load(_PARAMETERS[parameters])


@cache
def _words(language: str) -> Words | None:
    try:
        return Words.load(language)
    except EvaluationError as error:
        log.warning("anger is not heard in the words of this language", language=language, why=str(error))
        return None
