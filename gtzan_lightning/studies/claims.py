"""Published scores: as printed, as measured under the protocol of the study and under others, with verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from scipy.stats import t

from gtzan_lightning.evaluation.metrics import Level, decide
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.evaluation.significance import Interval, over_seeds
from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.studies.study import Study, StudyResult, accuracies_by_seed, by_configuration, mean_sizes

SPLITS = ("leaky", "grouped")
COVERAGE = 0.95
EXPLANATION = (
    "Mean over split seeds, training seeds of a split averaged first; "
    "in brackets the 95 % prediction interval of one more run of the protocol. "
    "A claim inside the interval is consistent with that split, and no more than that."
)

PUBLISHED, BY_TRACK, BY_ARTIST = "published", "by track", "by artist"  # values of `study.protocol`
FAIR = (BY_TRACK, BY_ARTIST)
PAIRED_LEVEL: Level = "clip"
NOTES = (
    "Printed: mean and standard deviation over the training seeds of the study. Reproduced: its protocol, with its "
    "training seeds on one split, and with its first training seed on several splits (sample standard deviations). "
    "n: seeds or splits. sd: printed minus mean over splits, in their standard deviations. Reproduced: the score lies "
    "in the 95 % prediction interval of a run on one more split.",
    "By track, by artist: the same network, scaler fitted on the training part, epoch chosen on validation; mean over "
    "split seeds with its 95 % interval (Nadeau & Bengio 2003). A printed score is consistent with a split if it lies "
    "in the 95 % prediction interval of one more run under it.",
)
PAIR_NOTE = (
    "Accuracy of the first network minus that of the second, on the clips that both classify, from the mean "
    "probability of a clip's slices; paired by split seed, 95 % interval (Nadeau & Bengio 2003), not corrected for the "
    "number of pairs."
)


@dataclass(frozen=True)
class Measured:
    """The scores of one protocol over split seeds."""

    mean: float
    low: float  # of the 95 % prediction interval
    high: float
    splits: int  # split seeds
    runs: int
    n: int  # test rows of a run

    def holds(self, accuracy: float) -> bool:
        """Whether a published score could be one more run of this protocol."""
        return self.low <= accuracy <= self.high


@dataclass(frozen=True)
class ClaimCheck:
    """One published row, and what was measured for it."""

    claim: str
    configuration: str  # the overrides in which it differs from other rows of the claim
    level: str
    claimed: float
    measured: dict[str, Measured]  # by split

    @property
    def verdict(self) -> str:
        """What the claim is consistent with; computed from the intervals alone."""
        if set(self.measured) != set(SPLITS):
            return "not measured"
        if min(each.splits for each in self.measured.values()) < 2:
            return "needs two split seeds"
        leaky, grouped = (self.measured[split].holds(self.claimed) for split in SPLITS)
        return {(True, True): "both", (True, False): "leaky only", (False, True): "grouped only"}.get(
            (leaky, grouped), "neither"
        )


class PublishedClaims(Study):
    """Compares published accuracies with runs under a leaky and a grouped split."""

    name = "claims"
    settings = ("claim", "level", "accuracy")

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:  # noqa: ARG002
        """One row a published score."""
        columns = ("claim", "claimed", *SPLITS, "consistent with")
        rows = [
            [
                f"{check.claim}\n{check.configuration}".strip(),
                f"{check.claimed:.2f}\n{check.level}",
                *(_cell(check.measured.get(split)) for split in SPLITS),
                check.verdict,
            ]
            for check in check_claims(done)
        ]
        return StudyResult([TextTable("Claimed and measured test accuracy", columns, rows, (EXPLANATION,))])


def check_claims(cards: Sequence[Card]) -> list[ClaimCheck]:
    """Groups finished runs by the claim that they were made for, and by everything but split and seeds."""
    claims: dict[tuple[str, str, float], list[Card]] = {}
    for card in cards:
        study = card["study"]
        claims.setdefault((study["claim"], study["level"], study["accuracy"]), []).append(card)
    checks = []
    for (claim, level, accuracy), own in claims.items():
        for configuration, alike in by_configuration(own, ("split", "split.name")).items():
            splits: dict[str, list[Card]] = {}
            for card in alike:
                splits.setdefault(card["split"]["name"], []).append(card)
            measured = {split: _measured(runs, level) for split, runs in splits.items()}
            checks.append(ClaimCheck(claim, configuration, level, accuracy, measured))
    return checks


def prediction_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % prediction interval of the next value, for normal values; [0, 1] for fewer than two.

    mean ± t(n - 1) s sqrt(1 + 1 / n), see for example Geisser (1993), Predictive Inference.
    """
    n = len(values)
    if n < 2:
        return 0.0, 1.0
    half = float(t.ppf((1 + COVERAGE) / 2, n - 1) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n))
    mean = float(np.mean(values))
    return max(0.0, mean - half), min(1.0, mean + half)


