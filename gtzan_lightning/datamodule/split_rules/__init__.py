"""Split rules: one module per `split=<name>`, found by name.

Each module defines `GROUP_BY` (the kind of group that is assigned, for the run card), `KEEPS` (what is never divided
between parts: "track", "recording", "artist"; verified by the audit) and `HAS_FOLDS`. A rule that keeps tracks whole
defines `track_parts(corpus, rule)`, which returns the part of each track, `(tracks,)`; others define
`slice_parts(corpus, slices, rule)`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))


def rule_named(name: str) -> Any:
    """The module of a split rule.

    Raises:
        KeyError: There is no such rule.
    """
    if name not in NAMES:
        raise KeyError(f"no split rule {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")
