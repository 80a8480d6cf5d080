"""Leakage ladder: the same model under stricter and stricter splits, and the accuracy drop at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gtzan_lightning.evaluation.significance import Interval, independent_drop, over_seeds, paired_drop
from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.run_card import SPLIT_ORDER
from gtzan_lightning.runs.run_folder import Card
from gtzan_lightning.studies.study import Study, StudyResult, accuracies_by_seed, mean_sizes

OTHER = "other corpus"  # the last step: the runs of the strictest split on another corpus
FIXED = ("filtered", OTHER)  # the test part is the same for every seed
EXPLANATION = (
    "Means over split seeds. Drops are paired by seed, with intervals corrected for overlapping training parts "
    "(Nadeau & Bengio 2003). The filtered split and another corpus have one fixed test part and the interval of its "
    "artists."
)
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#5A5A5A"  # Okabe & Ito (2008): distinct for colour-blind readers
LINE_COLORS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", GREY)
AXIS_NAMES = {
    "leaky": "leaky\n(slices)",
    "grouped": "grouped\n(tracks)",
    "artist": "artist\n(artists)",
    "filtered": "fault-\nfiltered",
    OTHER: "other\ncorpus",
}
BAR_WIDTH = 0.62
ORDER = (*SPLIT_ORDER, OTHER)


@dataclass(frozen=True)
class SplitScore:
    """One model under one split: a score for each seed, and the drop from the next less strict split."""

    model: str  # with its features, such as "MLP on musicnn", where the ladder has several feature sets
    split: str
    control: bool  # trained on as many tracks as the smallest training part of the ladder
    accuracies: dict[int, float]  # by split seed
    n_train: float  # mean number of training slices
    n_test: float  # mean number of test slices
    interval: Interval  # of the mean
    drop: float | None = None  # mean accuracy drop; None for the first split
    drop_interval: Interval | None = None

    @property
    def mean(self) -> float:
        """Mean accuracy over the seeds."""
        return float(np.mean(list(self.accuracies.values())))


class LeakageLadder(Study):
    """Accuracy under each split, from leaky to filtered, with controls of equal training size."""

    name = "ladder"
    compares = ("split", "split.name", "split.train_tracks", "model", "features")

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:
        """One table and one figure for each level."""
        tables, figures = [], {}
        omissions = [f"Omitted: {reason}" for reason in omitted(failed)] + pretraining_lines(done)
        for level in ("window", "clip"):
            scores = ladder(done, level)
            tables += _tables(scores, level, [*ranking_lines(scores), EXPLANATION, *omissions])
            draw = lines_figure if has_several_features(done) else ladder_figure
            figures[f"ladder_{level}"] = draw(scores, done[0]["data"]["corpus"], level)
        return StudyResult(tables, figures)


def ladder(cards: Sequence[Card], level: str = "window") -> list[SplitScore]:
    """The scores of finished runs, model by model, without and with control, from leaky to filtered.

    Intervals are those of a t distribution over split seeds with the correction of Nadeau & Bengio (2003); they need
    at least two seeds, and are [0, 1] (or [-1, 1] for a drop) with one. Drops are paired by seed. The filtered split
    has one fixed test part, and the mean of the runs' own intervals over artists.

    Args:
        cards: run cards with status "done"; others are passed over.
        level: `window`, `clip` or `clip_vote`.
    """
    groups: dict[tuple[str, bool, str], list[Card]] = {}
    finished = [card for card in cards if card.get("status") == "done"]
    several = has_several_features(finished)
    for card in finished:
        if card["split"]["name"] in ORDER:
            model = f"{model_name(card)} on {card['features']['name']}" if several else model_name(card)
            key = (model, card["split"].get("train_tracks") is not None, card["split"]["name"])
            groups.setdefault(key, []).append(card)
    scores = []
    for model, control in dict.fromkeys((model, control) for model, control, _ in groups):
        previous: SplitScore | None = None
        for split in (split for split in ORDER if (model, control, split) in groups):
            score = _split_score(groups[model, control, split], model, split, control, level)
            previous = score if previous is None else _with_drop(score, previous)
            scores.append(previous)
    return scores


def has_several_features(finished: Sequence[Card]) -> bool:
    """Whether finished runs have different feature sets."""
    return len({card["features"]["name"] for card in finished}) > 1


def pretraining_lines(cards: Sequence[Card]) -> list[str]:
    """What is known of the training data of each pretrained network behind the features."""
    known = {card["features"]["name"]: card["features"].get("pretrained") for card in cards}
    return [
        f"Features {name}: {source['network']}, trained on {source['trained_on']}; pretraining overlap with the test "
        f"tracks: {source['overlap']}."
        for name, source in known.items()
        if source
    ]


def rankings(scores: Sequence[SplitScore], *, control: bool = False) -> dict[str, list[SplitScore]]:
    """The models of each split, best first."""
    found: dict[str, list[SplitScore]] = {}
    for score in scores:
        if score.control == control:
            found.setdefault(score.split, []).append(score)
    return {split: sorted(group, key=lambda score: -score.mean) for split, group in found.items()}


def omitted(cards: Sequence[Card]) -> list[str]:
    """Why a split is missing: the reason of each kind of job that failed, once."""
    reasons = {}
    for card in cards:
        if card.get("status") not in ("done", None):
            words = [word for word in card.get("overrides", []) if word.startswith(("split=", "features="))]
            reasons[" ".join(words) or "a job"] = str(card.get("error") or card.get("status")).partition("\n")[0]
    return [f"{split}: {reason}" for split, reason in reasons.items()]


def ranking_lines(scores: Sequence[SplitScore]) -> list[str]:
    """The order of several models under each split, and how far the first is ahead of the second."""
    lines = []
    for split, (first, *others) in rankings(scores).items():
        if others:
            sizes = first.n_train, first.n_test
            lead, (low, high) = paired_drop(first.accuracies, others[0].accuracies, *sizes)
            ahead = "" if lead is None else f", ahead by {lead:+.3f} ({low:+.3f} to {high:+.3f})"
            lines.append(f"{split}: {' > '.join(score.model for score in (first, *others))}{ahead}")
    return lines


def _split_score(cards: Sequence[Card], model: str, split: str, control: bool, level: str) -> SplitScore:
    accuracies, sizes = accuracies_by_seed(cards, level), mean_sizes(cards)
    if split in FIXED:  # the spread over seeds does not include its one test part; the runs' own intervals do
        low, high = np.mean([card["metrics"]["test"][level]["accuracy_ci95"] for card in cards], axis=0).tolist()
        return SplitScore(model, split, control, accuracies, *sizes, (low, high))
    interval = over_seeds(list(accuracies.values()), *sizes, (0.0, 1.0))
    return SplitScore(model, split, control, accuracies, *sizes, interval)


def _with_drop(score: SplitScore, previous: SplitScore) -> SplitScore:
    """Adds the drop from the previous split: paired by seed, or independent where the test part is fixed."""
    if score.split in FIXED:
        interval = independent_drop(previous.mean, previous.interval, score.mean, score.interval)
        return replace(score, drop=previous.mean - score.mean, drop_interval=interval)
    drop, interval = paired_drop(previous.accuracies, score.accuracies, score.n_train, score.n_test)
    return replace(score, drop=drop, drop_interval=interval)


def _tables(scores: Sequence[SplitScore], level: str, notes: Sequence[str]) -> list[TextTable]:
    """One table for each model, and one of all of them side by side if there are several; the notes stand below."""
    columns = ("split", "training\nslices", "seeds", "accuracy (95 %)", "change (95 %)")
    models = list(dict.fromkeys(score.model for score in scores))
    tables = [
        TextTable(
            f"Leakage ladder of {model}: test accuracy, {level} level",
            columns,
            [
                [_name(score), f"{score.n_train:.0f}", str(len(score.accuracies)), *_cells(score)]
                for score in scores
                if score.model == model
            ],
        )
        for model in models
    ]
    tables += [_side_by_side(scores, models, level)] if len(models) > 1 else []
    return [*tables[:-1], replace(tables[-1], notes=tuple(notes))]


def _side_by_side(scores: Sequence[SplitScore], models: Sequence[str], level: str) -> TextTable:
    found = {(_name(score), score.model): _cells(score) for score in scores}
    names = list(dict.fromkeys(_name(score) for score in scores))
    rows = [[name, *(cell for model in models for cell in found.get((name, model), ("", "")))] for name in names]
    columns = (f"test accuracy of {level}s (95 %)", *(column for model in models for column in (model, "change")))
    return TextTable("Leakage ladder", columns, rows)


def _name(score: SplitScore) -> str:
    return f"{score.split}, same size" if score.control else score.split


def _cells(score: SplitScore) -> tuple[str, str]:
    """Accuracy and change, with their intervals."""
    accuracy = f"{score.mean:.3f}\n({score.interval[0]:.3f}-{score.interval[1]:.3f})"
    if score.drop is None or score.drop_interval is None:
        return accuracy, ""
    low, high = score.drop_interval
    change, first, last = (round(-value, 3) + 0.0 for value in (score.drop, high, low))  # + 0.0: no "-0.000"
    return accuracy, f"{change:+.3f}\n({first:+.3f} to {last:+.3f})"


def ladder_figure(scores: Sequence[SplitScore], corpus: str, level: str) -> Figure:
    """One panel for each model: accuracy with its interval under each split, the drops, and the controls as dots."""
    models = list(dict.fromkeys(score.model for score in scores))
    figure = Figure(figsize=(1.6 + 4.8 * len(models), 4.8), layout="constrained", dpi=120)
    panels = np.atleast_1d(figure.subplots(1, len(models), sharey=True))
    for axes, model in zip(panels, models, strict=True):
        _draw_panel(axes, [score for score in scores if score.model == model], model)
    panels[0].set_ylabel(f"test accuracy ({level} level)")
    seeds = max(len(score.accuracies) for score in scores)
    figure.suptitle(
        f"Accuracy drop due to leakage\n{corpus}, mean of {seeds} split seeds, 95 % intervals",
        fontsize=11,
        parse_math=False,
    )
    return figure


def lines_figure(scores: Sequence[SplitScore], corpus: str, level: str) -> Figure:
    """One line for each model and feature set over the splits, with intervals; controls of equal size are dashed."""
    figure = Figure(figsize=(7.4, 5.0), layout="constrained", dpi=120)
    axes = figure.subplots()
    splits = [split for split in ORDER if any(score.split == split for score in scores)]
    models = list(dict.fromkeys(score.model for score in scores))
    for number, model in enumerate(models):
        for control in (False, True):
            own = [score for score in scores if (score.model, score.control) == (model, control)]
            places = [splits.index(score.split) + 0.04 * (number - (len(models) - 1) / 2) for score in own]
            means, color = [score.mean for score in own], LINE_COLORS[number % len(LINE_COLORS)]
            axes.plot(places, means, "o", color=color, markerfacecolor="white" if control else color, label=None)
            label = f"{model}, same training size" if control else model
            axes.plot(places, means, "--" if control else "-", color=color, label=label if own else None)
            if not control:
                axes.vlines(places, *zip(*(score.interval for score in own), strict=True), color=color, linewidth=1.2)
    axes.set_xticks(range(len(splits)), [AXIS_NAMES[split] for split in splits], fontsize=9)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel(f"test accuracy ({level} level)")
    for text in axes.legend(loc="lower left", frameon=False, fontsize=9).get_texts():
        text.set_parse_math(False)
    axes.spines[["top", "right"]].set_visible(False)
    seeds = max(len(score.accuracies) for score in scores)
    title = f"Accuracy drop due to leakage, by features\n{corpus}, mean of {seeds} split seeds, 95 % intervals"
    figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def _draw_panel(axes: Axes, scores: Sequence[SplitScore], model: str) -> None:
    shown = [score for score in scores if not score.control] or list(scores)
    for place, score in enumerate(shown):
        axes.bar(place, score.mean, BAR_WIDTH, color=BLUE, alpha=0.85)
        axes.vlines(place, *score.interval, color="black", linewidth=1.6)
        axes.text(place, 0.02, f"{score.mean:.2f}", ha="center", va="bottom", color="white", fontweight="bold")
        if score.drop:
            _draw_drop(axes, place, shown[place - 1].mean, score)
    controls = {score.split: score.mean for score in scores if score.control}
    places = [place for place, score in enumerate(shown) if score.split in controls]
    if places and any(not score.control for score in scores):
        heights = [controls[shown[place].split] for place in places]
        axes.plot(places, heights, "o", color="white", markeredgecolor=GREY, markersize=8, label="same training size")
        axes.legend(loc="upper right", frameon=False, fontsize=9)
    axes.set_xticks(range(len(shown)), [AXIS_NAMES[score.split] for score in shown], fontsize=9)
    axes.set_title(model, fontsize=11, parse_math=False)
    axes.set_ylim(0, 1.12)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.spines[["top", "right"]].set_visible(False)


def _draw_drop(axes: Axes, place: int, previous: float, score: SplitScore) -> None:
    """A hatched bar from the score up to that of the previous split."""
    drop = previous - score.mean
    axes.bar(place, drop, BAR_WIDTH, bottom=score.mean, color=VERMILION, alpha=0.30, hatch="///", edgecolor=VERMILION)
    height = max(previous, score.interval[1]) + 0.015
    axes.text(place, height, f"{-drop * 100:+.0f} points", ha="center", color=VERMILION, fontsize=9)
