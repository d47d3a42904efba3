"""Where the weights lie that the settings name. It looks, and opens nothing."""

from __future__ import annotations

from pathlib import Path


def path_of(named: str, folder: Path, suffix: str = "") -> Path:
    """A name is a model in `folder`, as `voicebot models pull` leaves it: its folder, or with a `suffix` the file in it that ends so. What has a
    slash in it, or ends so, is a path."""
    if "/" in named or (suffix and named.endswith(suffix)):
        return Path(named)
    home = folder / named
    return next(iter(sorted(home.rglob(f"*{suffix}"))), home / f"{named}{suffix}") if suffix else home
