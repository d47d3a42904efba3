"""Certificates for tests, made by `openssl`: an authority of its own and a server certificate that it signed. Never used in production."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from voicebot.errors import VoicebotError

PROGRAM = "openssl"
_NEW = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Certificates:
    """`certificate` and `key` of a server, and the `authority` that signed: PEM files of the same names in one folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"


async def certificates(folder: Path, *names: str) -> Certificates:
    """Make them in `folder` for a server called by these `names`, such as "IP:127.0.0.1" or "DNS:pbx.example". Raises VoicebotError."""
    if shutil.which(PROGRAM) is None:
        raise VoicebotError("there is no openssl here; apt-get install openssl")
    made = Certificates(folder)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    authority_key = folder / "ca-key.pem"
    await _openssl("-subj", "/CN=an authority for tests", "-keyout", str(authority_key), "-out", str(made.authority))
    signed = ("-CA", str(made.authority), "-CAkey", str(authority_key), "-addext", "basicConstraints=critical,CA:FALSE")
    name = names[0].partition(":")[2]
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName={','.join(names)}")
    await _openssl(*signed, *subject, "-keyout", str(made.key), "-out", str(made.certificate))
    return made


async def _openssl(*options: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, *_NEW, *options), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    said = (await process.communicate())[1].decode(errors="replace").strip().splitlines()
    if process.returncode:
        raise VoicebotError(f"openssl made no certificate: {said[-1] if said else 'it gave no reason'}")
