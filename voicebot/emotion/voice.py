"""How angry a voice sounds, as a calibrated probability with its reasons: a weighted sum of differences from what is expected of this caller.

Expected is the population's figure, drawn towards the caller's own as calm utterances are heard. Pure: it keeps nothing and never acts.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from voicebot.emotion.figures import CEPSTRA, FIGURES, Floats, Prosody
from voicebot.emotion.reference import STRANGER, Reference
from voicebot.errors import EvaluationError

FITTED = Path(__file__).parent / "parameters" / "fitted.toml"
"""The shipped parameters: scripts/train-anger made them from EmoDB, see models/anger.md."""
BY_HAND = Path(__file__).parent / "parameters" / "by-hand.toml"
"""Round figures that no corpus was fitted for; for who may not use parameters made from EmoDB."""

LIMIT = 4.0
"""No figure counts for more than so many spreads."""
QUIETER_DB = 4.0
"""A level below the caller's own counts up to here: who lowers his voice may be calm, or cold with anger."""

_LEVEL = FIGURES.index("level_db")
_TIMBRE = len(FIGURES) - CEPSTRA

WORDING: Final = {
    "level_db": ("louder than expected", "quieter than expected", "dB"),
    "level_spread_db": ("more stressed", "more even", "dB"),
    "pitch_st": ("voice higher", "voice lower", "semitones"),
    "pitch_top_st": ("voice rises higher", "voice stays lower", "semitones"),
    "effort_db": ("more vocal effort", "less vocal effort", "dB"),
    "tilt_db": ("sharper voice", "softer voice", "dB"),
    "centroid_hz": ("brighter voice", "darker voice", "Hz"),
    "openness_hz": ("mouth opened wider", "mouth opened less", "Hz"),
    "flux": ("crisper articulation", "softer articulation", "log units a frame"),
    "beat_db": ("softer phonation", "voice rings through", "dB"),
    "rate_hz": ("faster speech", "slower speech", "syllables a second"),
    "timbre": ("harder voice", "softer timbre", "spreads"),
}
"""What is said of a figure above and below expectation, and its unit."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason: the figure, how far it lies from what was expected (in its own unit), and what it adds to the log odds of anger."""

    feature: str
    difference: float
    unit: str
    strength: float

    def __str__(self) -> str:
        above, below, unit = WORDING.get(self.feature, (f"{self.feature} above", f"{self.feature} below", self.unit))
        return f"{above if self.difference >= 0 else below}: {self.difference:+.{0 if abs(self.difference) >= 3 else 1}f} {unit}"


@dataclass(frozen=True, slots=True)
class VoiceScore:
    """Probability of anger from the voice alone, and every reason, strongest first. Low `reliability` has already drawn it towards calm."""

    probability: float
    reliability: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """Parameters, each array in the order of `FIGURES`. `weight` is log odds per `spread`; a figure with no weight is not looked at.

    `level_db` has no population figure, as no line says how loud a caller is: it counts only against the caller's own reference, per dB, up to
    `level_limit_db` above and QUIETER_DB below. `gate` holds the log odds (with no reference) up to which an utterance teaches fully, and from which
    not at all.
    """

    expected: Floats
    spread: Floats
    pull: Floats
    weight: Floats
    intercept: float
    level_limit_db: float
    gate: tuple[float, float]

    @staticmethod
    def load(path: Path = FITTED) -> Voice:
        """Raises EvaluationError naming the file and what is wrong with it."""
        try:
            return _voice(tomllib.loads(path.read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvaluationError(f"{path}: not parameters of the voice model ({error!r}); scripts/train-anger writes them") from error

    def score(self, prosody: Prosody | None, reference: Reference = STRANGER) -> VoiceScore:
        """How angry this utterance sounds for this caller. None (no voice in it) scores as a calm utterance, with reliability 0."""
        if prosody is None:
            return VoiceScore(_probability(self.intercept), 0.0, ())
        difference, spreads = self._differences(prosody.figures(), reference)
        strength = spreads * self.weight * prosody.reliability
        return VoiceScore(_probability(self.intercept + float(np.sum(strength))), prosody.reliability, _reasons(difference, strength, self.weight))

    def learned(self, reference: Reference, prosody: Prosody | None, calm: float = 1.0) -> Reference:
        """The reference after this utterance, which counts the less the angrier it sounds for anybody, so that a caller who opens angry does not
        make that the norm. `calm` is what else is known (0–1): 0 when the words are angry."""
        if prosody is None:
            return reference
        return reference.learned(prosody, self._teaches(prosody) * prosody.reliability * calm)

    def spreads(self, prosody: Prosody, reference: Reference = STRANGER) -> Floats:
        """How far each of `FIGURES` lies from what is expected, in spreads (dB for the level), within the limits."""
        return self._differences(prosody.figures(), reference)[1]

    def _teaches(self, prosody: Prosody) -> float:
        low, high = self.gate
        log_odds = self.intercept + float(np.sum(self.spreads(prosody) * self.weight))
        return float(np.clip((high - log_odds) / (high - low), 0, 1))

    def _differences(self, figures: Floats, reference: Reference) -> tuple[Floats, Floats]:
        """From what is expected: in the unit of each figure, and in spreads within the limits."""
        trust, mean = reference.trust(self.pull), np.array(reference.mean)
        difference = figures - self.expected - trust * (mean - self.expected)
        difference[_LEVEL] = np.clip(trust[_LEVEL] * (figures[_LEVEL] - mean[_LEVEL]), -QUIETER_DB, self.level_limit_db)
        spreads = np.clip(difference / self.spread, -LIMIT, LIMIT)
        spreads[_LEVEL] = difference[_LEVEL] / self.spread[_LEVEL]
        return difference, spreads


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _reasons(difference: Floats, strength: Floats, weight: Floats) -> tuple[Evidence, ...]:
    plain = [
        Evidence(name, float(difference[n]), WORDING[name][2] if name in WORDING else "", float(strength[n]))
        for n, name in enumerate(FIGURES[:_TIMBRE])
        if weight[n]
    ]
    timbre = float(np.sum(strength[_TIMBRE:]))
    heard = [Evidence("timbre", timbre, WORDING["timbre"][2], timbre)] if weight[_TIMBRE:].any() else []
    return tuple(sorted(plain + heard, key=lambda reason: -abs(reason.strength)))


def _voice(table: dict[str, Any]) -> Voice:
    features = table["features"]
    unknown = sorted(set(features) - set(FIGURES))
    if unknown:
        raise ValueError(f"unknown features {', '.join(unknown)}")

    def column(key: str, default: float) -> Floats:
        return np.array([float(features[name][key]) if name in features else default for name in FIGURES])

    spread, pull = column("spread", 1.0), column("pull", 1.0)
    if not (spread > 0).all() or not (pull > 0).all():
        raise ValueError("spread and pull must be above 0")
    gate = (float(table["gate"]["full"]), float(table["gate"]["none"]))
    if gate[0] >= gate[1]:
        raise ValueError("gate: full must lie below none")
    return Voice(column("expected", 0.0), spread, pull, column("weight", 0.0), float(table["intercept"]), float(table["level_limit_db"]), gate)
