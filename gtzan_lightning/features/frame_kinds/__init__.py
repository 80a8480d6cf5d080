"""The kinds of frame features: a module each, found by its name, which is that of `features=<name>`.

A module says `SETTINGS` (the fields of `FrameSettings` that it reads beside frame length, hop and deltas; part of the
cache key), `columns(settings)` (one name a feature, without deltas) and `rows(power, settings)`, which turns a power
spectrum `(frames, bins)` into features `(frames, columns)`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))


def kind_named(name: str) -> Any:
    """The module of a kind.

    Raises:
        KeyError: there is no such kind.
    """
    if name not in NAMES:
        raise KeyError(f"no frame features {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")
