"""Split manifests: the part of each slice as a CSV file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.errors import GtzanError

COLUMNS = ("track_id", "start_s", "stop_s", "part")


def manifest_csv(corpus: Corpus, slices: SliceTable, parts: NDArray[np.str_]) -> bytes:
    """The split as CSV, one row per slice that has a part, in corpus order."""
    kept = parts != EXCLUDED
    track_ids = np.asarray([track.track_id for track in corpus.tracks], dtype=object)
    table = pd.DataFrame(
        {
            "track_id": track_ids[slices.track_index[kept]],
            "start_s": slices.start_s[kept].round(6),
            "stop_s": slices.stop_s[kept].round(6),
            "part": parts[kept],
        }
    )
    return table.to_csv(index=False, lineterminator="\n").encode()


def manifest_sha256(csv: bytes) -> str:
    """SHA-256 of a manifest; runs are compared pairwise only if it is equal."""
    return hashlib.sha256(csv).hexdigest()


def read_manifest(path: Path, corpus: Corpus, slices: SliceTable) -> NDArray[np.str_]:
    """The part of each slice according to a manifest file, `(slices,)`; "" for a slice that it does not contain.

    Raises:
        GtzanError: The file is not a manifest, or contains a slice that does not exist or is repeated.
    """
    table = _table(path)
    position = {
        (corpus.tracks[track].track_id, round(float(start), 6), round(float(stop), 6)): index
        for index, (track, start, stop) in enumerate(
            zip(slices.track_index, slices.start_s, slices.stop_s, strict=True)
        )
    }
    parts = np.full(len(slices), EXCLUDED, dtype="<U5")
    keys = zip(table["track_id"], table["start_s"].round(6), table["stop_s"].round(6), strict=True)
    for line, (key, part) in enumerate(zip(keys, table["part"], strict=True), start=2):
        if key not in position:
            raise GtzanError(
                f"split.manifest={path}, line {line}: {key[0]} from {key[1]:g} to {key[2]:g} s is no slice here.\n"
                "Use the manifest with the data root, features and slice that it was made for."
            )
        if parts[position[key]] != EXCLUDED:
            raise GtzanError(
                f"split.manifest={path}, line {line}: {key[0]} at {key[1]:g} s is named twice. Delete one row."
            )
        parts[position[key]] = part
    return parts


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise GtzanError(f"split.manifest: there is no file {path}. Give the split.csv of a run.")
    try:
        kinds = {"track_id": str, "part": str, "start_s": float, "stop_s": float}
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False)  # "nan" is a valid track ID
    except (ValueError, OSError) as error:
        raise GtzanError(
            f"split.manifest={path}: not a split manifest ({error}). Give the split.csv of a run."
        ) from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise GtzanError(f"split.manifest={path}: no column {', '.join(missing)}. Give the split.csv of a run.")
    wrong = table.index[~table["part"].isin(PARTS)]
    if len(wrong):
        value = table["part"].iloc[wrong[0]]
        raise GtzanError(f"split.manifest={path}, line {wrong[0] + 2}: part {value!r}; allowed: {', '.join(PARTS)}.")
    return table
