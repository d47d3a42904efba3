"""The caller speaks while the bot does: stop the bot at once, then decide whether that was an interruption or only a cough or "mm-hm".

Pure: its time is the frames it was given (20 ms each). It never touches media; the call carries out its actions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Literal

from voicebot.values import FRAME_MS, Transcript

BACKCHANNELS: dict[str, tuple[str, ...]] = {
    "en": (
        *("mm", "mmm", "mm hm", "mm hmm", "mhm", "hm", "hmm", "uh", "uh huh", "um", "er", "erm", "ah", "aha", "oh", "huh", "ha"),
        *("ok", "okay", "yes", "yeah", "yep", "yup", "right", "sure", "great", "nice", "cool", "perfect", "really", "wow"),
        *("i see", "got it", "gotcha", "all right", "alright", "of course", "i understand", "that's right", "oh i see", "makes sense"),
    ),
    "zh": (
        *("嗯", "恩", "哦", "噢", "喔", "啊", "呃", "唉", "诶", "嗯哼", "哈"),
        *("好", "好的", "好吧", "好啊", "对", "对的", "对啊", "是", "是的", "是啊", "行", "行吧", "可以", "没错", "当然"),
        *("明白", "明白了", "知道", "知道了", "懂了", "了解", "了解了", "清楚了", "这样啊", "原来如此"),
    ),
}
"""What a listener says to show that he is listening, by language. In this sense "yes" is one too, unless a question was asked."""


SHOUTED: dict[str, frozenset[str]] = {"en": frozenset({"help", "help me"}), "zh": frozenset({"救命"})}
"""What nobody murmurs, by language: it takes the turn however unsurely it was heard. A recogniser often takes a short "stop" for "help"."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop the bot's voice now; it can still go on from the same place. The caller's voice was heard from `onset_ms`."""

    onset_ms: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The caller took the turn: drop what the bot had left to say (FLUSH_MEDIA)."""

    onset_ms: int
    reason: Literal["speech", "words"]


@dataclass(frozen=True, slots=True)
class Continue:
    """It was nothing: the bot goes on from where it stopped, and what was heard is no turn."""

    onset_ms: int
    reason: Literal["backchannel", "no words"]


Action = Pause | Commit | Continue


@cache
def _listening(language: str) -> re.Pattern[str]:
    longest_first = sorted(BACKCHANNELS.get(language, ()), key=len, reverse=True)
    spoken = "|".join(re.escape(phrase).replace(r"\ ", r"\W+") for phrase in longest_first)
    return re.compile(rf"\W*(?:(?:{spoken})(?![a-z'])\W*)*") if spoken else re.compile(r"\W*")


def is_backchannel(text: str, language: str) -> bool:
    """True when `text` has no words but those that show listening; of a language without a list: when it has no words."""
    return _listening(language).fullmatch(text.lower()) is not None


class Said(Enum):
    """What words heard over the bot are worth. NOTHING: there are none. MURMUR shows listening, MEANT takes the turn, UNCLEAR may be either."""

    NOTHING = auto()
    MURMUR = auto()
    UNCLEAR = auto()
    MEANT = auto()


def weigh(words: Transcript, language: str, expects_answer: bool, matters: Callable[[Transcript], bool]) -> Said:
    """What `words` heard over the bot are worth. `expects_answer`: the bot asked something, so that "okay" is an answer. `matters` judges words
    that are no backchannel: a recogniser makes a word or two of any murmur."""
    if not words.text.strip():
        return Said.NOTHING
    if expects_answer:
        return Said.MEANT
    if is_backchannel(words.text, language):
        return Said.MURMUR
    return Said.MEANT if words.text in SHOUTED.get(language, ()) or matters(words) else Said.UNCLEAR


class _Bot(Enum):
    SILENT = auto()
    TALKING = auto()
    PAUSED = auto()


class BargeIn:
    """Two-stage barge-in of one call. While the bot talks, confirmed voice gives Pause; then Commit or Continue. Words decide as soon as they are
    known; without them the bot waits, because the gap after a caller's first word is often longer than a murmur. A protected phrase is never
    paused; keys are the call's own matter."""

    CONFIRM_MS = 20
    """Voice that pauses the bot: `Gate` calls a frame voiced only after some 100 ms of voice."""
    WARY_MS = 320
    """Each Continue doubles the voice that the next Pause needs, up to this: in a noisy place the bot must not stutter."""
    GAP_MS = 100
    """Voice with no longer a gap than this is one stretch."""
    LET_GO_MS = 280
    """Silence after a murmur, known by its words, before the bot goes on."""
    DECIDE_MS, WORDS_MS, STIR_MS = 620, 200, 60
    """The bot goes on DECIDE_MS after its pause, unless the caller speaks: that is within 700 ms on the wire. Words still on their way are waited
    for until he has been silent for WORDS_MS, a sound that may become voice for STIR_MS."""
    COMMIT_MS = 900
    """Voice that takes the turn whatever the words are: longer than "oh I see". Waiting costs nothing, the bot is silent."""
    UNCLEAR_MS = 620
    """Voice that takes the turn when its words are known and no murmur: of 126 murmurs, those misheard as other words had 580 ms at most."""

    def __init__(self) -> None:
        self._bot = _Bot.SILENT
        self._protected = False
        self._confirm_ms = self.CONFIRM_MS
        self._spoken_over = False
        self._said: Said | None = None
        self._onset_ms = self._voiced_ms = self._silent_ms = self._calm_ms = self._paused_at_ms = 0
        self.now_ms = 0

    @property
    def paused(self) -> bool:
        """True between Pause and the Commit or Continue that follows it."""
        return self._bot is _Bot.PAUSED

    def bot_started(self, protected: bool = False) -> None:
        """The bot begins a phrase. `protected`: only a key may interrupt it."""
        self._protected = protected
        if self._bot is _Bot.SILENT:
            self._bot = _Bot.TALKING
            self._confirm_ms = self.CONFIRM_MS
            self._spoken_over = False
            self._voiced_ms = self._silent_ms = self._calm_ms = 0

    def bot_stopped(self) -> None:
        """The bot has said all, or was silenced by a key or by the call's end."""
        self._bot = _Bot.SILENT

    def frame(self, voiced: bool, stirring: bool = False) -> tuple[Action, ...]:
        """Take the next 20 ms of the caller. `stirring`: something may be starting that is not confirmed as voice yet (`Gate.stirring`)."""
        self.now_ms += FRAME_MS
        if self._deaf():
            return ()
        self._count(voiced, stirring)
        return self._decide() if self.paused else self._pause()

    def words(self, said: Said) -> tuple[Action, ...]:
        """Take what the settled words of the caller are worth. Ignored when nothing was said over the bot."""
        if self._deaf() or not self._spoken_over:
            return ()
        if said is Said.MEANT:
            return self._commit("words")
        self._said = said
        return self._decide() if self.paused else ()

    def _deaf(self) -> bool:
        return self._bot is _Bot.SILENT or (self._protected and not self.paused)

    def _count(self, voiced: bool, stirring: bool) -> None:
        if voiced and not self._voiced_ms:
            self._onset_ms = self.now_ms - FRAME_MS
        if voiced:
            self._said = None
        self._voiced_ms += FRAME_MS if voiced else 0
        self._silent_ms = 0 if voiced else self._silent_ms + FRAME_MS
        self._calm_ms = 0 if voiced or stirring else self._calm_ms + FRAME_MS
        if not self.paused and self._silent_ms >= self.GAP_MS:
            self._voiced_ms = 0

    def _pause(self) -> tuple[Action, ...]:
        if self._voiced_ms < self._confirm_ms:
            return ()
        self._bot, self._paused_at_ms, self._spoken_over, self._said = _Bot.PAUSED, self.now_ms, True, None
        return (Pause(self._onset_ms),)

    def _decide(self) -> tuple[Action, ...]:
        waited_ms = self.now_ms - self._paused_at_ms
        enough_ms = self.UNCLEAR_MS if self._said is Said.UNCLEAR else self.COMMIT_MS
        if self._voiced_ms >= enough_ms or waited_ms >= 2 * self.DECIDE_MS:
            return self._commit("speech")
        if self._said is Said.MURMUR and self._silent_ms >= self.LET_GO_MS and self._calm_ms >= self.GAP_MS:
            return self._continue("backchannel")
        if waited_ms < self.DECIDE_MS + (self.STIR_MS if self._calm_ms < self.GAP_MS else 0):
            return ()
        silent = self._silent_ms >= (self.WORDS_MS if self._said is None else self.GAP_MS)
        return self._continue("backchannel" if self._said is Said.MURMUR else "no words") if silent else ()

    def _commit(self, reason: Literal["speech", "words"]) -> tuple[Action, ...]:
        self._bot = _Bot.SILENT
        return (Commit(self._onset_ms, reason),)

    def _continue(self, reason: Literal["backchannel", "no words"]) -> tuple[Action, ...]:
        self._confirm_ms = min(self._confirm_ms * 2, self.WARY_MS)
        self._bot, self._voiced_ms = _Bot.TALKING, 0
        return (Continue(self._onset_ms, reason),)
