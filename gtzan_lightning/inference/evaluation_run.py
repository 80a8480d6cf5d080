"""Evaluates a trained run on another labelled corpus: `gtzan evaluate`, and the last step of the leakage ladder."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.config.compatibility import locate_data
from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.identity import HASH_LENGTH
from gtzan_lightning.config.schema import Config, validate_config
from gtzan_lightning.corpus.location import TABLE, DataSource
from gtzan_lightning.corpus.tracks import UNKNOWN_ARTIST, Corpus, genre_key, resampling_clusters
from gtzan_lightning.datamodule.genre_datamodule import EVALUATION_BATCH
from gtzan_lightning.datamodule.slices import SliceTable, step_table, tracks_without_slice
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.calibration import calibration_metrics, with_temperature
from gtzan_lightning.evaluation.figures import Caption, confusion_figure, not_fatal
from gtzan_lightning.evaluation.metrics import LEVELS, confusion, decide
from gtzan_lightning.evaluation.ood import track_distances
from gtzan_lightning.evaluation.predictions import Predictions, read_predictions, write_predictions
from gtzan_lightning.evaluation.run_metrics import evaluate_level, genre_entries, genre_metrics, is_balanced
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, Features
from gtzan_lightning.inference.trained_run import TrainedRun, load_run, load_trained
from gtzan_lightning.runs.records import read_clusters
from gtzan_lightning.runs.run_card import SPLIT_ORDER, versions
from gtzan_lightning.runs.run_folder import Card, RunFolder, now
from gtzan_lightning.studies.ladder import OTHER, LeakageLadder
from gtzan_lightning.studies.study import StudyResult
from gtzan_lightning.training.results import DRAWN_LEVELS, clusters_csv, save_figures
from gtzan_lightning.training.split_data import (
    configured_slices,
    load_configured_corpus,
    load_configured_features,
)
from gtzan_lightning.utils.files import write_text

CHOOSABLE = ("data", "features.path", "features.columns", "features.window_s", "cache_dir", "outputs")
"""Keys that an evaluation may set; all others are those of the training."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of a run on another corpus."""

    folder: Path  # below the run folder
    card: Card  # the content of evaluation.json
    predictions: Predictions  # of every slice; all are in the part "test"


def evaluate(
    run: TrainedRun | str | Path,
    overrides: Sequence[str],
    *,
    outputs: str | Path = "outputs",
    trust: Collection[str] = (),
) -> Evaluation:
    """Evaluates a trained run on another labelled corpus, and writes the result into the run folder.

    Genres are matched by name; tracks of other genres are counted and left out. Features, slices and normalisation are
    those of the training.

    Args:
        run: from `load_run`, or its argument.
        overrides: the corpus, as for `train.py`: `["data.root=/music"]`, `["features=table", "features.path=FILE"]`.
        outputs: folder in which runs are found by name.
        trust: packages whose classes the checkpoint may name; see `load_run`.

    Raises:
        GtzanError: the run or the corpus cannot be used, they share no genre, or the corpus is that of the training.

    Examples:
        >>> from gtzan_lightning import evaluate
        >>> evaluate("best", ["data.root=/music"]).card["metrics"]["clip"]["accuracy"]  # doctest: +SKIP
        0.31
    """
    trained = run if isinstance(run, TrainedRun) else load_run(run, outputs=outputs, trust=trust)
    words = corpus_overrides(trained, overrides)
    return evaluate_on(trained, validate_config(compose(words), words))


