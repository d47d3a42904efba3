"""Manifests of the emotion corpora we know by their file names: EmoDB, RAVDESS and CASIA. What may be trained on stands in models/anger.md.

`python -m voicebot.evaluate.corpora FOLDER OUT` writes OUT/emodb.csv, ravdess.csv and casia.csv for what lies in FOLDER.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from voicebot.errors import EvaluationError
from voicebot.evaluate.manifest import Row, write

_EMODB = {"W": "anger", "N": "neutral", "L": "boredom", "E": "disgust", "A": "fear", "F": "happy", "T": "sad"}
_EMODB_MEN = {"03", "10", "11", "12", "15"}
_RAVDESS = {"01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "anger", "06": "fear", "07": "disgust", "08": "surprise"}
_RAVDESS_TEXT = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}
_CASIA_WOMEN = {"liuchanhg", "zhaoquanyin"}


def emodb(folder: Path) -> Iterator[Row]:
    """Names such as 03a01Wa: speaker, sentence, emotion, take."""
    for path in sorted(folder.glob("*.flac")):
        speaker = path.stem[:2]
        yield _row(path, f"emodb-{speaker}", _EMODB[path.stem[5]], language="de", text="", sex="male" if speaker in _EMODB_MEN else "female")


def ravdess(folder: Path) -> Iterator[Row]:
    """Names such as 03-01-05-02-01-01-12: the third field is the emotion, the fifth the sentence, the seventh the actor (odd: male)."""
    for path in sorted(folder.glob("*/*.flac")):
        fields = path.stem.split("-")
        sex = "male" if int(fields[6]) % 2 else "female"
        yield _row(path, f"ravdess-{fields[6]}", _RAVDESS[fields[2]], language="en", text=_RAVDESS_TEXT[fields[4]], sex=sex)


def casia(folder: Path) -> Iterator[Row]:
    """Folders speaker/emotion/number, and the sentences in a text file beside the speakers."""
    texts = {number: text for file in folder.glob("*.txt") for number, text in re.findall(r"(\d+)\.\s*(\S+)", file.read_text("utf-8"))}
    for path in sorted(folder.glob("*/*/*.flac")):
        speaker, kind = path.parts[-3], path.parts[-2]
        sex = "female" if speaker in _CASIA_WOMEN else "male"
        yield _row(path, f"casia-{speaker}", "anger" if kind == "angry" else kind, language="zh", text=texts.get(path.stem, ""), sex=sex)


def write_manifests(folder: Path, out: Path) -> list[Path]:
    """Manifests for the corpora that lie in `folder`. Raises EvaluationError when none does."""
    found = {"emodb": list(emodb(folder / "emodb-de")), "ravdess": list(ravdess(folder / "ravdess-en")), "casia": list(casia(folder / "casia-zh"))}
    if not any(found.values()):
        raise EvaluationError(f"{folder}: none of emodb-de, ravdess-en, casia-zh with FLAC files in it")
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in found.items():
        write(out / f"{name}.csv", rows)
    return [out / f"{name}.csv" for name, rows in found.items() if rows]


def _row(path: Path, speaker: str, kind: str, *, language: str, text: str, sex: str) -> Row:
    return Row(str(path.resolve()), speaker, "anger" if kind == "anger" else "other", kind, language, text, kind == "neutral", sex)


if __name__ == "__main__":
    print("\n".join(map(str, write_manifests(Path(sys.argv[1]), Path(sys.argv[2])))))
