"""The rules of the config group `split`: a module each, found by its name.

A module says `GROUP_BY` (what is drawn, for the record), `KEEPS` (what it promises to keep in one part: "track",
"recording", "artist"; the audit holds it to that) and `HAS_FOLDS`. If it keeps tracks, it has
`track_parts(corpus, rule)`, which returns the part of each track, `(tracks,)`; if not, it has
`slice_parts(corpus, slices, rule)`. `assignment.assign` draws.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))


def rule_named(name: str) -> Any:
    """The module of a rule.

    Raises:
        KeyError: there is no such rule.
    """
    if name not in NAMES:
        raise KeyError(f"no split rule {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")
