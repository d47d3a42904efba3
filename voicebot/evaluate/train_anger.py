"""Rebuilds the shipped parameters of the voice model from EmoDB, and scores it speaker by speaker with that speaker left out (scripts/train-anger).

Nothing but EmoDB trains. Pitch, effort and tempo get round weights, set by hand; only the weights of the timbre, the population's figures and the
calibration are fitted. models/anger.md says why, and what the choice of features looked at.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from voicebot.emotion.figures import FIGURES, Floats, Prosody
from voicebot.emotion.reference import STRANGER
from voicebot.emotion.voice import FITTED, Voice
from voicebot.errors import EvaluationError
from voicebot.evaluate.anger import REFERENCES, listen, report, score, table
from voicebot.evaluate.corpora import emodb
from voicebot.evaluate.manifest import Row
from voicebot.evaluate.telephone import Line

AROUSAL = {"flux": 1.5, "pitch_top_st": 1.0, "tilt_db": 1.0, "centroid_hz": 1.0, "openness_hz": 1.5, "level_spread_db": 0.5, "rate_hz": -0.5}
"""Per spread, in proportion to each other."""
TIMBRE = tuple(name for name in FIGURES if name.startswith("timbre_"))
TIMBRE_SHARE = 0.45
"""Of the whole score, beside arousal: what tells anger from joy and fear."""
AROUSED = ("anger", "happy", "fear", "disgust")
"""Kinds that the timbre weights are fitted on."""
LEVEL_PER_DB, LEVEL_LIMIT_DB, LEVEL_PULL = 0.16, 15.0, 0.5
"""Set by hand: the files of EmoDB have been brought to one level. Log odds before calibration."""
GATE = (-3.0, 1.5)
"""Log odds at even odds up to which an utterance teaches fully, and from which not at all. Set by hand."""
CAUTION = 0.8
"""Log odds above the usual share count for so much: voices of another corpus and another line are told less surely than EmoDB's own. Set by hand."""
PRIOR = 0.14
"""Share of anger that the probabilities assume."""

_LEVEL = FIGURES.index("level_db")
_ARE = {name: n for n, name in enumerate(FIGURES)}
_REFERENCE_SIZES = (0, 1, 2, 4)


@dataclass(frozen=True, slots=True)
class Heard:
    """A corpus: rows, their figures, and what is asked of them."""

    rows: Sequence[Row]
    prosodies: Sequence[Prosody]

    @property
    def figures(self) -> Floats:
        return np.array([prosody.figures() for prosody in self.prosodies])

    def of(self, *, speaker: str | None = None, without: str | None = None) -> Heard:
        """Only one speaker, or all but one."""
        chosen = [n for n, row in enumerate(self.rows) if speaker in (None, row.speaker) and row.speaker != without]
        return Heard([self.rows[n] for n in chosen], [self.prosodies[n] for n in chosen])

    @property
    def speakers(self) -> list[str]:
        return sorted({row.speaker for row in self.rows})

    def which(self, *kinds: str) -> NDArray[np.bool_]:
        return np.array([row.kind in kinds for row in self.rows])


def corpus(folder: Path) -> Heard:
    """EmoDB through a µ-law line. Raises EvaluationError when it is not there."""
    rows = list(emodb(folder))
    if not rows:
        raise EvaluationError(f"{folder}: no EmoDB recordings (03a01Wa.flac …)")
    pairs = [(row, prosody) for row, prosody in zip(rows, listen(rows, folder, Line()), strict=True) if prosody is not None]
    return Heard([row for row, _ in pairs], [prosody for _, prosody in pairs])


def fit(heard: Heard) -> Voice:
    """Parameters from a corpus, calibrated with each of its speakers left out in turn."""
    raw = _uncalibrated(heard)
    left_out = [(heard.of(speaker=name), _uncalibrated(heard.of(without=name))) for name in heard.speakers]
    scores = np.concatenate([_sums(own, voice) for own, voice in left_out])
    angry = np.concatenate([np.tile(own.which("anger"), 2) for own, _ in left_out])
    weight = np.where(angry, PRIOR / angry.mean(), (1 - PRIOR) / (1 - angry.mean()))
    even = np.where(angry, 0.5 / angry.mean(), 0.5 / (1 - angry.mean()))
    slope, intercept = _line(scores, angry, weight)
    slope_even, intercept_even = _line(scores, angry, even)
    gate = tuple((limit - intercept_even) / slope_even * slope + intercept for limit in GATE)
    return replace(raw, weight=raw.weight * slope * CAUTION, intercept=_cautious(intercept), gate=(_cautious(gate[0]), _cautious(gate[1])))


def _cautious(log_odds: float) -> float:
    """Drawn towards the share that is assumed."""
    usual = math.log(PRIOR / (1 - PRIOR))
    return usual + CAUTION * (log_odds - usual)


def to_toml(voice: Voice) -> str:
    """The parameters as the file that `Voice.load` reads, six digits each."""
    lines = [
        "# Made by scripts/train-anger voice from EmoDB; see models/anger.md. Do not edit: by-hand.toml is for that.",
        f"intercept = {voice.intercept:.6g}",
        f"level_limit_db = {voice.level_limit_db:.6g}",
        "",
        "[gate]",
        f"full = {voice.gate[0]:.6g}",
        f"none = {voice.gate[1]:.6g}",
    ]
    for name, n in _ARE.items():
        if voice.weight[n]:
            values = {"expected": voice.expected, "spread": voice.spread, "pull": voice.pull, "weight": voice.weight}
            lines += ["", f"[features.{name}]", *(f"{key} = {float(column[n]):.6g}" for key, column in values.items())]
    return "\n".join(lines) + "\n"


