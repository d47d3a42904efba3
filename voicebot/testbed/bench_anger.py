"""What anger costs and tells without any corpus: processor time per second of speech, how soon figures come, and the word model on its sentences."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soxr

from voicebot.errors import VoicebotError
from voicebot.prosodist import Prosodist
from voicebot.testbed.audio import RATE_HZ
from voicebot.testbed.bench_figures import Figure, Result
from voicebot.testbed.g711 import Samples
from voicebot.testbed.synth import synth
from voicebot.values import SAMPLE_RATE_HZ

TEXTS = (
    "how do i reset my voicemail pin",
    "this is the third time i am calling about the same bill and nobody does anything",
    "i would like to change my address because we are moving in june",
    "can i keep my number if i switch to you",
)
VOICES = ("flite:rms", "flite:slt")
ROUNDS = 5
STARTS_S = 300.0
BARS = {"CPU per second of speech": 25.0, "words": 92.0}


async def anger(cache: Path, progress: Callable[[str], None]) -> Result:
    """`cache` is the folder of librosa's compiled functions. Raises VoicebotError when a voice or the worker is missing."""
    progress("listening")
    with TemporaryDirectory() as folder:
        spoken = [widened(await synth(text, voice, Path(folder))) for text in TEXTS for voice in VOICES]
    waits_ms = await _waits_ms(cache, spoken)
    progress("words")
    found = json.loads(await _command("evaluate", "words", "--json"))["figures"]
    return Result((*cost(spoken), Figure("figures after the end of an utterance, p95", float(np.percentile(waits_ms, 95)), "ms"), *words(found)))


def widened(samples: Samples) -> bytes:
    """16 kHz pcm, as calls have it."""
    return bytes(np.rint(soxr.resample(samples.astype(np.float64), RATE_HZ, SAMPLE_RATE_HZ)).astype("<i2").tobytes())


def cost(spoken: Sequence[bytes]) -> tuple[Figure, ...]:
    """Processor time of the analysis, in this process, once it is warm."""
    from voicebot.emotion.prosody import analyse  # noqa: PLC0415 - it compiles: only who measures it pays

    analyse(spoken[0])
    speech_s = ROUNDS * sum(len(pcm) for pcm in spoken) / (2 * SAMPLE_RATE_HZ)
    began_s = time.process_time()
    for pcm in list(spoken) * ROUNDS:
        analyse(pcm)
    ms = (time.process_time() - began_s) * 1000 / speech_s
    name = "CPU per second of speech"
    return (Figure(name, ms, "ms", BARS[name]), Figure("CPU of 100 calls, 40 s of speech a second", 100 * 40 * ms / 1000, "%", 100.0))


def words(found: Sequence[dict[str, float]]) -> tuple[Figure, ...]:
    """AUC of each language on the sentences that nothing was trained on."""
    return tuple(Figure(f"words {part['group']}: AUC", 100 * float(part["auc_all"]), "%", BARS["words"], at_most=False) for part in found)


async def _waits_ms(cache: Path, spoken: Sequence[bytes]) -> list[float]:
    prosodist = Prosodist(cache, 1)
    async with asyncio.TaskGroup() as scope:
        running = scope.create_task(prosodist.run())
        async with asyncio.timeout(STARTS_S):
            while not prosodist.ready:
                if running.done():
                    raise VoicebotError("the prosody worker cannot start; see the log for why")
                await asyncio.sleep(0.1)
        waits_ms = [await _wait_ms(prosodist, pcm) for pcm in [spoken[0], *spoken]][1:]
        running.cancel()
    return waits_ms


async def _wait_ms(prosodist: Prosodist, pcm: bytes) -> float:
    utterance = prosodist.utterance()
    utterance.feed(pcm)
    began_s = time.monotonic()
    utterance.settle()
    await utterance.answered(STARTS_S)
    utterance.close()
    return (time.monotonic() - began_s) * 1000


async def _command(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "voicebot", *arguments, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise VoicebotError(f"voicebot {' '.join(arguments)} ended with status {process.returncode}")
    return out.decode()
