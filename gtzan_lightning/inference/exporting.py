"""A trained run as files that need nothing of this project: the model, how its input is made, what it is good for.

MERGED: The file formats of a model that leaves this project: writing each, and running what was written. | On which examples an export is compared with its original: the run's own where they are at hand.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.datamodule.slices import step_table
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.inference.export_formats import FORMATS, graph_of
from gtzan_lightning.inference.input_sheet import input_sheet
from gtzan_lightning.inference.trained_run import TrainedRun
from gtzan_lightning.models.portable import PortableModel
from gtzan_lightning.report.model_card import model_card
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.training.results import read_clusters
from gtzan_lightning.training.split_data import open_data
from gtzan_lightning.utils.files import replacing, write_text

COMPARED = 256  # slices; spread over validation and test part


def checking_inputs(run: TrainedRun) -> tuple[NDArray[np.float32], str]:
    """Raw features `(slices, steps, features)` to compare on, and where they come from, in words.

    They are slices of the run's validation and test parts. Where its data cannot be opened, or are not the same any
    more, they are drawn from the distribution of each feature in the training part, which the checkpoint has.
    """
    own = _own_slices(run)
    if own is not None:
        return own, f"{len(own)} slices of the run's own validation and test parts"
    drawn = _drawn(run.standardisation, (COMPARED, *run.shape))
    return drawn, f"{len(drawn)} examples drawn from the distribution of each feature (the run's data are not at hand)"


def _own_slices(run: TrainedRun) -> NDArray[np.float32] | None:
    if run.card is None:
        return None  # a checkpoint alone does not know which data were its own
    try:
        data = open_data(run.config, refuse=False)
    except GtzanError:
        return None
    if data.corpus.sha256 != run.card["data"]["sha256"] or data.features.columns != run.columns:
        return None
    held_out = np.flatnonzero(np.isin(data.parts, ("val", "test")))
    chosen = held_out[np.unique(np.linspace(0, len(held_out) - 1, COMPARED).round().astype(int))]
    values, step_index = step_table(data.features, data.slices)
    return np.asarray(values[step_index[chosen]], np.float32)


def _drawn(scale: Standardisation, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Each feature by itself, from its quantiles or from a normal distribution; a few lie beyond what training saw."""
    random = np.random.default_rng(0)
    if not len(scale.quantiles):
        return (scale.mean + scale.scale * random.normal(size=shape)).astype(np.float32)
    last = len(scale.quantiles) - 1
    place = random.uniform(-0.01, 1.01, size=shape) * last
    low = np.clip(np.floor(place).astype(int), 0, last - 1)
    column = np.arange(shape[-1])
    below, above = scale.quantiles[low, column], scale.quantiles[low + 1, column]
    return (below + (place - low) * (above - below)).astype(np.float32)


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
        card = model_card(run.card, read_predictions(folder.predictions), read_clusters(folder))
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
