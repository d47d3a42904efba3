"""What the calls of one process share: the parts of each language, and the parts that know no language. Nothing here acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voicebot.dialogue.decisions import Heard, Pressed, RecogniserFailed, Rules, Silent, Spoke
from voicebot.dialogue.decisions import NoAudio as NobodyThere
from voicebot.dialogue.intents import Intents
from voicebot.dialogue.matching import Matcher
from voicebot.dialogue.script import Script
from voicebot.handover.spool import Spool
from voicebot.metrics import Metrics
from voicebot.settings import Settings
from voicebot.speech.ear import Hearing
from voicebot.speech.phrases import Phrases
from voicebot.telephony.floor import Floor
from voicebot.telephony.leg import MediaDoor
from voicebot.telephony.recording import Recordings
from voicebot.values import Digit, Silence, Sound, Unrecognised, Utterance


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


def understood(tongue: Tongue, sound: Sound) -> Heard:
    """What a sound means to the policy: words with what they match and intend, all else as it is."""
    match sound:
        case Utterance(transcript=transcript):
            matches = tongue.matcher.match(transcript.text) if tongue.matcher else ()
            intents = tongue.intents.of(transcript.text)
            return Spoke(transcript.text, transcript.confidence, matches, frozenset(intents), tongue.hearing.language)
        case Digit(key):
            return Pressed(key)
        case Silence(ms):
            return Silent(ms)
        case Unrecognised():
            return RecogniserFailed()
        case _:
            return NobodyThere()
