"""Music genre classification on GTZAN: audio or feature tables in, scores that state how they were obtained out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gtzan_lightning.inference.file_inference import predict
    from gtzan_lightning.inference.trained_run import load_run

__all__ = ["load_run", "predict"]
__version__ = "0.1.0"

HOMES = {"load_run": "gtzan_lightning.inference.trained_run", "predict": "gtzan_lightning.inference.file_inference"}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for: the command line answers before torch is there (PEP 562)."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
