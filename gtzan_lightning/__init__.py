"""Music genre classification on GTZAN: audio or feature tables in, scores that state how they were obtained out."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gtzan_lightning.config.composition import compose
    from gtzan_lightning.corpus.loading import open_corpus
    from gtzan_lightning.datamodule.genre_datamodule import GenreDataModule
    from gtzan_lightning.inference.evaluation_run import evaluate
    from gtzan_lightning.inference.file_inference import predict
    from gtzan_lightning.inference.trained_run import load_run
    from gtzan_lightning.models import MLP, BiLSTM, ConvLSTM, GenreModule, ResLSTM
    from gtzan_lightning.runs.records import compare
    from gtzan_lightning.training.audit_targets import audit
    from gtzan_lightning.training.train import train

__all__ = [
    "MLP",
    "BiLSTM",
    "ConvLSTM",
    "GenreDataModule",
    "GenreModule",
    "ResLSTM",
    "audit",
    "compare",
    "compose",
    "evaluate",
    "load_run",
    "open_corpus",
    "predict",
    "train",
]
__version__ = "0.2.0"

# Lightning imports torchmetrics, which imports onnxruntime where it is installed: that contacts a host on import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# torch allocates arrays of 2 MB and more in huge pages where Linux has them: features take less time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

_MODULES = {
    "audit": "training.audit_targets",
    "compare": "runs.records",
    "compose": "config.composition",
    "evaluate": "inference.evaluation_run",
    "load_run": "inference.trained_run",
    "open_corpus": "corpus.loading",
    "GenreDataModule": "datamodule.genre_datamodule",
    **dict.fromkeys(("MLP", "BiLSTM", "ConvLSTM", "GenreModule", "ResLSTM"), "models"),
    "predict": "inference.file_inference",
    "train": "training.train",
}


def _load(name: str) -> Any:
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __getattr__(name: str) -> Any:
    """Imports a public name on first use (PEP 562): the command line starts without torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)


class _Package(ModuleType):
    """`gtzan_lightning.audit` is a subpackage too; as an attribute it is the function, whatever was imported before."""

    @property
    def audit(self) -> Any:
        """The public function."""
        return _load("audit")

    @audit.setter
    def audit(self, subpackage: ModuleType) -> None:
        """The import system sets the subpackage here; imports of its modules do not need the attribute."""


sys.modules[__name__].__class__ = _Package
