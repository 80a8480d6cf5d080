"""Metrics at three levels: windows, clips by mean probability, and clips by majority vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.evaluation.predictions import Predictions

if TYPE_CHECKING:  # a report of finished runs starts without pandas and scikit-learn
    import pandas as pd

Level = Literal["window", "clip", "clip_vote"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, eq=False)
class Decisions:
    """True and predicted genre of each row at one level, as indices into `genres`."""

    level: Level
    track_id: NDArray[np.object_]  # (rows,)
    y_true: NDArray[np.intp]  # (rows,)
    y_pred: NDArray[np.intp]  # (rows,)
    genres: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.track_id)

    def occurring(self) -> NDArray[np.intp]:
        """Indices of the genres that occur in `y_true`; macro averages run over these."""
        return np.unique(self.y_true)


def decide(predictions: Predictions, level: Level) -> Decisions:
    """Predicted genres at a level; pass the rows of one part, such as `predictions.only("test")`.

    `window` scores each slice, as in the literature; `clip` uses the mean probability over a track's slices;
    `clip_vote` their majority vote, with ties broken by the mean probability.
    """
    if level == "window":
        table, y_pred = predictions, predictions.decisions()
    else:
        table = predictions.clips()
        y_pred = table.decisions() if level == "clip" else predictions.clip_votes()
    return Decisions(level, table.track_id, table.labels(), y_pred, predictions.genres)


def scores(decisions: Decisions) -> dict[str, float | int]:
    """Accuracy, macro precision, recall and F1, and the number of rows.

    Macro averages run over the genres that occur in the truth: recall is undefined for a genre without examples. Wrong
    predictions of such a genre still lower the recall of the true one. A genre never predicted has precision 0.

    Raises:
        ValueError: There are no rows.
    """
    from sklearn.metrics import precision_recall_fscore_support

    if not len(decisions):
        raise ValueError("no rows to score")
    macro = precision_recall_fscore_support(
        decisions.y_true, decisions.y_pred, labels=decisions.occurring(), average="macro", zero_division=0
    )
    averages = {name: float(value) for name, value in zip(("precision", "recall", "f1"), macro[:3], strict=True)}
    return {"accuracy": float(np.mean(decisions.y_true == decisions.y_pred)), **averages, "n": len(decisions)}


def genre_scores(decisions: Decisions) -> pd.DataFrame:
    """Precision, recall, F1 and number of rows of each genre, indexed by genre.

    A genre without rows has NaN recall and F1; one never predicted has precision 0.
    """
    import pandas as pd
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, n = precision_recall_fscore_support(
        decisions.y_true, decisions.y_pred, labels=np.arange(len(decisions.genres)), zero_division=0
    )
    table = pd.DataFrame(
        {"precision": precision, "recall": recall, "f1": f1, "n": n}, index=pd.Index(decisions.genres, name="genre")
    )
    table.loc[table["n"] == 0, ["recall", "f1"]] = np.nan
    return table


def confusion(decisions: Decisions) -> NDArray[np.int64]:
    """Confusion matrix of counts, `(genres, genres)`: rows are true genres, columns predicted ones."""
    n = len(decisions.genres)
    return np.bincount(n * decisions.y_true + decisions.y_pred, minlength=n * n).reshape(n, n)


def overfit_gap(predictions: Predictions) -> float | None:
    """Generalization gap: train minus validation window accuracy; None if one of the parts has no rows."""
    parts = [decide(predictions.only(part), "window") for part in ("train", "val")]
    if not all(len(part) for part in parts):
        return None
    train, val = (float(np.mean(part.y_true == part.y_pred)) for part in parts)
    return train - val
