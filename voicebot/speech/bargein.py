"""The caller speaks while the bot does: stop the bot at once, then decide whether that was an interruption or only a cough or "mm-hm".

Pure: its time is the frames it was given (20 ms each). It never touches media; the call carries out its actions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Literal

from voicebot.values import FRAME_MS

BACKCHANNELS: dict[str, tuple[str, ...]] = {
    "en": (
        *("mm", "mmm", "mm hm", "mm hmm", "mhm", "hm", "hmm", "uh", "uh huh", "um", "er", "erm", "ah", "aha", "oh", "huh", "ha"),
        *("ok", "okay", "yes", "yeah", "yep", "yup", "right", "sure", "fine", "good", "great", "nice", "cool", "perfect", "really", "wow"),
        *("i see", "got it", "gotcha", "all right", "alright", "of course", "i understand", "that's right", "oh i see", "makes sense"),
    ),
    "zh": (
        *("嗯", "恩", "哦", "噢", "喔", "啊", "呃", "唉", "诶", "嗯哼", "哈"),
        *("好", "好的", "好吧", "好啊", "对", "对的", "对啊", "是", "是的", "是啊", "行", "行吧", "可以", "没错", "当然"),
        *("明白", "明白了", "知道", "知道了", "懂了", "了解", "了解了", "清楚了", "这样啊", "原来如此"),
    ),
}
"""What a listener says to show that he is listening, by language. In this sense "yes" is one too, unless a question was asked."""


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
    reason: Literal["burst", "backchannel", "no words"]


Action = Pause | Commit | Continue


@cache
def _listening(language: str) -> re.Pattern[str]:
    longest_first = sorted(BACKCHANNELS.get(language, ()), key=len, reverse=True)
    spoken = "|".join(re.escape(phrase).replace(r"\ ", r"\W+") for phrase in longest_first)
    return re.compile(rf"\W*(?:(?:{spoken})(?![a-z'])\W*)*") if spoken else re.compile(r"\W*")


def is_backchannel(text: str, language: str) -> bool:
    """True when `text` has no words but those that show listening; of a language without a list: when it has no words."""
    return _listening(language).fullmatch(text.lower()) is not None


class _Bot(Enum):
    SILENT = auto()
    TALKING = auto()
    PAUSED = auto()


class BargeIn:
    """Two-stage barge-in of one call. While the bot talks, confirmed voice gives Pause; then Commit or Continue: within DECIDE_MS when the caller
    falls silent, within twice that when not. Words that come later still give Commit. A protected phrase is never paused; keys are the call's
    own matter."""

    CONFIRM_MS = 20
    """Voice that pauses the bot: `Gate` calls a frame voiced only after some 100 ms of voice."""
    WARY_MS = 320
    """Each Continue doubles the voice that the next Pause needs, up to this: in a noisy place the bot must not stutter."""
    GAP_MS = 100
    """Voice with no longer a gap than this is one stretch."""
    BURST_MS, BURST_SILENCE_MS = 120, 200
    """Less voice than this, followed by this much silence, is a cough or a knock: no words are waited for."""
    LET_GO_MS = 200
    """Silence after a murmur before the bot goes on: a gap between two words of a question is shorter."""
    DECIDE_MS, WORDS_MS = 700, 300
    """The bot goes on this long after its pause, unless the caller spoke within the last WORDS_MS: then his words are still on their way."""
    COMMIT_MS = 900
    """Voice that takes the turn whatever the words are: longer than "oh I see". Waiting costs nothing, the bot is silent."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._bot = _Bot.SILENT
        self._protected = self._expects_answer = False
        self._confirm_ms = self.CONFIRM_MS
        self._spoken_over = False
        self._murmured: Literal["backchannel", "no words"] | None = None
        self._onset_ms = self._voiced_ms = self._silent_ms = self._paused_at_ms = 0
        self.now_ms = 0

    @property
    def paused(self) -> bool:
        """True between Pause and the Commit or Continue that follows it."""
        return self._bot is _Bot.PAUSED

    def bot_started(self, protected: bool = False, expects_answer: bool = False) -> None:
        """The bot begins a phrase. `protected`: only a key may interrupt it. `expects_answer`: it asks something that "yes" or "okay" answers."""
        self._protected, self._expects_answer = protected, expects_answer
        if self._bot is _Bot.SILENT:
            self._bot = _Bot.TALKING
            self._confirm_ms = self.CONFIRM_MS
            self._spoken_over = False
            self._voiced_ms = self._silent_ms = 0

    def bot_stopped(self) -> None:
        """The bot has said all, or was silenced by a key or by the call's end."""
        self._bot = _Bot.SILENT

    def frame(self, voiced: bool) -> tuple[Action, ...]:
        """Take the next 20 ms of the caller."""
        self.now_ms += FRAME_MS
        if self._deaf():
            return ()
        self._count(voiced)
        return self._decide() if self.paused else self._pause()

    def transcript(self, text: str) -> tuple[Action, ...]:
        """Take the settled words of what the caller said over the bot (empty: none were understood). Ignored when nothing was said over it."""
        if self._deaf() or not self._spoken_over:
            return ()
        if self._has_words(text):
            return self._commit("words")
        self._murmured = ("backchannel" if text.strip() else "no words") if self._silent_ms >= self.GAP_MS else None
        return self._decide() if self.paused else ()

    def _deaf(self) -> bool:
        return self._bot is _Bot.SILENT or (self._protected and not self.paused)

    def _has_words(self, text: str) -> bool:
        return bool(text.strip()) if self._expects_answer else not is_backchannel(text, self._language)

    def _count(self, voiced: bool) -> None:
        if voiced and not self._voiced_ms:
            self._onset_ms = self.now_ms - FRAME_MS
        self._voiced_ms += FRAME_MS if voiced else 0
        self._silent_ms = 0 if voiced else self._silent_ms + FRAME_MS
        if voiced:
            self._murmured = None
        if not self.paused and self._silent_ms >= self.GAP_MS:
            self._voiced_ms = 0

    def _pause(self) -> tuple[Action, ...]:
        if self._voiced_ms < self._confirm_ms:
            return ()
        self._bot, self._paused_at_ms, self._spoken_over = _Bot.PAUSED, self.now_ms, True
        return (Pause(self._onset_ms),)

    def _decide(self) -> tuple[Action, ...]:
        if self._voiced_ms >= self.COMMIT_MS:
            return self._commit("speech")
        if self._voiced_ms < self.BURST_MS and self._silent_ms >= self.BURST_SILENCE_MS:
            return self._continue("burst")
        if self._murmured and self._silent_ms >= self.LET_GO_MS:
            return self._continue(self._murmured)
        waited_ms = self.now_ms - self._paused_at_ms
        if waited_ms >= self.DECIDE_MS and self._silent_ms >= self.WORDS_MS:
            return self._continue("no words")
        return self._commit("speech") if waited_ms >= 2 * self.DECIDE_MS else ()

    def _commit(self, reason: Literal["speech", "words"]) -> tuple[Action, ...]:
        self._bot = _Bot.SILENT
        return (Commit(self._onset_ms, reason),)

    def _continue(self, reason: Literal["burst", "backchannel", "no words"]) -> tuple[Action, ...]:
        self._murmured = None
        self._bot, self._voiced_ms = _Bot.TALKING, 0
        self._confirm_ms = min(self._confirm_ms * 2, self.WARY_MS)
        return (Continue(self._onset_ms, reason),)
