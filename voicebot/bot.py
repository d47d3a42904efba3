"""What the calls of one process share: the parts of each language, and the parts that know no language. Nothing here acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voicebot.dialogue.decisions import Rules
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


@dataclass(frozen=True)
class Tongue:
    """What the calls of one language share."""

    hearing: Hearing
    scripts: Mapping[bool, Script]
    """By whether the hotline listens to speech."""
    intents: Intents
    matcher: Matcher
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
    metrics: Metrics
