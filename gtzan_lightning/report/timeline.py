"""Figures of a file's predictions over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gtzan_lightning.corpus.audio_folder import printable
from gtzan_lightning.evaluation.figures import add_head
from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.training.results import save_figures


def timeline_figure(prediction: FilePrediction, run: str) -> Figure:
    """Heat map of the probability of each genre in each slice; genres are sorted by their mean, which labels them.

    Args:
        prediction: of one file.
        run: `TrainedRun.description`, for the caption.
    """
    order = np.argsort(prediction.mean, kind="stable")
    edges_s = np.append(prediction.start_s, prediction.stop_s[-1])
    figure = Figure(figsize=(9, 1.6 + 0.28 * len(order)), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    cells = axes.pcolormesh(
        edges_s, np.arange(len(order) + 1), prediction.probabilities[:, order].T, cmap="Blues", vmin=0, vmax=1
    )
    labels = [f"{prediction.genres[index]}  {prediction.mean[index]:.2f}" for index in order]
    axes.set_yticks(np.arange(len(order)) + 0.5, labels, fontsize=9, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(12, steps=(1, 1.5, 3, 6, 10), integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{int(seconds // 60)}:{seconds % 60:02.0f}"))
    axes.set_xlabel("time (min:s)")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(cells, ax=axes, label="probability", pad=0.01)
    line = f"{run} · {len(prediction.start_s)} slices, {prediction.agreement:.0%} of them {prediction.genre}"
    keywords = "; ".join(warning.partition(":")[0] for warning in prediction.warnings)
    title = f"{printable(prediction.path.name)}: {prediction.genre}, {prediction.probability:.2f}"
    add_head(figure, title, line, keywords or None)
    return figure


def save_timelines(predictions: Iterable[FilePrediction], run: str, folder: Path) -> None:
    """Writes one PNG per predicted file, named after it; files of the same name are numbered.

    Args:
        predictions: of files; skipped ones have no figure.
        run: `TrainedRun.description`, for the caption.
        folder: created if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: Counter[str] = Counter()
    for prediction in predictions:
        if prediction.skipped is None:
            stem = prediction.path.stem
            written[stem] += 1
            name = f"{stem}-{written[stem]}" if written[stem] > 1 else stem
            save_figures(folder, {name: timeline_figure(prediction, run)})
