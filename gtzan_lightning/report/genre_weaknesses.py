"""Which genres a model is weak on, and what it takes them for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gtzan_lightning.evaluation.genres import genre_evidence, too_few_units
from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide
from gtzan_lightning.evaluation.predictions import Predictions


def genre_section(predictions: Predictions, unit_of_track: Mapping[str, str], cluster: str) -> str:
    """A table of the test part, the weakest genre first, and what must be read beside it, as Markdown.

    Args:
        predictions: the table of a run.
        unit_of_track: each track's independent unit.
        cluster: what the unit is: "artist", "recording" or "track".
    """
    test = predictions.only("test")
    window, clip = (genre_evidence(decide(test, level), unit_of_track) for level in ("window", "clip"))
    taken_for = mistakes(decide(test, "window"))
    known = window[window["n"] > 0].sort_values("f1", kind="stable").index
    lines = [
        "| genre | windows | recall | F1 [95 %] | clips | recall | F1 [95 %] | windows taken for |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for genre in known:
        cells = [genre, *_cells(window.loc[genre]), *_cells(clip.loc[genre]), taken_for.get(genre, "nothing else")]
        lines.append(f"| {' | '.join(cells)} |")
    absent = [genre for genre in window.index if genre not in known]
    remarks = [*too_few_units(clip, cluster), *(f"{genre}: not in the test part" for genre in absent)]
    return (
        "\n".join(lines)
        + "".join(f"\n\n- {remark}." for remark in remarks[:1])
        + "".join(f"\n- {remark}." for remark in remarks[1:])
    )


def mistakes(decisions: Decisions) -> dict[str, str]:
    """What each genre is most often taken for: `rock (12 of 200)`; a genre without mistakes is left out."""
    counts = confusion(decisions)
    found = {}
    for genre, row in enumerate(counts):
        wrong = np.where(np.arange(len(row)) == genre, 0, row)
        if wrong.any():
            found[decisions.genres[genre]] = f"{decisions.genres[wrong.argmax()]} ({wrong.max()} of {row.sum()})"
    return found


def _cells(row: pd.Series) -> list[str]:
    return [f"{row['n']:.0f}", f"{row['recall']:.2f}", f"{row['f1']:.2f} [{row['f1_low']:.2f}, {row['f1_high']:.2f}]"]
