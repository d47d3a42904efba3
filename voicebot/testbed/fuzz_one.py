"""One parser under Atheris, in a process of its own, which libFuzzer ends: `python -m voicebot.testbed.fuzz_one NAME INPUTS SEED FOLDER`.

The parsers are imported under instrumentation, so inputs that reach new lines are kept and built upon. An input that breaks one is left in FOLDER.
Source: https://github.com/google/atheris and https://llvm.org/docs/LibFuzzer.html#options
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["voicebot", "yaml", "tomllib"]):
    from voicebot.testbed.fuzz import PARSERS
from voicebot.testbed.mutate import json_mutated

MAX_BYTES = 2_048


def main(name: str, inputs: int, seed: int, folder: Path) -> None:
    """Prints `{"parsed": n, "refused": n}` after the last input; exits with a status that is not 0 when an input breaks the parser."""
    parser, counts = PARSERS[name], [0, 0]
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, valid in enumerate(parser.seeds):
        (corpus / f"seed-{number}").write_bytes(valid)
    with parser.opened() as take:

        def one(data: bytes) -> None:
            counts[parser.taken(take, data)] += 1
            if sum(counts) == inputs:
                print(json.dumps({"parsed": counts[True], "refused": counts[False]}), flush=True)

        options = (f"-runs={inputs}", f"-seed={seed}", f"-max_len={MAX_BYTES}", f"-artifact_prefix={folder}/{name}-", "-print_final_stats=1")
        atheris.Setup([sys.argv[0], *options, str(corpus)], one, **({"custom_mutator": partial(_mutated, parser.seeds)} if parser.json else {}))
        atheris.Fuzz()


def _mutated(seeds: tuple[bytes, ...], data: bytes, max_bytes: int, seed: int) -> bytes:
    """Every other time a valid input made odd: a JSON parser in C shows no lines, so libFuzzer keeps few of those."""
    changed = json_mutated(seeds[seed // 2 % len(seeds)], seed) if seed % 2 else None
    return changed[:max_bytes] if changed is not None else bytes(atheris.Mutate(data, max_bytes))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
