"""Exports a trained run: the model, a description of its input as JSON, and a model card."""

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
from gtzan_lightning.runs.records import read_clusters
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.training.split_data import open_data
from gtzan_lightning.utils.files import replacing, write_text

COMPARED = 256  # slices, spread over validation and test part
TOLERANCE = 1e-4  # largest difference of a probability between the original and the exported model


@dataclass(frozen=True)
class Exported:
    """The files of an export and the result of its verification."""

    files: tuple[Path, ...]  # the model, the description of its input, and the model card if the run has a folder
    largest_difference: float  # of a probability from that of the original
    source: str  # of the examples that were compared, as text


def export_run(run: TrainedRun, file: Path, to: str, *, overwrite: bool = False) -> Exported:
    """Writes the model to one file, with its input described as JSON and a model card as Markdown beside it.

    The exported model maps raw features to calibrated probabilities. It is run by its own runtime and compared with
    the original before it gets its name.

    Args:
        run: from `load_run`.
        file: path of the model; the other files have its name with `.json` and `.md`.
        to: `onnx` or `torch-export`.
        overwrite: whether existing files may be replaced.

    Raises:
        GtzanError: a package is missing, a file exists, or the difference is too large; then no file is written.
    """
    export_format = FORMATS[to]
    export_format.check_installed()
    texts = _texts(run, file, to)
    files = (file, *texts)
    _check_files(files, export_format.suffix, overwrite)
    x, source = checking_inputs(run)
    expected = run.probabilities(x)
    graph = graph_of(PortableModel(run.model, run.standardisation, run.temperature or 1.0), *run.shape)
    with replacing(file) as temporary:
        export_format.write(graph, temporary)
        # all examples and a single one: the batch size must be dynamic
        pairs = ((export_format.run(temporary, x), expected), (export_format.run(temporary, x[:1]), expected[:1]))
        difference = max(float(np.abs(found - wanted).max()) for found, wanted in pairs)
        if not difference <= TOLERANCE:  # true for NaN
            raise GtzanError(
                f"{file}: not written. On {source} its probabilities differ by up to {difference:.2g} from the "
                f"original's, and {TOLERANCE:g} is allowed. Try the other format with --to."
            )
    for path, text in texts.items():
        write_text(path, text)
    return Exported(files, difference, source)


def default_file(run: TrainedRun, to: str) -> Path:
    """The run's name, or that of its checkpoint, with the suffix of the format, in the current folder."""
    return Path((Path(run.name).stem if run.card is None else run.name) + FORMATS[to].suffix)


def checking_inputs(run: TrainedRun) -> tuple[NDArray[np.float32], str]:
    """Raw features `(slices, steps, features)` to compare the models on, and their source as text.

    They are slices of the run's validation and test parts. If its data are not available or have changed, they are
    drawn from the distribution of each feature in the training part, which the checkpoint stores.
    """
    own = _own_slices(run)
    if own is not None:
        return own, f"{len(own)} slices of the run's own validation and test parts"
    drawn = _drawn(run.standardisation, (COMPARED, *run.shape))
    return (
        drawn,
        f"{len(drawn)} examples drawn from the distribution of each feature (the run's data are unavailable)",
    )


def _own_slices(run: TrainedRun) -> NDArray[np.float32] | None:
    if run.card is None:
        return None  # a checkpoint alone does not identify its data
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
    """Independent features, from a normal distribution or by inverse transform sampling of their quantiles.

    About one in fifty values is extrapolated beyond the range of the training part.
    """
    rng = np.random.default_rng(0)
    if not len(scale.quantiles):
        return (scale.mean + scale.scale * rng.normal(size=shape)).astype(np.float32)
    last = len(scale.quantiles) - 1
    place = rng.uniform(-0.01, 1.01, size=shape) * last
    low = np.clip(np.floor(place).astype(int), 0, last - 1)
    column = np.arange(shape[-1])
    below, above = scale.quantiles[low, column], scale.quantiles[low + 1, column]
    return (below + (place - low) * (above - below)).astype(np.float32)


def _texts(run: TrainedRun, file: Path, to: str) -> dict[Path, str]:
    """The texts beside the model: the description of its input, and the model card of a run that is done."""
    sheet = json.dumps(input_sheet(run, file.name, to), indent=1, ensure_ascii=False)
    texts = {file.with_suffix(".json"): sheet + "\n"}
    folder = RunFolder(run.path.parent)
    if run.card is not None and folder.is_done():
        card = model_card(run.card, read_predictions(folder.predictions), read_clusters(folder))
        texts[file.with_suffix(".md")] = card
    return texts


def _check_files(files: tuple[Path, ...], suffix: str, overwrite: bool) -> None:
    """Checks suffix, folder and permissions, and that no file exists unless it may be replaced."""
    file = files[0]
    if file.suffix != suffix:
        raise GtzanError(f"{file}: the name should end in {suffix}.")
    if not file.parent.is_dir():
        raise GtzanError(f"{file.parent}: there is no such folder. Create it first.")
    if not os.access(file.parent, os.W_OK):
        raise GtzanError(f"{file.parent}: no permission to write there. Name another file with --output.")
    existing = [str(path) for path in files if path.exists()]
    if existing and not overwrite:
        raise GtzanError(f"{', '.join(existing)}: exists already. Name another file with --output, or add --overwrite.")
