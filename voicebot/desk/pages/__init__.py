"""The desk's pages, one module each. A module registers its pages by being imported; `MODULES` names them all."""

from __future__ import annotations

from importlib import import_module

MODULES = ("agent", "call", "calls", "insight", "pop", "wall", "phone", "review", "history")


def load() -> None:
    """Import every page."""
    for name in MODULES:
        import_module(f"{__name__}.{name}")
