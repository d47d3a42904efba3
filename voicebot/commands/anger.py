"""`voicebot evaluate words` and `voicebot evaluate calls`."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from voicebot.commands.options import AsJson


def evaluate_words(
    *,
    texts: Annotated[
        Path | None, typer.Option("--list", help="CSV: text, label (anger|other), and kind, language if known; or .tsv of GoEmotions.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the list, where it names none.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Every text with its score and the reasons, as CSV.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how well words alone tell anger: on the telephone sentences that nothing was trained on, or on a list of your own."""
    from voicebot.evaluate import words
    from voicebot.evaluate.sentences import sentences

    chosen = words.read(texts, language) if texts else [text for each in ("en", "zh") for text in words.of_sentences(sentences(each), each)]
    judged = words.judge(chosen)
    found, confusions = words.report(judged)
    parts = {"figures": [asdict(part) for part in found], "confusions": [asdict(one) for one in confusions]}
    print(json.dumps(parts, ensure_ascii=False) if as_json else words.table(found, confusions))
    if out:
        with out.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "label", "kind", "language", "score", "evidence"))
            for one in judged:
                label = "anger" if one.text.angry else "other"
                rows.writerow((one.text.text, label, one.text.kind, one.text.language, f"{one.score:.6f}", "; ".join(one.evidence)))


def evaluate_calls(
    *,
    manifest: Annotated[
        Path, typer.Option(help="CSV as for `evaluate anger`: each speaker needs calm or neutral, happy or surprised, and angry rows.")
    ],
    calls: Annotated[int, typer.Option(help="Simulated calls of each kind.", min=2)] = 300,
    word_errors: Annotated[float, typer.Option(help="Percent of words that the recogniser loses.", min=0, max=90)] = 10.0,
    seed: Annotated[int, typer.Option(help="Draws recordings and sentences.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Simulate calls of eight utterances, and show who is handed over for anger: a simulation, no measurement of callers."""
    from voicebot.emotion.voice import Voice
    from voicebot.evaluate import calls as simulation
    from voicebot.evaluate import calls_report as report
    from voicebot.evaluate import manifest as listed

    found = simulation.recordings(listed.read(manifest), manifest, seed)
    made = [call for kind in simulation.KINDS for call in simulation.simulated(found, kind, calls, word_errors / 100, seed)]
    judged = simulation.judged_by_all(made, Voice.load())
    rates, compared = report.rates(judged), report.apart(judged, seed)
    parts = {"simulation": True, "rates": [asdict(rate) for rate in rates], "apart": [asdict(one) for one in compared]}
    print(json.dumps(parts) if as_json else report.table(rates, compared))
