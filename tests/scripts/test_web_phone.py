"""How the SIP library of browser phones is fetched: by npm where there is one, held against its hash, and put in place whole or not at all."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/lib/web-phone.sh"
FOLDER = Path("voicebot/desk/static/vendor/sip.js")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as npm gives it, and an npm that gives it."""
    index = tmp_path / "package/lib/index.js"
    index.parent.mkdir(parents=True)
    index.write_text("export const name = 'sip.js';\n")
    archive = tmp_path / "registry.tgz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tmp_path / "package", "package")
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\ncp {archive} "$4/sip.js-0.tgz"\necho "$5" >{tmp_path}/asked\necho sip.js-0.tgz\n')
    npm.chmod(0o755)
    return archive


def bash(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    script = f'set -euo pipefail; . "{SCRIPT}"; {command}'
    path = f"{folder}/bin:/usr/bin:/bin"
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False, env={"PATH": path})


def test_what_has_the_pinned_hash_is_put_in_place(tmp_path: Path, package: Path) -> None:
    pinned = hashlib.sha512(package.read_bytes()).hexdigest()
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "of-an-older-version").touch()
    assert bash(tmp_path, "has_web_phone").returncode == 1
    done = bash(tmp_path, f"sip_js_sha512={pinned}; add_web_phone && has_web_phone")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text() == "sip.js@0.21.2\n"
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["VERSION", "lib"]
    assert [path.name for path in (tmp_path / FOLDER).parent.iterdir()] == ["sip.js"]


def test_what_has_another_hash_is_refused_and_what_was_there_stays(tmp_path: Path, package: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "VERSION").write_text("0.1\n")
    done = bash(tmp_path, "add_web_phone")
    assert done.returncode == 1
    assert "not the one that was pinned" in done.stdout
    assert (tmp_path / FOLDER / "VERSION").read_text() == "0.1\n"
    assert package.exists()


def test_an_npm_that_fails_fails_the_step(tmp_path: Path, package: Path) -> None:
    (tmp_path / "bin/npm").write_text("#!/bin/sh\nexit 1\n")
    assert bash(tmp_path, "add_web_phone").returncode != 0
    assert not (tmp_path / FOLDER).exists()
    assert package.exists()