def corpus_overrides(run: TrainedRun, overrides: Sequence[str]) -> list[str]:
    """The overrides that name the corpus of an evaluation, with the features of a run that has its own table.

    Raises:
        GtzanError: one of them belongs to the training, or none names a corpus.
    """
    for word in overrides:
        key = word.lstrip("+").partition("=")[0]
        if word != f"features={TABLE}" and not any(key == name or key.startswith(f"{name}.") for name in CHOOSABLE):
            raise GtzanError(
                f"{word}: belongs to the training, whose settings an evaluation keeps. It may set "
                f"{', '.join(CHOOSABLE)}, and features={TABLE}."
            )
    if not any(word.startswith(("data.root=", "features.path=", "data=synthetic")) for word in overrides):
        raise GtzanError("gtzan evaluate needs a corpus: data.root=FOLDER, or features=table features.path=FILE.")
    own_table = run.config.features.name == TABLE and f"features={TABLE}" not in overrides
    return [*([f"features={TABLE}"] if own_table else []), *overrides]


def evaluate_on(run: TrainedRun, corpus_config: Config) -> Evaluation:
    """Evaluates a run on the corpus of a configuration, whose other sections are not used; see `evaluate`.

    Raises:
        GtzanError: as for `evaluate`.
    """
    if run.card is None:
        raise GtzanError(f"{run.path}: a checkpoint without its run folder, in which the evaluation would be kept.")
    RunFolder(run.path.parent).check_writable()
    config = _with_corpus(run.config, corpus_config)
    source = _source(run, config)
    whole = load_configured_corpus(config, source)
    _refuse_own_corpus(run, run.card, whole)
    genre_of, left_out = _matched_genres(run, whole)
    corpus = replace(
        whole,
        tracks=tuple(track for track in whole.tracks if track.genre in genre_of),
        genres=tuple(genre for genre in whole.genres if genre in genre_of),
    )
    features = load_configured_features(config, corpus)
    _check_features(run, run.card, features)
    slices = configured_slices(config, features)
    if slices.steps != run.shape[0]:
        raise GtzanError(f"{whole.root}: slices of {slices.steps} steps, but the run reads {run.shape[0]}.")
    probabilities, distances = _outputs(run, features, slices)
    tracks = [corpus.tracks[index] for index in slices.track_index]
    predictions = Predictions(
        np.asarray([track.track_id for track in tracks], dtype=object),
        slices.start_s,
        np.full(len(tracks), "test", dtype=object),
        np.asarray([genre_of[track.genre] for track in tracks], dtype=object),
        probabilities,
        run.genres,
    )
    data = {
        "corpus": whole.name,
        "source": whole.source,
        "tracks": len(whole.tracks),
        "sha256": whole.sha256,
        "left_out_genres": left_out,
        "spelled_as": {genre: other for genre, other in genre_of.items() if genre != other},
        "tracks_without_slice": [
            corpus.tracks[index].track_id for index in tracks_without_slice(slices, len(corpus.tracks))
        ],
        "reading": list(whole.reading),
        "notes": [*whole.notes, *features.notes],
    }
    folder = run.path.parent / "evaluations" / _folder_name(whole, config)
    return _recorded(run, folder, corpus, predictions, data, _ood(run, slices, distances))


def _with_corpus(trained: Config, given: Config) -> Config:
    """The configuration of the training with the corpus of another one."""
    chosen: dict[str, Any] = {key: getattr(given.features, key) for key in ("path", "columns")}
    if given.features.name == TABLE:
        chosen |= {"name": TABLE, "window_s": given.features.window_s, "drop": given.features.drop}
    features = trained.features.model_copy(update=chosen)
    return trained.model_copy(update={"data": given.data, "features": features, "cache_dir": given.cache_dir})


def _source(run: TrainedRun, config: Config) -> DataSource:
    """The data; a table is read for the features of the run."""
    source = locate_data(config)
    columns, half = run.columns, len(run.columns) // 2
    bases = tuple(name.removesuffix("_mean") for name in columns[:half])
    if config.features.pooling and columns[half:] == tuple(f"{name}_std" for name in bases):
        columns = bases
    reading = replace(source.options.reading, features=columns if source.own_table else ())
    return replace(source, options=replace(source.options, reading=reading))


