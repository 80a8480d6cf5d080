"""Audits of a configuration or a finished run: loads its data and settings and passes them to the checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.audit.findings import Audit, AuditInput, RunFacts
from gtzan_lightning.audit.fingerprint import audio_copies
from gtzan_lightning.audit.leakage_audit import audit as run_checks
from gtzan_lightning.audit.random_labels import PROBES, Cluster, RandomLabelResult, random_label_control
from gtzan_lightning.config.compatibility import check_compatibility, locate_data
from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import Config, validate_config
from gtzan_lightning.datamodule.scaling import standardisation_of
from gtzan_lightning.datamodule.slices import step_table
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.browser import named_run
from gtzan_lightning.runs.run_folder import REMEDY, Card, RunFolder
from gtzan_lightning.training.checkpoints import load_checkpoint
from gtzan_lightning.training.construction import make_datamodule, make_model, make_trainer
from gtzan_lightning.training.split_data import SplitData, open_data


def audit(target: str | Path | Sequence[str], *, fingerprint: bool = False, outputs: str | Path = "outputs") -> Audit:
    """Checks a finished run, or the split that a configuration describes, for leakage.

    Args:
        target: a run (path, name, or a unique part of the name), or a list of overrides as for `compose`.
        fingerprint: also compare the sound of the audio files.
        outputs: folder that holds `runs/`.

    Raises:
        GtzanError: no such run, or a configuration that cannot be used.

    Examples:
        >>> from gtzan_lightning import audit
        >>> [finding.check for finding in audit(["split=grouped"]).findings if finding.severity == "error"]
        []
    """
    if isinstance(target, (str, Path)):
        return audited(run_target(named_run(str(target), Path(outputs))), fingerprint=fingerprint)
    return audited(split_target(validate_config(compose(target), target)), fingerprint=fingerprint)


@dataclass(frozen=True)
class AuditTarget:
    """A configuration or a run with the data to audit."""

    title: str
    config: Config
    data: SplitData
    facts: RunFacts
    card: Card  # empty before any run

    @property
    def audit_input(self) -> AuditInput:
        """The argument of the checks."""
        data = self.data
        return AuditInput(data.corpus, data.features, data.slices, data.parts, self.config.split.name, self.facts)


def split_target(config: Config) -> AuditTarget:
    """The split, or the manifest, of a configuration, with the normalisation that training would fit."""
    source = locate_data(config)
    check_compatibility(config, source)
    data = open_data(config, source, refuse=False)
    split, options = config.split, config.features
    what = f"manifest {split.manifest}, declared as {split.name}" if split.manifest else f"split {split.name}"
    mean = scale = quantiles = None
    if (data.parts == "train").any():  # a manifest may lack it
        values, step_index = step_table(data.features, data.slices)
        fitted = standardisation_of(values, step_index, data.parts, options.scaling, options.scaling_fitted_on)
        mean, scale, quantiles = fitted.mean, fitted.scale, fitted.quantiles
    selects = config.trainer.best_epoch_on
    monitor = "last epoch" if selects == "last" else f"{selects}/window_accuracy"
    facts = RunFacts(mean, scale, quantiles, monitor, (), config.leaks_by_design)
    return AuditTarget(f"{data.corpus.name}: {what}", config, data, facts, {})


def run_target(run: RunFolder) -> AuditTarget:
    """A run with its own split, normalisation and selection of the epoch.

    Raises:
        GtzanError: The run has not finished, or its corpus has changed.
    """
    card = run.done_card()
    if not run.config():
        raise GtzanError(f"{run.path / 'config.yaml'}: missing. {REMEDY}")
    stored = validate_config(DictConfig(OmegaConf.load(run.path / "config.yaml")))
    split = stored.split.model_copy(update={"manifest": str(run.split)})
    config = stored.model_copy(update={"split": split})
    data = open_data(config, refuse=False)
    if data.corpus.sha256 != card["data"]["sha256"]:
        raise GtzanError(
            f"{run.path}: its corpus has changed since, or another one is configured now ({data.corpus.root}).\n"
            "Set GTZAN_ROOT to the data of the run, or repeat the run with rerun=true."
        )
    contents = load_checkpoint(run.best_checkpoint)[CONTENTS]
    mean, scale, quantiles = (contents[name].numpy() for name in ("mean", "scale", "quantiles"))
    facts = RunFacts(mean, scale, quantiles, card["training"]["monitor"], (), stored.leaks_by_design)
    return AuditTarget(f"Run {run.path.name}", config, data, facts, card)


def audited(target: AuditTarget, *, fingerprint: bool = False) -> Audit:
    """Runs every check on the target; `fingerprint` also compares the audio files.

    Raises:
        GtzanError: A fingerprint is requested and there is no audio.
    """
    outcome = run_checks(target.audit_input)
    if not fingerprint:
        return outcome
    found = audio_copies(target.audit_input, target.config.data.n_jobs)
    if found is None:
        raise GtzanError("--fingerprint: the tracks have no audio files here. Leave it out, or set data.root to audio.")
    return outcome.extended("fingerprint", found)


def random_label_control_of(target: AuditTarget, cluster: str, probe: str, draws: int) -> RandomLabelResult:
    """Accuracies of a probe under random labels, on the target's split.

    Args:
        target: The data and split.
        cluster: `track` or `artist`.
        probe: A key of PROBES, or `model` for the configured model.
        draws: Number of sets of random labels.

    Raises:
        GtzanError: The cluster is unknown, or the corpus does not know its artists.
    """
    chosen = next((known for known in get_args(Cluster) if known == cluster), None)
    if chosen is None:
        raise GtzanError(
            f"random_labels={cluster}: no such cluster. Choose random_labels=track or random_labels=artist."
        )
    make = PROBES.get(probe)
    trained = make(target.audit_input) if make else model_probe(target.config, target.data)
    return random_label_control(target.audit_input, trained, chosen, draws)


def with_random_labels(outcome: Audit, target: AuditTarget, result: RandomLabelResult) -> Audit:
    """The audit extended by the random-label control."""
    finding = result.finding(target.audit_input.promises(result.cluster))
    return outcome.extended(f"random labels by {result.cluster}", [finding] if finding else [])


def model_probe(config: Config, data: SplitData) -> Callable[[NDArray[np.int64]], float]:
    """A function that trains the model on labels `(tracks,)` and returns the test accuracy of its best epoch."""

    def probe(labels: NDArray[np.int64]) -> float:
        genres = data.corpus.genres
        tracks = [replace(track, genre=genres[label]) for track, label in zip(data.corpus.tracks, labels, strict=True)]
        relabelled = replace(data, corpus=replace(data.corpus, tracks=tuple(tracks)))
        with TemporaryDirectory() as folder:
            return _test_accuracy(config, relabelled, Path(folder))

    return probe


def _test_accuracy(config: Config, data: SplitData, folder: Path) -> float:
    """Trains a new model and returns the accuracy of its best epoch on the test slices."""
    from gtzan_lightning.training.results import predicted  # imports matplotlib

    torch.set_num_threads(config.trainer.threads)
    L.seed_everything(config.seed, verbose=False)
    datamodule = make_datamodule(config, data)
    model = make_model(config, datamodule.shape, len(datamodule.genres))
    monitor, mode = ("epoch", "max") if config.trainer.best_epoch_on == "last" else (model.monitor, model.mode)
    best = ModelCheckpoint(folder, "best", monitor=monitor, mode=mode, save_weights_only=True)
    make_trainer(config, [best], logger=False).fit(model, datamodule)
    model.load_state_dict(torch.load(best.best_model_path, map_location="cpu", weights_only=True)["state_dict"])
    chosen, loader = datamodule.evaluation_loader("test")
    genre = predicted(config, model, loader).argmax(axis=1)
    truth = np.asarray(data.corpus.labels())[data.slices.track_index[chosen]]
    return float((genre == truth[: len(genre)]).mean())