def _measured(cards: Sequence[Card], level: str) -> Measured:
    values = list(accuracies_by_seed(cards, level).values())
    low, high = prediction_interval(values)
    return Measured(float(np.mean(values)), low, high, len(values), len(cards), cards[0]["metrics"]["test"][level]["n"])


def _cell(measured: Measured | None) -> str:
    if measured is None:
        return "-"
    several = measured.runs != measured.splits
    runs = f"{measured.runs} runs of {measured.splits} splits" if several else f"{measured.runs} runs"
    return f"{measured.mean:.3f}\n({measured.low:.3f}-{measured.high:.3f})\n{runs}, n={measured.n}"


@dataclass(frozen=True)
class Scores:
    """Accuracies of one network under one protocol."""

    values: tuple[float, ...]  # one a split seed, with the first training seed
    training_seeds: tuple[float, ...]  # one a training seed, on the first split
    interval: Interval  # of the mean over splits
    n: int  # test rows of the first run

    @property
    def mean(self) -> float:
        """Mean over the split seeds."""
        return float(np.mean(self.values))

    @property
    def sd(self) -> float:
        """Sample standard deviation over the split seeds; NaN for one."""
        return _sd(self.values)

    def contains(self, accuracy: float) -> bool:
        """Whether a score could be one more run, on another split."""
        low, high = prediction_interval(self.values)
        return low <= accuracy <= high


@dataclass(frozen=True)
class Row:
    """A printed score, and what was measured for it."""

    network: str
    figure: Mapping[str, Any]  # name, level, epoch, accuracy, sd
    leaky: bool  # the protocol of the study has slices of a track in several parts
    measured: Mapping[str, Scores]  # by protocol

    @property
    def distance(self) -> float | None:
        """Printed minus reproduced score in standard deviations over splits; None without two splits."""
        scores = self.measured.get(PUBLISHED)
        if scores is None or not scores.sd > 0:
            return None
        return (float(self.figure["accuracy"]) - scores.mean) / scores.sd

    @property
    def reproduced(self) -> str:
        """Whether the printed score could be one more run of the study's protocol."""
        scores, printed = self.measured.get(PUBLISHED), float(self.figure["accuracy"])
        if scores is None or len(scores.values) < 2:
            return "not measured"
        if scores.contains(printed):
            return "yes"
        return "no, printed is higher" if printed > scores.mean else "no, printed is lower"

    @property
    def consistent_with(self) -> str:
        """The splits under which the printed score could be one more run."""
        candidates = {protocol: self.measured[protocol] for protocol in FAIR if protocol in self.measured}
        if self.leaky and PUBLISHED in self.measured:
            candidates = {"leaky": self.measured[PUBLISHED]} | candidates
        if not candidates or min(len(scores.values) for scores in candidates.values()) < 2:
            return "not measured"
        fitting = [name for name, scores in candidates.items() if scores.contains(float(self.figure["accuracy"]))]
        return ", ".join(fitting) or "none of them"