def _refuse_own_corpus(run: TrainedRun, card: Mapping[str, Any], corpus: Corpus) -> None:
    known = card["data"]
    if corpus.sha256 == known["sha256"] or corpus.name == known["corpus"] == "gtzan":
        raise GtzanError(
            f"{corpus.root}: {corpus.name} is the corpus that {run.name} was trained on. Its own test part is in "
            "run.json (gtzan runs show); set data.root to another corpus."
        )


def _matched_genres(run: TrainedRun, corpus: Corpus) -> tuple[dict[str, str], dict[str, int]]:
    """The run's genre for each genre of the corpus that it knows, and the number of tracks of each other genre.

    Raises:
        GtzanError: there is no common genre.
    """
    by_key = {genre_key(genre): genre for genre in run.genres}
    found = {genre: by_key[genre_key(genre)] for genre in corpus.genres if genre_key(genre) in by_key}
    if not found:
        raise GtzanError(
            f"{corpus.root}: none of its genres ({', '.join(corpus.genres[:12])}) is one of the "
            f"run's ({', '.join(run.genres)}).\n"
            f"Name those that mean the same: data.genres.aliases={{other: {run.genres[0]}}}."
        )
    counts = Counter(track.genre for track in corpus.tracks if track.genre not in found)
    return found, dict(sorted(counts.items()))


def _check_features(run: TrainedRun, card: Mapping[str, Any], features: Features) -> None:
    """Checks that rows have the names and the length of those of the training.

    Raises:
        GtzanError: they differ.
    """
    if features.columns != run.columns:
        lacking = [name for name in run.columns if name not in features.columns]
        raise GtzanError(
            f"{run.name} was trained on {len(run.columns)} features, and the corpus has {len(features.columns)} others "
            f"(without {', '.join(lacking[:3])}). Give the same features."
        )
    trained = card["features"]
    length = None if features.whole_clips or features.row_s == WHOLE_CLIP_S else features.row_s
    expected = trained.get("row_s", features.row_s)
    expected = None if trained.get("whole_clips", False) or expected == WHOLE_CLIP_S else expected
    if length != expected:
        names = [f"one row every {each:g} s" if each else "one row a track" for each in (expected, length)]
        raise GtzanError(
            f"{run.name} was trained on {names[0]}, and the corpus has {names[1]}. Give the same features."
        )


def _outputs(
    run: TrainedRun, features: Features, slices: SliceTable
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None]:
    """Uncalibrated probabilities `(slices, genres)` and OOD distances `(slices,)` of all slices, batch by batch."""
    values, step_index = step_table(features, slices)
    probabilities, distances = [], []
    for first in range(0, len(slices), EVALUATION_BATCH):
        x = values[step_index[first : first + EVALUATION_BATCH]]
        probabilities.append(run.probabilities(x, calibrated=False))
        if run.ood is not None:
            distances.append(run.ood.distances(run.representations(x)))
    return np.concatenate(probabilities), np.concatenate(distances) if distances else None


def _ood(run: TrainedRun, slices: SliceTable, distances: NDArray[np.float64] | None) -> dict[str, Any] | None:
    """Share of the tracks whose median distance exceeds the limit of the training; None for older runs."""
    if run.ood is None or distances is None:
        return None
    median = track_distances(distances, slices.track_index)
    return {"share": float((median > run.ood.limit).mean()), "tracks": len(median), "limit": run.ood.limit}


def _folder_name(corpus: Corpus, config: Config) -> str:
    """`<corpus>-<hash>`; the hash covers the data and how they are read."""
    options = config.features.columns, config.features.drop, config.data.genres
    digest = hashlib.sha256(f"{corpus.sha256} {options}".encode()).hexdigest()[:HASH_LENGTH]
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', corpus.name).strip('-.') or 'corpus'}-{digest}"


