"""File formats of exported models: writers and the runtimes that verify them."""

from __future__ import annotations

import io
import logging
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

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.portable import PortableModel

INPUT, OUTPUT = "features", "probabilities"  # names in the graph


@dataclass(frozen=True)
class ExportFormat:
    """Writer of a file format, and a runtime for it."""

    suffix: str
    packages: tuple[str, ...]  # required besides PyTorch
    write: Callable[[ExportedProgram, Path], None]
    run: Callable[[Path, NDArray[np.float32]], NDArray[np.float32]]  # (batch, steps, features) to (batch, genres)

    def check_installed(self) -> None:
        """Checks that the packages are installed.

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
    """Exports the model as a graph with a dynamic batch size.

    The number of steps is fixed to that of training, since PyTorch unrolls recurrences. The model is traced with zeros,
    so that the graph contains no data.

    Raises:
        GtzanError: the model cannot be exported, for example because of data-dependent control flow.
    """
    example = torch.zeros(2, steps, n_features)
    try:
        with _quiet(), torch.no_grad():
            program = torch.export.export(model, (example,), dynamic_shapes=({0: Dim("batch")},))
    except Exception as error:  # torch.export raises many types, some of them private
        message = str(error).strip().partition("\n")[0]
        raise GtzanError(
            f"{model.model.name} cannot be exported as a graph of operations: {message}\n"
            "Its forward may depend neither on values nor on the number of examples (len(x) does; x.shape[0] does not)."
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # local paths
    return program


def _write_onnx(program: ExportedProgram, path: Path) -> None:
    with _quiet():
        written = torch.onnx.export(
            program,
            input_names=[INPUT],
            output_names=[OUTPUT],
            external_data=False,  # one file
            optimize=False,  # slow, and runtimes optimize on loading
            verbose=False,
        )
        assert written is not None
        for node in written.model.graph:
            node.metadata_props.clear()  # module names and source lines
        written.save(path)


def _run_onnx(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    result: NDArray[np.float32] = session.run([OUTPUT], {INPUT: x})[0]
    return result


def _write_torch(program: ExportedProgram, path: Path) -> None:
    content = io.BytesIO()  # writing to a file directly, torch would replace the error of the disk by its own
    with _quiet():
        torch.export.save(program, content)
    path.write_bytes(content.getvalue())


def _run_torch(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    with _quiet(), torch.no_grad():
        result: NDArray[np.float32] = torch.export.load(path).module()(torch.from_numpy(x)).numpy()
    return result


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences warnings and logs of the exporter, which concern its internals."""
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