@dataclass(frozen=True)
class Pair:
    """Two networks under the same protocol and the same splits."""

    protocol: str
    first: str
    second: str
    differences: tuple[float, ...]  # one a split seed
    interval: Interval
    n: int  # clips of the first split seed

    @property
    def verdict(self) -> str:
        """What the interval says."""
        low, high = self.interval
        return f"{self.first} is better" if low > 0 else f"{self.second} is better" if high < 0 else "not shown"


class ReplicationTable(Study):
    """Compares the printed scores of a study with its own protocol and with fair ones, and its networks in pairs.

    Each run is of one network (`study.network`) under one `study.protocol`; `study.figures` lists the printed scores:
    `name`, `level`, `epoch` (`best` for the selected epoch, `last`), `accuracy`, and `sd` or null.
    """

    name = "replication"
    settings = ("network", "protocol", "repetition", "figures")
    compares = ("protocol", "study.repetition")

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:  # noqa: ARG002
        """A row for each printed score, in full and in short, and a row for each pair of networks."""
        columns: tuple[str, ...] = (
            "network", "figure", "printed", "reproduced, training seeds", "reproduced, splits", "sd", "reproduced?",
            BY_TRACK, BY_ARTIST, "consistent with",
        )  # fmt: skip
        rows = table_rows(done)
        tables = [TextTable("Printed and reproduced test accuracy", columns, list(map(_cells, rows)), NOTES, 2)]
        columns = ("network", "score", "printed", "reproduced", "reproduced?", BY_TRACK, BY_ARTIST, "consistent with")
        tables.append(TextTable("In short, over splits", columns, list(map(_short_cells, rows)), text_columns=2))
        if pairs := network_pairs(done):
            columns = ("pair", "split", "clips", "difference (95 %)", "better")
            cells = [_pair_cells(pair) for pair in pairs]
            tables.append(TextTable("Networks under one split, clip level", columns, cells, (PAIR_NOTE,), 2))
        return StudyResult(tables)


def table_rows(cards: Sequence[Card]) -> list[Row]:
    """The printed scores of each network with the measured ones, in the order of the runs."""
    found = []
    for network, own in _by_network(cards).items():
        published = own.get(PUBLISHED, [])
        figures = next(iter(own.values()))[0]["study"]["figures"]
        leaky = any(card["split"]["name"] == "leaky" for card in published)
        for figure in figures:
            measured = {protocol: _scores(runs, figure) for protocol, runs in own.items()}
            found.append(Row(network, figure, leaky, measured))
    return found


def network_pairs(cards: Sequence[Card]) -> list[Pair]:
    """The first network with each other one under each fair protocol, paired by split seed, at clip level."""
    networks = _by_network(cards)
    first, *others = networks
    if not others:
        return []
    pairs = []
    for protocol in FAIR:
        right = {name: _right_clips(own.get(protocol, [])) for name, own in networks.items()}
        sizes = [card["split"]["tracks"] for card in networks[first].get(protocol, [])]
        for second in others:
            seeds = sorted(set(right[first]) & set(right[second]))
            if not seeds:
                continue
            common = {seed: sorted(set(right[first][seed]) & set(right[second][seed])) for seed in seeds}
            accuracies = {
                name: [np.mean([right[name][seed][track] for track in common[seed]]) for seed in seeds]
                for name in (first, second)
            }
            differences = [float(one - other) for one, other in zip(accuracies[first], accuracies[second], strict=True)]
            n_train, n_test = (float(np.mean([size[part] for size in sizes])) for part in ("train", "test"))
            interval = over_seeds(differences, n_train, n_test, (-1.0, 1.0))
            pairs.append(Pair(protocol, first, second, tuple(differences), interval, len(common[seeds[0]])))
    return pairs


def _by_network(cards: Sequence[Card]) -> dict[str, dict[str, list[Card]]]:
    """Cards by network and protocol."""
    found: dict[str, dict[str, list[Card]]] = {}
    for card in cards:
        study = card["study"]
        found.setdefault(study["network"], {}).setdefault(study["protocol"], []).append(card)
    return found


