"""`voicebot evaluate anger`: the voice's anger score on a manifest of recordings, heard through a telephone line. It trains nothing.

Each speaker's reference is made from two utterances that are then left out, as a call would have learned it before; or from none; or, as the
worst case, from two angry ones.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from voicebot.emotion.figures import Prosody
from voicebot.emotion.prosody import analyse
from voicebot.emotion.reference import STRANGER
from voicebot.emotion.voice import Voice
from voicebot.errors import EvaluationError
from voicebot.evaluate.manifest import Row, located
from voicebot.evaluate.metrics import Figures, Labels, Scores, figures
from voicebot.evaluate.telephone import Line, through

ReferenceMode = Literal["calm", "none", "angry"]
REFERENCES: tuple[ReferenceMode, ...] = get_args(ReferenceMode)
CALM_KINDS = ("neutral", "calm")
REFERENCE_UTTERANCES = 2

Chooser = Callable[[str], Voice]


@dataclass(frozen=True, slots=True)
class Scored:
    """What a run found: `scores` beside `rows`, None for those that served as a reference. `unheard` held too little voice and scored as calm."""

    rows: Sequence[Row]
    scores: Sequence[float | None]
    unheard: int

    def kept(self) -> tuple[list[Row], Scores, Labels, Labels]:
        """Rows that were scored, their scores, which are angry and which calm."""
        pairs = [(row, score) for row, score in zip(self.rows, self.scores, strict=True) if score is not None]
        rows = [row for row, _ in pairs]
        return (
            rows,
            np.array([score for _, score in pairs], np.float64),
            np.array([row.angry for row in rows], np.bool_),
            np.array([row.kind in CALM_KINDS for row in rows], np.bool_),
        )


def listen(rows: Sequence[Row], manifest: Path, line: Line | Sequence[Line]) -> list[Prosody | None]:
    """The prosody of each recording through `line` (or each through its own), on all cores. Raises EvaluationError naming the first recording that
    cannot be read."""
    paths = [located(row, manifest) for row in rows]
    lines = [line] * len(paths) if isinstance(line, Line) else line
    noises = {one.noise for one in (lines if lines else [line]) if isinstance(one, Line) and one.noise is not None}
    if absent := next((noise for noise in noises if not noise.is_file()), None):
        raise EvaluationError(f"{absent}: no such noise recording")
    # Spawned, not forked: the parent may hold threads.
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_heard, lines, paths, chunksize=max(1, min(32, len(paths) // 8))))


def score(rows: Sequence[Row], prosodies: Sequence[Prosody | None], mode: ReferenceMode, voice: Chooser, seed: int = 0) -> Scored:
    """Scores with each speaker's reference; `voice` names the parameters for a speaker. Raises EvaluationError when one lacks utterances."""
    scores: list[float | None] = [None] * len(rows)
    chance = np.random.default_rng(seed)
    for speaker in sorted({row.speaker for row in rows}):
        own = [n for n, row in enumerate(rows) if row.speaker == speaker]
        drawn = _drawn(rows, own, mode, chance)
        judge, reference = voice(speaker), STRANGER
        for n in drawn:
            reference = judge.learned(reference, prosodies[n])
        for n in set(own) - set(drawn):
            scores[n] = judge.score(prosodies[n], reference).probability
    return Scored(rows, scores, sum(prosody is None for prosody in prosodies))


def report(scored: Scored) -> list[Figures]:
    """Figures over all, then by language and by sex where the manifest knows more than one."""
    rows, scores, angry, calm = scored.kept()
    found = [figures("all", scores, angry, calm)]
    for column in ("language", "sex"):
        values = sorted({getattr(row, column) for row in rows} - {""})
        for value in values if len(values) > 1 else ():
            inside = np.array([getattr(row, column) == value for row in rows])
            found.append(figures(f"{column} {value}", scores[inside], angry[inside], calm[inside]))
    return found


def write_scores(path: Path, manifest: Path, scored: Scored) -> None:
    """The manifest as it stands with `score` added to each row, empty for those that served as a reference."""
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        columns, entries = [name for name in table.fieldnames or () if name != "score"], list(table)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, [*columns, "score"], extrasaction="ignore")
        out.writeheader()
        for entry, probability in zip(entries, scored.scores, strict=True):
            out.writerow({**entry, "score": "" if probability is None else f"{probability:.6f}"})


def table(found: Iterable[Figures], unheard: int) -> str:
    """The figures as lines for a person."""
    lines = [f"{'':<16} {'n':>5} {'angry':>5} {'AUC calm':>8} {'AUC all':>8} {'EER':>6} {'F1':>6} {'calibration':>11}"]
    lines += [
        f"{part.group:<16} {part.recordings:>5} {part.angry:>5} {_figure(part.auc_calm):>8} {_figure(part.auc_all):>8} "
        f"{_figure(part.equal_error_rate):>6} {_figure(part.f1):>6} {_figure(part.calibration_error):>11}"
        for part in found
    ]
    if unheard:
        lines.append(f"{unheard} held too little voice and scored as calm")
    return "\n".join(lines)


def _heard(line: Line, path: Path) -> Prosody | None:
    return analyse(through(line, path))


def _drawn(rows: Sequence[Row], own: Sequence[int], mode: ReferenceMode, chance: np.random.Generator) -> list[int]:
    if mode == "none":
        return []
    pool = [n for n in own if (rows[n].angry if mode == "angry" else rows[n].baseline)]
    if len(pool) < REFERENCE_UTTERANCES:
        wanted = "angry rows" if mode == "angry" else "rows with baseline=1"
        raise EvaluationError(
            f"speaker {rows[own[0]].speaker} has {len(pool)} {wanted}, {REFERENCE_UTTERANCES} are needed; add some or use --reference none"
        )
    return [int(n) for n in chance.choice(pool, REFERENCE_UTTERANCES, replace=False)]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
