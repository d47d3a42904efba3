"""A program that talks as Piper's command line does, and misbehaves on request: said to by the words of its text."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

PROGRAM = r"""
import math, os, struct, sys, time, wave

folder = sys.argv[sys.argv.index("--output-dir") + 1]
model = sys.argv[sys.argv.index("--model") + 1]
if "dead" in model:
    sys.exit("Load model failed: " + model)
if "mute" in model:
    time.sleep(600)
for number, line in enumerate(sys.stdin):
    text = line.strip()
    if "die" in text:
        sys.exit("segmentation fault, so to speak")
    if "hang" in text:
        time.sleep(600)
    if "elsewhere" in text:
        print("INFO:__main__:Wrote /etc/passwd.wav", file=sys.stderr, flush=True)
        continue
    if "chatter" in text:
        sys.stderr.write("x" * 200_000 + "\n" + "WARNING:piper:what a day\n" * 50)
    path = os.path.join(folder, f"{number}.wav")
    with wave.open(path, "wb") as out:
        out.setparams((2 if "stereo" in text else 1, 2, 22050, 0, "NONE", ""))
        samples = [0 if "silence" in text else round(9000 * math.sin(n / 8)) for n in range(1000 * len(text))]
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    if "half" in text:
        os.truncate(path, 20)
    print(f"INFO:__main__:Wrote {path}", file=sys.stderr, flush=True)
"""


def pretender(folder: Path) -> str:
    """The program as an executable file in `folder`."""
    path = folder / "pretender"
    path.write_text(f"#!{sys.executable} -S\n{PROGRAM}", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)
