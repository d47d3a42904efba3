"""`voicebot evaluate asr`: the recogniser that the settings name, on recordings with their text, heard through a telephone line. It trains nothing.

The recogniser runs as it does in calls: the same worker processes, the same wordings of the knowledge base.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

from voicebot.errors import EngineError, EvaluationError
from voicebot.evaluate.telephone import Line, through
from voicebot.evaluate.wording import Edits, characters, edits, interval, words
from voicebot.speech.asr import Recogniser
from voicebot.values import SAMPLE_RATE_HZ, Transcript, duration_ms

SOUNDS = {".wav", ".flac"}
PIECE_BYTES = SAMPLE_RATE_HZ * 2 // 10
WAITING_MS = 4_000
"""Audio a worker may have waiting: beyond it the next piece waits, as it would in a call."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Recording:
    """A file and what is said in it."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one recording. `fault` is why there are no words, when the recogniser gave none at all."""

    recording: Recording
    transcript: Transcript
    audio_ms: int
    settle_ms: float
    fault: str = ""

    @property
    def words(self) -> Edits:
        return edits(words(self.recording.text), words(self.transcript.text))

    @property
    def characters(self) -> Edits:
        return edits(characters(self.recording.text), characters(self.transcript.text))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one line. Rates are edits a unit of what was said; `low` and `high` bound the word error rate of 95 of 100 such samples. `nothing` counts
    recordings that came back without a word, `faults` those the recogniser refused."""

    line: str
    recordings: int
    words: Edits
    word_error: float
    low: float
    high: float
    character_error: float
    exact: float
    nothing: int
    faults: int
    confidence: float
    audio_s: float


def recordings(source: Path) -> list[Recording]:
    """From a CSV with columns path and text, paths absolute or beside it; or from a folder, where each sound has a .txt of its name. Raises
    EvaluationError naming what is missing."""
    found = list(_from_folder(source) if source.is_dir() else _from_csv(source))
    if not found:
        raise EvaluationError(f"{source}: holds no recordings; give a CSV with columns path,text, or a folder of .wav and .txt of the same name")
    return found


async def listen(recogniser: Recogniser, found: Sequence[Recording], line: Line, progress: Progress = lambda _done, _of: None) -> list[Heard]:
    """Every recording through `line` and the recogniser, which runs already: as many at a time as it has workers. Raises EvaluationError for a
    recording that cannot be read."""
    done = 0
    free = asyncio.Semaphore(max(1, len(recogniser.workers)))

    async def one(recording: Recording) -> Heard:
        nonlocal done
        async with free:
            heard = await _heard(recogniser, recording, await asyncio.to_thread(through, line, recording.path))
        done += 1
        progress(done, len(found))
        return heard

    async with asyncio.TaskGroup() as scope:
        tasks = [scope.create_task(one(recording)) for recording in found]
    return [task.result() for task in tasks]


def figures(name: str, heard: Sequence[Heard], seed: int = 0) -> Figures:
    """What `heard` amounts to."""
    each = [one.words for one in heard]
    total, letters = sum(each, Edits()), sum((one.characters for one in heard), Edits())
    spoke = [one.transcript.confidence for one in heard if one.transcript.text]
    low, high = interval(each, seed)
    return Figures(
        line=name,
        recordings=len(heard),
        words=total,
        word_error=total.rate,
        low=low,
        high=high,
        character_error=letters.rate,
        exact=sum(not one.count for one in each) / max(1, len(each)),
        nothing=sum(not one.transcript.text for one in heard),
        faults=sum(bool(one.fault) for one in heard),
        confidence=sum(spoke) / len(spoke) if spoke else 0.0,
        audio_s=sum(one.audio_ms for one in heard) / 1000,
    )


def plain(found: Figures) -> dict[str, object]:
    """For JSON."""
    return asdict(found)


def table(found: Sequence[Figures]) -> str:
    """The figures as lines for a person."""
    lines = [f"{'line':<34} {'n':>4} {'words':>6} {'WER':>6} {'95 % of samples':>16} {'CER':>6} {'exact':>6} {'empty':>5} {'faults':>6} {'sure':>5}"]
    lines += [
        f"{one.line:<34} {one.recordings:>4} {one.words.length:>6} {one.word_error:>6.1%} {f'{one.low:.1%} – {one.high:.1%}':>16} "
        f"{one.character_error:>6.1%} {one.exact:>6.0%} {one.nothing:>5} {one.faults:>6} {one.confidence:>5.2f}"
        for one in found
    ]
    return "\n".join(lines)


def write(path: Path, by_line: Mapping[str, Sequence[Heard]]) -> None:
    """A CSV with one row a recording and line: what was said, what was heard, how surely, and how many words were wrong."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("line", "path", "said", "heard", "confidence", "wrong", "words", "fault"))
        for name, heard in by_line.items():
            for one in heard:
                wrong, said = one.words, one.transcript
                out.writerow((name, one.recording.path, one.recording.text, said.text, said.confidence, wrong.count, wrong.length, one.fault))


async def _heard(recogniser: Recogniser, recording: Recording, pcm: bytes) -> Heard:
    stream = recogniser.stream()
    try:
        for start in range(0, len(pcm), PIECE_BYTES):
            stream.feed(pcm[start : start + PIECE_BYTES])
            while max((worker.backlog_ms for worker in recogniser.workers), default=0) > WAITING_MS:  # noqa: ASYNC110 - what is waited for is the far end of a socket
                await asyncio.sleep(0.01)
        began_s = monotonic()
        transcript = await stream.settle()
    except EngineError as error:
        return Heard(recording, Transcript("", 0.0), duration_ms(pcm), 0.0, str(error))
    finally:
        stream.close()
    return Heard(recording, transcript, duration_ms(pcm), (monotonic() - began_s) * 1000)


def _from_folder(folder: Path) -> Iterator[Recording]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS):
        text = path.with_suffix(".txt")
        if not text.is_file():
            raise EvaluationError(f"{path}: no {text.name} beside it with what is said; write it, or list the recordings in a CSV")
        yield Recording(path, text.read_text(encoding="utf-8-sig").strip())


def _from_csv(source: Path) -> Iterator[Recording]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if missing := {"path", "text"} - set(table.fieldnames or ()):
                raise EvaluationError(f"{source}: no column {', '.join(sorted(missing))}; it needs path and text")
            for row in table:
                path = source.parent / (row["path"] or "")
                if not path.is_file():
                    raise EvaluationError(
                        f"{source}, line {table.line_num}: {row['path']} does not exist; paths are absolute or start at {source.parent}"
                    )
                yield Recording(path, (row["text"] or "").strip())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{source}: cannot be read ({error}); give a CSV file in UTF-8, or a folder") from error
