"""The values around policy.decide: what was heard, what is to be done, and what a call remembers between two turns.

All frozen. What is said stands here as references (prompt names, KB entry ids), never as text or audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

from voicebot.customers.verification import Proof
from voicebot.dialogue.entry import Variant
from voicebot.dialogue.errand import NONE as NO_ERRAND
from voicebot.dialogue.errand import Errand, Found
from voicebot.dialogue.intents import Intent
from voicebot.dialogue.triage import Table, Triaged
from voicebot.dialogue.triage import load as triage_table

if TYPE_CHECKING:
    from voicebot.dialogue.matching import Match

Urgency = Literal["normal", "high"]
Outcome = Literal["contained", "unanswered", "silent", "no_audio"]
"""contained: ended with the bot after an answer; unanswered: the caller left without one."""
OptOut = Literal["analysis", "recording"]
Style: TypeAlias = Literal["neutral", "warm", "brief", "calming"]
"""How the bot speaks to a caller; dialogue.style chooses it."""


class Why(StrEnum):
    """Why a call goes to a person. The briefing says it to the agent."""

    PERSON = "asked for a person"
    ACCEPTED = "accepted the offer of a person"
    EMERGENCY = "reports an emergency"
    SELF_HARM = "speaks of self-harm"
    FRAUD = "reports fraud in progress"
    UPSET = "is upset"
    NOT_UNDERSTOOD = "was not understood"
    SAME_QUESTION = "asked the same question again"
    NOT_HEARD = "could not hear the answer"
    WRONG_KEYS = "pressed unknown keys"
    SILENT = "stayed silent"
    NO_PROGRESS = "got no answer in many turns"
    RECOGNISER = "could not be heard by the bot"
    VULNERABLE = "needs special care"
    COMPLAINT = "has a complaint"
    COMPLEX = "has a matter for a person"
    ABUSE = "was abusive"
    UNVERIFIED = "could not be verified"
    DIRECTORY = "account could not be looked up"
    LANGUAGE = "wants another language"
    SUPERVISOR = "was taken from the bot by a supervisor"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A fixed sentence by name; the gaps in it are filled with the titles of these KB entries, in order."""

    name: str
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The approved answer of a KB entry."""

    entry_id: str
    variant: Variant = "full"


@dataclass(frozen=True, slots=True)
class MenuItem:
    """ "For <title of the entry>, press <key>." """

    key: str
    entry_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """An approved sentence of the account dialogue by name, its gaps filled with `facts` from the account, in order."""

    sentence: str
    facts: tuple[str, ...] = ()


Line = Prompt | Answer | MenuItem | Told


@dataclass(frozen=True, slots=True)
class Reply:
    """Say `lines`, then listen if an answer is expected. `entry_id`: the KB entry that was answered, if one was."""

    lines: tuple[Line, ...]
    entry_id: str | None = None
    expects_answer: bool = True


@dataclass(frozen=True, slots=True)
class Clarify:
    """Ask which of one or two entries was meant."""

    lines: tuple[Line, ...]
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HandOver:
    """Say `lines`, then put the caller into the queue: `queue`, where a supervisor names one."""

    reason: Why
    urgency: Urgency
    lines: tuple[Line, ...]
    queue: str = ""


@dataclass(frozen=True, slots=True)
class EndCall:
    """Say `lines`, then hang up."""

    lines: tuple[Line, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lookup:
    """Fetch `what` from the directory while `lines` are said, then decide again. `words`: in which a place may be named."""

    what: Literal["customer", "account", "place"]
    lines: tuple[Line, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Verify:
    """Say `lines`, then take digits by key or speech, unrecorded, and say only whether they were right."""

    proof: Proof
    lines: tuple[Line, ...]


Decision = Reply | Clarify | HandOver | EndCall | Lookup | Verify


@dataclass(frozen=True, slots=True)
class Spoke:
    """One utterance. `confidence` is the recogniser's, 0–1; `matches` are best first; `parts`, when it holds two questions."""

    text: str
    confidence: float = 1.0
    matches: tuple[Match, ...] = ()
    intents: frozenset[Intent] = frozenset()
    language: str = "en"
    parts: tuple[Spoke, ...] = ()