def left_out_figures(heard: Heard) -> str:
    """The figures of `voicebot evaluate anger` on the corpus itself, each speaker scored by parameters that never heard it."""
    voices = {name: fit(heard.of(without=name)) for name in heard.speakers}
    parts = []
    for mode in REFERENCES:
        scored = score(heard.rows, heard.prosodies, mode, voices.__getitem__)
        parts += [f"reference {mode}", table(report(scored), scored.unheard)]
    return "\n".join(parts)


def _uncalibrated(heard: Heard) -> Voice:
    voice = _population(heard)
    spreads, rows = _differences(heard, voice)
    angry = np.array([row.angry for row in rows])
    aroused = np.array([row.kind in AROUSED for row in rows])
    weight = np.zeros(len(FIGURES))
    for name, share in AROUSAL.items():
        weight[_ARE[name]] = share
    weight *= 2 * (1 - TIMBRE_SHARE) / np.std(spreads @ weight)
    columns = [_ARE[name] for name in TIMBRE]
    model = LogisticRegression(C=0.03, max_iter=3_000, class_weight="balanced").fit(spreads[aroused][:, columns], angry[aroused])
    timbre = np.zeros(len(FIGURES))
    timbre[columns] = model.coef_[0]
    weight += 2 * TIMBRE_SHARE * timbre / np.std(spreads @ timbre)
    slope, _ = _line(spreads @ weight, angry, np.where(angry, 0.5 / angry.mean(), 0.5 / (1 - angry.mean())))
    weight *= slope
    weight[_LEVEL] = LEVEL_PER_DB
    return replace(voice, weight=weight)


def _population(heard: Heard) -> Voice:
    """What is expected of anybody, how much it spreads, and how much of that lies between speakers."""
    figures, neutral = heard.figures, heard.which("neutral")
    own = [figures[neutral & (np.array([row.speaker for row in heard.rows]) == name)] for name in heard.speakers]
    means = np.array([np.mean(part, axis=0) for part in own])
    within = np.mean([np.var(part, axis=0, ddof=1) for part in own if len(part) > 1], axis=0)
    expected, spread, pull = np.mean(means, axis=0), np.std(figures, axis=0), within / np.var(means, axis=0, ddof=1)
    spread[_LEVEL], pull[_LEVEL], expected[_LEVEL] = 1.0, LEVEL_PULL, 0.0
    return Voice(expected, spread, pull, np.zeros(len(FIGURES)), 0.0, LEVEL_LIMIT_DB, GATE)


def _differences(heard: Heard, voice: Voice) -> tuple[Floats, list[Row]]:
    """Spreads from expectation of every utterance with references of several sizes, drawn from the speaker's neutral utterances."""
    chance = np.random.default_rng(1)
    parts: list[Floats] = []
    rows: list[Row] = []
    for name in heard.speakers:
        own = heard.of(speaker=name)
        neutral = np.flatnonzero(own.which("neutral"))
        for size in _REFERENCE_SIZES:
            reference = STRANGER
            for n in chance.choice(neutral, min(size, len(neutral)), replace=False):
                reference = reference.learned(own.prosodies[n], 1.0)
            parts += [voice.spreads(prosody, reference) for prosody in own.prosodies]
            rows += own.rows
    spreads = np.array(parts)
    spreads[:, _LEVEL] = 0.0
    return spreads, rows


def _sums(heard: Heard, voice: Voice) -> Floats:
    """Log odds before calibration of each utterance of one speaker: as a stranger, then with two neutral utterances heard."""
    chance = np.random.default_rng(2)
    drawn = chance.choice(np.flatnonzero(heard.which("neutral")), 2, replace=False)
    reference = STRANGER
    for n in drawn:
        reference = voice.learned(reference, heard.prosodies[n])
    weight = np.where(np.arange(len(FIGURES)) == _LEVEL, 0.0, voice.weight)
    return np.array([prosody.reliability * voice.spreads(prosody, known) @ weight for known in (STRANGER, reference) for prosody in heard.prosodies])


def _line(scores: Floats, angry: NDArray[np.bool_], weight: Floats) -> tuple[float, float]:
    """Slope and intercept of the log odds over the scores (Platt, 1999)."""
    model = LogisticRegression(C=1e3).fit(scores[:, None], angry, sample_weight=weight)
    return float(model.coef_[0][0]), float(model.intercept_[0])


def main() -> None:
    """Prints what EmoDB says of itself with each speaker left out, and writes the parameters."""
    parser = argparse.ArgumentParser(description="Rebuild the parameters of the voice model from EmoDB.")
    parser.add_argument("folder", type=Path, help="EmoDB as FLAC files")
    parser.add_argument("--out", type=Path, default=FITTED, help="where the parameters go; the shipped file when left out")
    parser.add_argument("--leave-one-out", action="store_true", help="also print the figures with each speaker left out in turn")
    chosen = parser.parse_args()
    heard = corpus(chosen.folder)
    if chosen.leave_one_out:
        print(left_out_figures(heard))
    chosen.out.write_text(to_toml(fit(heard)), "utf-8")
    print(f"{chosen.out}: from {len(heard.rows)} utterances of {len(heard.speakers)} speakers")


if __name__ == "__main__":
    main()