def _recorded(
    run: TrainedRun, folder: Path, corpus: Corpus, predictions: Predictions, data: Card, ood: Card | None
) -> Evaluation:
    """Computes the scores from the written predictions, and writes the folder."""
    assert run.card is not None
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(predictions, folder / "predictions.csv")
    predictions = read_predictions(folder / "predictions.csv")
    cluster, names = resampling_clusters(corpus.tracks)
    clusters = {track.track_id: name for track, name in zip(corpus.tracks, names, strict=True)}
    write_text(folder / "clusters.csv", clusters_csv(clusters))
    decisions = {level: decide(predictions, level) for level in LEVELS}
    stratified = is_balanced(decisions["clip"])
    card: Card = {
        "run_id": run.name,
        "evaluation": folder.name,
        "created": now(),
        "data": data,
        "intervals": {"stratified_by_genre": stratified, "cluster": cluster},
        "metrics": {
            level: evaluate_level(each, clusters, cluster, stratified=stratified) for level, each in decisions.items()
        },
        "genres": {level: genre_entries(genre_metrics(decisions[level], clusters)) for level in DRAWN_LEVELS},
        "confusion": {level: confusion(decisions[level]).tolist() for level in DRAWN_LEVELS},
        "calibration": {"level": "window", "temperature": run.temperature, "before": calibration_metrics(predictions)},
        "ood": ood,
        "shared_artists": _shared_artists(run, cluster, clusters),
        "versions": versions(),
    }
    if run.temperature:
        card["calibration"]["after"] = calibration_metrics(with_temperature(predictions, run.temperature))
    caption = Caption(data["corpus"], run.card["split"]["name"], "another corpus", run=run.description)
    with not_fatal("The figures", data["notes"]):
        figures = {
            f"confusion_{level}": confusion_figure(decisions[level], card["metrics"][level], caption)
            for level in DRAWN_LEVELS
        }
        save_figures(folder / "figures", figures)
    write_text(folder / "evaluation.json", json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    return Evaluation(folder, card, predictions)


def _shared_artists(run: TrainedRun, cluster: str, clusters: Mapping[str, str]) -> int | None:
    """Number of artists that the run's corpus and this one have in common; None where artists are unknown."""
    assert run.card is not None
    if cluster != "artist" or run.card["metrics"]["test"]["clip"]["cluster"] != "artist":
        return None
    own = set(read_clusters(RunFolder(run.path.parent)).values())
    return len({name for name in own & set(clusters.values()) if not name.startswith(UNKNOWN_ARTIST)})


class CorpusLadder(LeakageLadder):
    """The leakage ladder; its last step is another corpus, `study.other_corpus`."""

    settings = ("outputs",)

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:
        """The tables and figures of the ladder, with the other corpus as a further split."""
        other = done[0]["study"].get("other_corpus")
        if other is None:
            return super().analyse(done, failed)
        names = [split for split in SPLIT_ORDER if any(card["split"]["name"] == split for card in done)]
        strictest = [card for card in done if card["split"]["name"] == names[-1]]
        return super().analyse([*done, *(_as_last_step(card, Path(other)) for card in strictest)], failed)


def _as_last_step(card: Card, corpus: Path) -> Card:
    """The card of a run with the scores on another corpus in place of those of its test part."""
    run = load_trained(Path(card["study"]["outputs"]) / "runs" / card["run_id"])
    is_table = corpus.is_file() and card["data"]["source"] == "tables"
    kind = "tracks" if corpus.is_file() and not is_table else "auto"
    root = None if is_table else str(corpus)
    named = {"kind": kind, "root": root, "source": None, "metadata": None, "name": None}
    table = {"name": TABLE, "path": str(corpus), "window_s": None} if is_table else {"path": None}
    config = run.config.model_copy(  # without Hydra, whose sweep has not ended yet
        update={
            "data": run.config.data.model_copy(update=named),
            "features": run.config.features.model_copy(update={**table, "columns": None, "drop": None}),
        }
    )
    result = evaluate_on(run, config)
    sizes = card["split"]["slices"] | {"test": result.card["metrics"]["window"]["n"]}
    return card | {
        "split": card["split"] | {"name": OTHER, "slices": sizes},
        "metrics": card["metrics"] | {"test": result.card["metrics"]},
    }