@dataclass(frozen=True, slots=True)
class Pressed:
    """One DTMF key."""

    key: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody spoke for `ms` although the bot was waiting for it."""

    ms: int


@dataclass(frozen=True, slots=True)
class NoAudio:
    """No RTP has come at all: nobody is there, or the line is broken."""


@dataclass(frozen=True, slots=True)
class RecogniserFailed:
    """The caller spoke, and the recogniser crashed, hung or refused."""


Heard = Spoke | Pressed | Silent | NoAudio | RecogniserFailed | Found


@dataclass(frozen=True, slots=True)
class Sense:
    """How the caller feels. `escalate` is decided by emotion.anger and only obeyed here; the three figures are 0–1 and choose the style."""

    escalate: bool = False
    evidence: str = ""
    anger: float = 0.0
    urgency: float = 0.0
    sadness: float = 0.0


CALM = Sense()


# What stays the same, and what is remembered.


@dataclass(frozen=True, slots=True)
class Rules:
    """The hotline's thresholds and its DTMF menu (key → KB entry id, in the order to be read out)."""

    accept: float = 0.3
    """Confidence from which an entry is answered. Fits dialogue.matching, where right entries in unseen wordings begin near 0.35."""
    clarify: float = 0.1
    """Confidence from which an entry is worth a question back."""
    margin: float = 0.1
    """Two entries closer than this cannot be told apart."""
    noise: float = 0.3
    """Recogniser confidence below which a single word is taken for noise."""
    max_misses: int = 2
    max_silences: int = 2
    max_wrong_keys: int = 2
    max_unanswered: int = 6
    """Turns in a row without an answer, of whatever kind, after which a person takes over."""
    no_speech_then: Literal["queue", "end"] = "queue"
    menu: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    accounts: bool = False
    """Whether there is a directory of customers to look into."""
    max_tries: int = 3
    """Wrong PINs after which a person takes over."""
    languages: frozenset[str] = frozenset()
    """Those a caller can change to."""
    survey: bool = False
    """Whether a caller who was served is asked for a mark at the end."""
    persons: frozenset[str] = frozenset()
    """Entries after whose answer a person takes over, always."""
    triage: Table = field(default_factory=triage_table)
    upset_first: bool = False
    """Whether who is upset comes before others in the queue."""


class Asked(StrEnum):
    """What the caller's next yes or no answers."""

    QUESTION = "what can I do for you"
    WHICH = "did you mean"
    ANSWERED = "an answer was given"
    MORE = "anything else"
    PERSON = "shall I connect you"
    OFFER = "would you like that"
    SURVEY = "how was it, one to five"


@dataclass(frozen=True, slots=True)
class State:
    """What the call remembers between two turns. All counts are "in a row" and fall back to 0 when a question is answered."""

    menu: bool = False
    """The caller is led by the DTMF menu."""
    lines: tuple[Line, ...] = ()
    """What the bot said last, for "say that again"."""
    asked: Asked = Asked.QUESTION
    options: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    """Every entry answered in this call, in order."""
    same: int = 0
    """How often the last of them was given."""
    turns: int = 0
    unanswered: int = 0
    misses: int = 0
    noises: int = 0
    silences: int = 0
    wrong_keys: int = 0
    repeats: int = 0
    abuses: int = 0
    language: str = ""
    """The language the caller changed to; "" for the hotline's."""
    slow: bool = False
    """The caller asked for slower speech."""
    style: Style = "neutral"
    acknowledged: bool = False
    """The caller's trouble has been named to him."""
    errand: Errand = NO_ERRAND

    @staticmethod
    def start(menu: bool = False) -> State:
        """A call that has just been greeted; `menu` when the hotline does not listen to speech."""
        return State(menu=menu, lines=(Prompt("how_can_i_help"),))


@dataclass(frozen=True, slots=True)
class Step:
    """One decision, the state after it, and why in words for the journal. `opt_outs` are to be obeyed at once, whatever the decision.
    `accepted` and `mark` are what the caller said to an offer and to the survey, for the journal."""

    decision: Decision
    state: State
    reason: str
    opt_outs: frozenset[OptOut] = frozenset()
    triaged: Triaged | None = None
    accepted: bool | None = None
    mark: int | None = None
