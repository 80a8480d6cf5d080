"""Paired comparison of runs on the same test rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.clusters import count_clusters
from gtzan_lightning.evaluation.metrics import Decisions, Level, decide
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.significance import holm, mcnemar_test, sign_flip_test

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Entrant:
    """A run to compare."""

    name: str
    predictions: Predictions
    split_sha256: str  # hash of its split.csv


def compare(
    entrants: Sequence[Entrant], cluster_of_track: Mapping[str, str], level: Level = "clip", coverage: float = 0.95
) -> pd.DataFrame:
    """Compare the test accuracy of each pair of runs.

    Args:
        entrants: two or more runs on the same split.
        cluster_of_track: cluster of each track.
        level: level of the difference, its interval and the permutation test; McNemar's test always uses clip votes.
        coverage: nominal probability that an interval contains the true difference.

    Returns:
        One row per pair: a, b, accuracy_a, accuracy_b, difference (a minus b), low, high, n, clusters, p_permutation,
        p_mcnemar, p_permutation_holm, p_mcnemar_holm. The interval is the paired form of
        `intervals.t_interval`; Holm's correction is over the pairs of this table.

    Raises:
        GtzanError: Two runs cannot be paired; the message gives the reason.
    """
    import pandas as pd

    _check_paired(entrants)
    at_level = {entrant.name: _sorted_test(entrant, level) for entrant in entrants}
    votes = {entrant.name: _sorted_test(entrant, "clip_vote") for entrant in entrants}
    rows = [
        {"a": a, "b": b, **_pair(at_level[a], at_level[b], cluster_of_track, coverage)}
        | {"p_mcnemar": mcnemar_test(_right(votes[a]), _right(votes[b]))}
        for a, b in combinations(at_level, 2)
    ]
    table = pd.DataFrame(rows)
    for test in ("p_permutation", "p_mcnemar"):
        table[f"{test}_holm"] = holm(table[test].tolist())
    return table


@dataclass(frozen=True, eq=False)
class Hits:
    """The correct test rows of a run at one level, in a form that is compared fast."""

    rows: str | None  # hash of the test rows and genres, which two runs must share; None if a row occurs twice
    right: NDArray[np.float64]  # (clusters,)

    @classmethod
    def by_level(
        cls, test: Predictions, cluster_of_track: Mapping[str, str], levels: Sequence[Level]
    ) -> dict[Level, Hits]:
        """Counts the correct rows of each cluster.

        Args:
            test: predictions of the test part.
            cluster_of_track: cluster of each track.
            levels: levels of the decisions.

        Raises:
            ValueError: a track has no cluster.
        """
        ordered = _sorted_rows(test)
        again = (ordered.track_id[1:] == ordered.track_id[:-1]) & (np.diff(ordered.start_s) == 0)
        names = repr((test.genres, ordered.track_id.tolist(), ordered.y_true.tolist())).encode()
        digest = hashlib.sha256(names + ordered.start_s.tobytes()).hexdigest()
        rows = digest if len(test) and not again.any() else None
        counts = {level: count_clusters(decide(ordered, level), cluster_of_track) for level in levels}
        return {level: cls(rows, each.totals[:, 0].sum(axis=1)) for level, each in counts.items()}


def permutation_p_value(a: Hits, b: Hits) -> float | None:
    """p-value of the sign-flip test, as `compare` returns it; None if the runs cannot be paired."""
    return None if a.rows is None or a.rows != b.rows else sign_flip_test(a.right - b.right)


def _check_paired(entrants: Sequence[Entrant]) -> None:
    """Raise a GtzanError unless all runs have the same test rows with the same true genres."""
    names = [entrant.name for entrant in entrants]
    if len(entrants) < 2 or len(set(names)) < len(names):
        raise GtzanError(f"a comparison needs two or more runs with different names; given: {names}.")
    first, *others = entrants
    for other in others:
        if reason := _reason_unpaired(first, other):
            raise GtzanError(
                f"{first.name} and {other.name} cannot be compared as a pair: {reason}. Their scores are "
                "not comparable; train one of them again on the other's split (split.manifest=<its split.csv>)."
            )


def _reason_unpaired(a: Entrant, b: Entrant) -> str | None:
    """First reason why two runs cannot be paired, or None."""
    if a.split_sha256 != b.split_sha256:
        return f"their splits differ (split.sha256 {a.split_sha256[:8]} and {b.split_sha256[:8]})"
    if a.predictions.genres != b.predictions.genres:
        return f"their genres differ ({', '.join(a.predictions.genres)}; {', '.join(b.predictions.genres)})"
    keys = [_keys(entrant.predictions.only("test")) for entrant in (a, b)]
    if any(len(set(key)) < len(key) or not key for key in keys):
        return "a test part is empty or contains a slice twice"
    only_one = set(keys[0]) ^ set(keys[1])
    if only_one:
        track, start_s, _ = min(only_one)
        return (
            f"{len(only_one)} test rows occur in one of them only or differ in genre, such as {track} at {start_s:g} s"
        )
    return None


def _keys(test: Predictions) -> list[tuple[str, float, str]]:
    """Key of each row: track, start and true genre."""
    return list(zip(test.track_id, test.start_s.tolist(), test.y_true, strict=True))


def _sorted_test(entrant: Entrant, level: Level) -> Decisions:
    """Decisions on the test part, sorted so that the rows of all runs correspond."""
    return decide(_sorted_rows(entrant.predictions.only("test")), level)


def _sorted_rows(test: Predictions) -> Predictions:
    """The rows by track and time."""
    return test.rows(np.lexsort((test.start_s, test.track_id.astype(str))))


def _right(decisions: Decisions) -> NDArray[np.bool_]:
    """Whether each prediction is correct, `(rows,)`."""
    return decisions.y_true == decisions.y_pred


def _pair(a: Decisions, b: Decisions, cluster_of_track: Mapping[str, str], coverage: float) -> dict[str, float]:
    """Difference in accuracy of two runs on the same rows, with its interval and permutation p-value."""
    from scipy.special import stdtrit

    from gtzan_lightning.evaluation.intervals import NO_SPREAD, exact_interval, small_sample_variance

    counts_a, counts_b = count_clusters(a, cluster_of_track), count_clusters(b, cluster_of_track)
    wins = (counts_a.totals[:, 0] - counts_b.totals[:, 0]).sum(axis=1)  # (clusters,), in rows
    rows, stratum = counts_a.rows, counts_a.stratum
    difference = float(wins.sum() / rows.sum())
    low, high = -1.0, 1.0  # for a single cluster
    if len(rows) > 1:
        mean = np.bincount(stratum, wins) / np.bincount(stratum, rows)
        variance, degrees = small_sample_variance((wins - rows * mean[stratum]) / rows.sum(), rows, stratum)
        half = float(stdtrit(degrees, (1 + coverage) / 2) * np.sqrt(variance))
        if variance < NO_SPREAD:  # none of the clusters differs from the others: the limit for such a cluster
            half = exact_interval(0.0, len(rows), coverage)[1]
        low, high = max(difference - half, -1.0), min(difference + half, 1.0)
    return {
        "accuracy_a": float(_right(a).mean()),
        "accuracy_b": float(_right(b).mean()),
        "difference": difference,
        "low": low,
        "high": high,
        "n": len(a),
        "clusters": len(rows),
        "p_permutation": sign_flip_test(wins),
    }
