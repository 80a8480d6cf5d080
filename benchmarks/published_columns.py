"""Relative differences of `harmony_*` and `perceptr_*`, computed from audio, to the published 3-s table.

    python benchmarks/published_columns.py

Needs GTZAN_ROOT with features_3_sec.csv and genres_original/. The other columns are tested
(tests/features/test_window_stats_gtzan.py).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile
import torch

from gtzan_lightning.corpus.feature_table import STATS_COLUMNS, read_published_table
from gtzan_lightning.features.window_stats import cut_windows, window_stats
from gtzan_lightning.report.tables import TextTable, table_markdown

COLUMNS = ("harmony_var", "perceptr_var", "harmony_mean", "perceptr_mean")
SHARES = {"median": 0.5, "90 %": 0.9, "99 %": 0.99, "largest": 1.0}


def main() -> None:
    root = Path(os.environ["GTZAN_ROOT"])
    table = read_published_table(root / "features_3_sec.csv")
    track_ids = np.asarray(table.track_ids, dtype=object)
    chosen = [STATS_COLUMNS.index(column) for column in COLUMNS]
    differences = []
    for path in sorted((root / "genres_original").glob("*/*.wav")):
        sound, rate_hz = soundfile.read(path, dtype="float32")
        rows = np.flatnonzero(track_ids == path.stem)
        windows = np.round(table.start_s[rows] / table.window_s).astype(int)
        computed = window_stats(cut_windows(torch.from_numpy(sound), rate_hz, 3.0), rate_hz).numpy()[windows]
        published = table.values[rows]
        differences.append(np.abs(computed - published)[:, chosen] / np.abs(published[:, chosen]))
    joined = np.concatenate(differences)
    quantiles = np.quantile(joined, list(SHARES.values()), axis=0).T
    rows_of_table = [
        [f"`{name}`", *(f"{100 * value:,.2g} %" if value < 1 else f"{100 * value:,.0f} %" for value in each)]
        for name, each in zip(COLUMNS, quantiles, strict=True)
    ]
    title = f"Relative differences to the published rows, {len(joined)} windows"
    print(table_markdown(TextTable(title, ("column", *SHARES), rows_of_table)))


if __name__ == "__main__":
    main()
