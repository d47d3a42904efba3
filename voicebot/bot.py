"""What the calls of one process share: the parts of each language, and the parts that know no language. Nothing here acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from voicebot.customers.directory import Directory
from voicebot.dialogue.compose import Composer
from voicebot.dialogue.decisions import Heard, Pressed, RecogniserFailed, Rules, Silent, Spoke
from voicebot.dialogue.decisions import NoAudio as NobodyThere
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.matching import Matcher
from voicebot.dialogue.parts import parts
from voicebot.dialogue.script import Script
from voicebot.feeling import Feelings
from voicebot.handover.known import nobody
from voicebot.handover.spool import Spool
from voicebot.metrics import Metrics
from voicebot.settings import Settings
from voicebot.speech.ear import Hearing
from voicebot.speech.phrases import Phrases
from voicebot.store.record import CallJournal
from voicebot.telephony.floor import Floor
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.recording import Recordings
from voicebot.telephony.supervision import Orders
from voicebot.values import Digit, NoAudio, Silence, Sound, Unrecognised, Utterance


@dataclass(frozen=True)
class Tongue:
    """What the calls of one language share."""

    hearing: Hearing
    scripts: Mapping[bool, Script]
    """By whether the hotline listens to speech."""
    intents: Intents
    matcher: Matcher | None
    """None where no words are ever heard."""
    rules: Rules


@dataclass(frozen=True)
class Bot:
    """What all calls share."""

    settings: Settings
    tongues: Mapping[str, Tongue]
    phrases: Phrases
    door: MediaDoor
    floor: Floor
    spool: Spool
    recordings: Recordings
    metrics: Metrics
    composer: Composer | None = None
    """None without a language model."""
    directory: Directory | None = None
    """None without customer data: the bot answers from the knowledge base alone."""
    improve: Callable[[CallJournal], None] = lambda _record: None
    """Told of each caller who waits for a person: his briefing may become better meanwhile."""
    known: Callable[[str, str], Awaitable[int]] = nobody
    """A caller's number and call id → what his earlier calls add to his priority in the queue."""
    feelings: Feelings = field(default_factory=Feelings)
    orders: Orders = field(default_factory=Orders)
    """What supervisors want done to calls that the bot has."""


def understood(tongue: Tongue, sound: Sound | Heard) -> Heard:
    """What a sound means to the policy: words with what they match and intend, all else as it is. What is heard already stays so."""
    match sound:
        case Utterance(transcript=transcript):
            whole = _spoke(tongue, transcript.text, transcript.confidence)
            cut = parts(transcript.text, whole.language)
            return replace(whole, parts=tuple(_spoke(tongue, part, transcript.confidence) for part in cut)) if cut else whole
        case Digit(key):
            return Pressed(key)
        case Silence(ms):
            return Silent(ms)
        case Unrecognised():
            return RecogniserFailed()
        case NoAudio():
            return NobodyThere()
        case _:
            return sound


def _spoke(tongue: Tongue, text: str, confidence: float) -> Spoke:
    matches = tongue.matcher.match(text) if tongue.matcher else ()
    return Spoke(text, confidence, matches, tongue.intents.of(text), tongue.hearing.language)
