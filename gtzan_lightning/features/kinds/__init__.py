"""Kinds of features from audio: one module per `features=<name>`, found by name.

Each module defines `FRAMED`, `SETTINGS` (the fields of `FrameSettings` that it reads; part of the cache key) and
`columns(settings)` (the names of the features). A row of a framed kind is a frame of the spectrum:
`rows(power, settings)` maps a power spectrum `(frames, bins)` to `(frames, columns)`; deltas are appended where they
are requested. A row of any other kind is a window of the signal: `rows(signal, window_s, settings, weights_dir)` maps
`(samples,)` to `(windows, columns)`, and `min_samples(window_s, settings)` is the length of the shortest signal with a
row. A kind with trained weights also defines `REQUIRED` (settings that it was trained with), `PRETRAINED` (its source,
for run cards) and `prepare(weights_dir)`, which raises a `GtzanError` if the weights are missing. `DROPPED` names
columns that `GenreDataModule` leaves out, as the configuration does with `features.drop`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))


def kind_named(name: str) -> Any:
    """The module of a kind of features.

    Raises:
        KeyError: There is no such kind.
    """
    if name not in NAMES:
        raise KeyError(f"no features {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")


def pretraining(name: str) -> dict[str, str] | None:
    """Source and training data of the pretrained network behind these features; None if there is none."""
    source: dict[str, str] | None = getattr(kind_named(name), "PRETRAINED", None) if name in NAMES else None
    return source


def is_framed(name: str) -> bool:
    """Whether a row of these features is a short frame instead of a window; False for features of unknown kind."""
    return name in NAMES and bool(kind_named(name).FRAMED)