def _scores(cards: Sequence[Card], figure: Mapping[str, Any]) -> Scores:
    """A figure over split seeds, with the first training seed, and over training seeds, on the first split."""
    split, seed = cards[0]["split"]["seed"], cards[0]["seed"]
    by_split = {card["split"]["seed"]: _entry(card, figure) for card in cards if card["seed"] == seed}
    by_training = {card["seed"]: _entry(card, figure) for card in cards if card["split"]["seed"] == split}
    values = [float(entry["accuracy"]) for entry in by_split.values()]
    interval = over_seeds(values, *mean_sizes(cards), (0.0, 1.0))
    training = tuple(float(entry["accuracy"]) for entry in by_training.values())
    return Scores(tuple(values), training, interval, int(by_split[split]["n"]))


def _entry(card: Card, figure: Mapping[str, Any]) -> Mapping[str, Any]:
    """Accuracy and n of a figure; a fair run has one epoch, chosen on validation."""
    scores = card["metrics"]
    if figure["epoch"] == "last" and card["study"]["protocol"] == PUBLISHED:
        scores = card["training"].get("last_epoch", scores)  # without selection, the run's own scores
    return cast("Mapping[str, Any]", scores["test"][figure["level"]])


def _right_clips(cards: Sequence[Card]) -> dict[int, dict[str, bool]]:
    """Whether each test clip is classified correctly, by split seed, with the first training seed."""
    found = {}
    for card in cards:
        if card["seed"] == cards[0]["seed"]:
            test = read_predictions(RunFolder(Path(card["folder"])).predictions).only("test")
            clips = decide(test, PAIRED_LEVEL)
            right = (clips.y_true == clips.y_pred).tolist()
            found[int(card["split"]["seed"])] = dict(zip(clips.track_id.tolist(), right, strict=True))
    return found


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _cells(row: Row) -> list[str]:
    figure, reproduced = row.figure, row.measured.get(PUBLISHED)
    printed = f"{figure['accuracy']:.4f}" + (f" ± {figure['sd']:.4f}" if figure.get("sd") is not None else "")
    cells = [row.network, str(figure["name"]), printed]
    cells += [_spread(reproduced.training_seeds), _spread(reproduced.values)] if reproduced else ["-", "-"]
    cells += ["-" if row.distance is None else f"{row.distance:+.1f}", row.reproduced]
    for protocol in FAIR:
        scores = row.measured.get(protocol)
        cells.append("-" if scores is None else _mean(scores))
    return [*cells, row.consistent_with]


def _short_cells(row: Row) -> list[str]:
    """Printed and reproduced score, whether it is reproduced, the fair scores, and the splits that it agrees with."""
    reproduced = row.measured.get(PUBLISHED)
    spread = "-" if reproduced is None else f"{reproduced.mean:.3f} ± {reproduced.sd:.3f}"
    fair = [_with_interval(row.measured[each]) if each in row.measured else "-" for each in FAIR]
    printed = f"{row.figure['accuracy']:.3f}"
    return [row.network, str(row.figure["name"]), printed, spread, row.reproduced, *fair, row.consistent_with]


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f} ± {_sd(values):.4f}, n={len(values)}" if len(values) > 1 else f"{values[0]:.4f}, n=1"


def _mean(scores: Scores) -> str:
    return f"{_with_interval(scores)}, n={len(scores.values)}"


def _with_interval(scores: Scores) -> str:
    low, high = scores.interval
    return f"{scores.mean:.3f} ({low:.3f}-{high:.3f})"


def _pair_cells(pair: Pair) -> list[str]:
    low, high = pair.interval
    difference = f"{np.mean(pair.differences):+.3f} ({low:+.3f} to {high:+.3f})"
    return [f"{pair.first} - {pair.second}", pair.protocol, str(pair.n), difference, pair.verdict]
