"""A trained run as files that need nothing of this project: the model, how its input is made, what it is good for.

MERGED: The file formats of a model that leaves this project: writing each, and running what was written. | On which examples an export is compared with its original: the run's own where they are at hand.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import Dim, ExportedProgram

from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.datamodule.slices import step_table
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.inference.input_sheet import input_sheet
from gtzan_lightning.inference.trained_run import TrainedRun
from gtzan_lightning.models.portable import PortableModel
from gtzan_lightning.report.model_card import model_card
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.training.results import read_units
from gtzan_lightning.training.split_data import open_data
from gtzan_lightning.utils.files import replacing, write_text

INPUT, OUTPUT = "features", "probabilities"  # names in the graph


@dataclass(frozen=True)
class ExportFormat:
    """How a graph is written to one file, and how such a file is run by another program's means."""

    suffix: str
    packages: tuple[str, ...]  # beside PyTorch
    write: Callable[[ExportedProgram, Path], None]
    run: Callable[[Path, NDArray[np.float32]], NDArray[np.float32]]  # (batch, steps, features) to (batch, genres)

    def check_installed(self) -> None:
        """Looks for the packages before any work.

        Raises:
            GtzanError: one is missing.
        """
        missing = [package for package in self.packages if find_spec(package) is None]
        if missing:
            raise GtzanError(
                f"--to onnx needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.\n"
                'Install the extra: pip install "gtzan-lightning[export]". '
                "Without it there is --to torch-export, for PyTorch."
            )


def graph_of(model: PortableModel, steps: int, n_features: int) -> ExportedProgram:
    """The model as a graph of plain operations for any number of examples of `steps` steps.

    The number of steps is that of training: PyTorch writes a recurrence out step by step, and no score is known for
    any other number. The example that it is traced with is zeros, so that no music travels along.

    Raises:
        GtzanError: a model of one's own does what no graph can.
    """
    example = torch.zeros(2, steps, n_features)
    try:
        with _quiet(), torch.no_grad():
            program = torch.export.export(model, (example,), dynamic_shapes=({0: Dim("batch")},))
    except Exception as error:  # of many kinds, some of them private
        told = str(error).strip().partition("\n")[0]
        raise GtzanError(
            f"{type(model.model).__name__} cannot be written as a graph of operations: {told}\n"
            "Its forward may not depend on values, nor on the number of examples (len(x) does; x.shape[0] does not)."
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine
    return program


def _write_onnx(program: ExportedProgram, path: Path) -> None:
    with _quiet():
        written = torch.onnx.export(
            program,
            input_names=[INPUT],
            output_names=[OUTPUT],
            external_data=False,  # one file
            optimize=False,  # runtimes do it on loading; here it would take longer than all the rest
            verbose=False,
        )
        assert written is not None
        for node in written.model.graph:
            node.metadata_props.clear()  # names of modules and lines of this project
        written.save(path)


def _run_onnx(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    result: NDArray[np.float32] = session.run([OUTPUT], {INPUT: x})[0]
    return result


def _write_torch(program: ExportedProgram, path: Path) -> None:
    with _quiet():
        torch.export.save(program, path)


def _run_torch(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    with _quiet(), torch.no_grad():
        result: NDArray[np.float32] = torch.export.load(path).module()(torch.from_numpy(x)).numpy()
    return result


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's notices are about its own insides."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


FORMATS = {
    "onnx": ExportFormat(".onnx", ("onnx", "onnxscript", "onnxruntime"), _write_onnx, _run_onnx),
    "torch-export": ExportFormat(".pt2", (), _write_torch, _run_torch),
}


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
