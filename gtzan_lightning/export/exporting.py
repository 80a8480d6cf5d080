"""A trained run as files that need nothing of this project: the model, how its input is made, what it is good for."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gtzan_lightning.atomic import replacing, write_text
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.export.formats import FORMATS, graph_of
from gtzan_lightning.export.input_sheet import input_sheet
from gtzan_lightning.export.inputs import checking_inputs
from gtzan_lightning.models.portable import PortableModel
from gtzan_lightning.prediction.trained import TrainedRun
from gtzan_lightning.report.model_card import model_card
from gtzan_lightning.runs.folder import RunFolder
from gtzan_lightning.runs.results import read_units

TOLERANCE = 1e-4  # of a probability, between the original and what was written


@dataclass(frozen=True)
class Exported:
    """What an export left, and how it was checked."""

    files: tuple[Path, ...]  # the model, its preprocessing, and the model card if the run has a folder
    largest_difference: float  # of a probability from the original's
    source: str  # of the examples that were compared, in words


def export_run(run: TrainedRun, file: Path, to: str, *, overwrite: bool = False) -> Exported:
    """Writes the model to one file, its preprocessing beside it as JSON, and a model card as Markdown.

    The file takes raw features and gives calibrated probabilities; it is run with the other program's means and
    compared with the original before it gets its name.

    Args:
        run: from `load_run`.
        file: the model's file; the others have its name with `.json` and `.md`.
        to: `onnx` or `torch-export`.
        overwrite: whether files that are there may be replaced.

    Raises:
        GtzanError: a package is missing, a file is in the way, or the difference is too large; then nothing is left.
    """
    written = FORMATS[to]
    written.check_installed()
    texts = _texts(run, file, to)
    files = (file, *texts)
    _check_files(files, written.suffix, overwrite)
    x, source = checking_inputs(run)
    expected = run.probabilities(x)
    graph = graph_of(PortableModel(run.model, run.standardisation, run.temperature or 1.0), *run.shape)
    with replacing(file) as temporary:
        written.write(graph, temporary)
        # together and one alone: the number of examples must be free
        pairs = ((written.run(temporary, x), expected), (written.run(temporary, x[:1]), expected[:1]))
        difference = max(float(np.abs(found - wanted).max()) for found, wanted in pairs)
        _check_difference(difference, file, source)
    for path, text in texts.items():
        write_text(path, text)
    return Exported(files, difference, source)


def _texts(run: TrainedRun, file: Path, to: str) -> dict[Path, str]:
    """What goes beside the model: its preprocessing, and a card where the run's folder has scores."""
    sheet = json.dumps(input_sheet(run, file.name, to), indent=1, ensure_ascii=False)
    texts = {file.with_suffix(".json"): sheet + "\n"}
    folder = RunFolder(run.path.parent)
    if run.card is not None and folder.is_done():
        card = model_card(run.card, read_predictions(folder.predictions), read_units(folder))
        texts[file.with_suffix(".md")] = card
    return texts


def _check_files(files: tuple[Path, ...], suffix: str, overwrite: bool) -> None:
    """Refuses a name of another kind, a folder that is not there, and files that are."""
    file = files[0]
    if file.suffix != suffix:
        raise GtzanError(f"{file}: the name should end in {suffix}.")
    if not file.parent.is_dir():
        raise GtzanError(f"{file.parent}: there is no such folder. Make it first.")
    if not os.access(file.parent, os.W_OK):
        raise GtzanError(f"{file.parent}: no permission to write there. Name another file with --output.")
    there = [str(path) for path in files if path.exists()]
    if there and not overwrite:
        raise GtzanError(f"{', '.join(there)}: already there. Name another file with --output, or add --overwrite.")


def _check_difference(difference: float, file: Path, source: str) -> None:
    if not difference <= TOLERANCE:  # a difference that is no number is refused too
        raise GtzanError(
            f"{file}: not written. On {source} its probabilities differ by up to {difference:.2g} from the original's, "
            f"and {TOLERANCE:g} is allowed. Try the other format with --to."
        )
