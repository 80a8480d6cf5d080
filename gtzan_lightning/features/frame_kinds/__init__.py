"""Kinds of frame features: one module per `features=<name>`, found by name.

Each module defines `SETTINGS` (the fields of `FrameSettings` that it reads beside frame length, hop and deltas; part
of the cache key), `columns(settings)` (the names of the features, without deltas) and `rows(power, settings)` (power
spectrum `(frames, bins)` to features `(frames, columns)`).
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))


def kind_named(name: str) -> Any:
    """The module of a kind of frame features.

    Raises:
        KeyError: There is no such kind.
    """
    if name not in NAMES:
        raise KeyError(f"no frame features {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")
