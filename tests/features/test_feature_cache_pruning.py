"""Pruning of the cache."""

from __future__ import annotations

import os
import time

from gtzan_lightning.features.extraction import extract
from gtzan_lightning.features.feature_cache import features_cache, list_entries, prune
from gtzan_lightning.features.feature_request import FeatureRequest, FrameSettings


def test_prune_removes_old_and_abandoned_entries(files, tmp_path):
    root = features_cache(tmp_path)
    extract(files, FeatureRequest("mfcc", 3.0, FrameSettings()), root)
    entries = list_entries(tmp_path)
    assert [entry.kind for entry in entries] == ["file"] * 4
    os.utime(entries[0].path, (0, 0))
    for age_s, name in ((0, ".unfinished-a"), (7200, ".unfinished-b")):
        path = root / "files" / name[-1:] / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s,) * 2)
    removed = prune(tmp_path, older_than_s=86400)
    assert sorted(entry.path.name for entry in removed) == sorted([entries[0].path.name, ".unfinished-b"])
    assert sum(entry.size_bytes for entry in removed) == entries[0].size_bytes + 4
    prune(tmp_path)
    assert [entry.kind for entry in list_entries(tmp_path)] == ["unfinished"]  # may still be written
