"""The main job, as sentences: open the data, fit, pick the best epoch, score it, write the run folder."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.audit.audit_input import RunFacts
from gtzan_lightning.audit.findings import Audit
from gtzan_lightning.audit.leakage_audit import fast_audit
from gtzan_lightning.config.compatibility import check_combination
from gtzan_lightning.config.composition import run_dir as default_run_dir
from gtzan_lightning.config.schema import Config, checked
from gtzan_lightning.corpus.location import locate
from gtzan_lightning.datamodule.genre_datamodule import GenreDataModule
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.runs import run_card as cards
from gtzan_lightning.runs.job_board import current_report
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.training.callbacks import EpochProgress, History, LastCheckpoint, ReportedEpochs, ReseedEachEpoch
from gtzan_lightning.training.checkpoints import add_contents, load_checkpoint, resumable, with_versions
from gtzan_lightning.training.construction import fit_training_ood, make_datamodule, make_model, make_trainer
from gtzan_lightning.training.results import predict_all, record_results
from gtzan_lightning.training.split_data import SplitData, open_data
from gtzan_lightning.training.tensorboard_logging import event_logger
from gtzan_lightning.utils.files import write_text

SYNTHETIC_NOTICE = """\
+--------------------------------------------------------------------------------------------+
|  No data folder: training on the SYNTHETIC corpus. Its scores say nothing about real music. |
|  For GTZAN set data.root=FOLDER or the environment variable GTZAN_ROOT; see the README.     |
+--------------------------------------------------------------------------------------------+"""


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    folder: Path
    card: Card
    reused: bool  # it was finished before, and nothing was computed

    @property
    def scored(self) -> bool:
        """Whether there are scores: the further processes of a distributed run have none."""
        return "metrics" in self.card


def train(cfg: DictConfig, *, folder: Path | None = None, overrides: Sequence[str] = ()) -> RunResult:
    """Answers one config_hash: trains the model, scores its best epoch, writes the run folder.

    A finished run with the same identity is reused, an interrupted one continued, a failed one tried again.

    Args:
        cfg: the configuration, as `gtzan_lightning.config.composition.composed` or Hydra gives it.
        folder: the run folder; None is the one that belongs to the configuration.
        overrides: the command line, for the record.

    Raises:
        GtzanError: the configuration or the data cannot be used; the message says what to do.
    """
    own_folder = default_run_dir(cfg, overrides)
    config_hash = own_folder.name.rpartition("-")[2]
    run = RunFolder(folder or own_folder)
    run.path.mkdir(parents=True, exist_ok=True)
    if _is_helper_process():
        return _helped(cfg, run, overrides)
    with run.locked():
        if cfg.rerun or run.holds_another(config_hash):
            run.set_aside()
        elif run.is_done():
            return RunResult(run.path, run.card(), reused=True)
        card = cards.opened(run.path.name, config_hash, overrides, cfg.seed)
        with run.recording(card):
            result = _trained(cfg, run, card)
        return RunResult(run.path, run.card(), result.reused)


def _trained(cfg: DictConfig, run: RunFolder, card: Card) -> RunResult:
    """The run itself, between the first and the last writing of its card."""
    _quiet()
    config = checked(cfg, card["overrides"])
    check_combination(config)
    torch.set_num_threads(config.trainer.threads)
    write_text(run.path / "config.yaml", OmegaConf.to_yaml(_without_hydra(cfg), resolve=True))
    card["study"] = config.study.model_dump(by_alias=True) if config.study else None
    _announce(config, run)
    data = open_data(config)
    card |= cards.data_entries(
        data.corpus, data.features, data.slices, data.parts, config.split.model_dump(), run.split
    )
    card["leakage_warnings"] = [
        *cards.leakage_warnings(card),
        *(cards.LEAKAGE_WARNINGS[check] for check in sorted(config.leaks_by_design)),
    ]
    L.seed_everything(config.seed, verbose=False)
    datamodule = make_datamodule(config, data)
    model = make_model(config, datamodule.shape, len(datamodule.genres))
    card["model"] = {"name": type(model).__name__, "parameters": sum(p.numel() for p in model.parameters())}
    outcome = _audited(config, data, datamodule, model.monitor)
    card["audit"] = outcome.card()
    run.write_card(card)
    outcome.refuse_errors()  # a leak that the rule promises to exclude
    card["training"] = _fit(config, run, model, datamodule)
    predictions = predict_all(model, datamodule, config.trainer.limit_batches)
    record_results(run, card, predictions, data.corpus, config.model_dump(by_alias=True))
    add_contents(run.best_checkpoint, {"temperature": card["calibration"]["temperature"]})
    return RunResult(run.path, card, reused=False)


def _helped(cfg: DictConfig, run: RunFolder, overrides: Sequence[str]) -> RunResult:
    """The part of a further process in a distributed run: the same fit, and nothing written."""
    _quiet()
    config = checked(cfg, overrides)
    torch.set_num_threads(config.trainer.threads)
    data = open_data(config)
    L.seed_everything(config.seed, verbose=False)
    datamodule = make_datamodule(config, data)
    _fit(config, run, make_model(config, datamodule.shape, len(datamodule.genres)), datamodule)
    return RunResult(run.path, {}, reused=False)


def _audited(config: Config, data: SplitData, datamodule: GenreDataModule, monitor: str) -> Audit:
    """Looks for leaks before the fit."""
    scale = datamodule.standardisation
    facts = RunFacts(scale.mean, scale.scale, scale.quantiles, monitor, (), config.leaks_by_design)
    return datamodule.prepared.once(
        ("audit", config.split.name, monitor, config.leaks_by_design),
        lambda: fast_audit(data.corpus, data.features, data.slices, data.parts, config.split.name, facts),
    )


def _fit(config: Config, run: RunFolder, model: GenreModule, datamodule: GenreDataModule) -> dict[str, object]:
    """Trains to the end, from `last.ckpt` where there is one; leaves the best epoch's weights in the model."""
    history = History()
    model.contents = with_versions(_contents(config, datamodule))
    trainer = make_trainer(config, _callbacks(config, run, model, history), event_logger(run.path))
    resumed = resumable(run, config.model_dump(by_alias=True))
    started = time.monotonic()
    try:
        trainer.fit(model, datamodule, ckpt_path=resumed, weights_only=True)
    except SystemExit as stop:  # what Lightning makes of Ctrl-C and of a scheduler's signal
        raise KeyboardInterrupt from stop
    if not trainer.is_global_zero:
        return {}
    model.load_state_dict(load_checkpoint(run.best_checkpoint)["state_dict"])
    history.write(run.history)
    return {
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch(model.monitor, model.mode),
        "monitor": model.monitor,
        "seconds": round(time.monotonic() - started, 2),
        "device": str(trainer.strategy.root_device),
        "resumed": resumed is not None,
        "augmented_slices": datamodule.augmented_slices,
    }


def _contents(config: Config, datamodule: GenreDataModule) -> dict[str, object]:
    """What makes a checkpoint enough by itself to classify a new file."""
    return {
        "config": config.model_dump(by_alias=True),
        "genres": list(datamodule.genres),
        "columns": list(datamodule.columns),
        "shape": list(datamodule.shape),
        "mean": torch.from_numpy(datamodule.standardisation.mean),
        "scale": torch.from_numpy(datamodule.standardisation.scale),
        "quantiles": torch.from_numpy(datamodule.standardisation.quantiles),
        "ood": fit_training_ood(config, datamodule),
    }


def _callbacks(config: Config, run: RunFolder, model: GenreModule, history: History) -> list[Callback]:
    """Seeds, curves, checkpoints, early stopping, progress."""
    best = ModelCheckpoint(
        run.path, "best", monitor=model.monitor, mode=model.mode, save_weights_only=True, enable_version_counter=False
    )
    callbacks: list[Callback] = [
        ReseedEachEpoch(config.seed),
        history,
        best,
        LastCheckpoint(run.last_checkpoint, config.trainer.save_every_s),
    ]
    if config.regularization.patience:
        callbacks.append(EarlyStopping(model.monitor, patience=config.regularization.patience, mode=model.mode))
    report = current_report()
    if report is not None:
        callbacks.append(ReportedEpochs(report))
    elif config.trainer.progress:
        callbacks.append(EpochProgress(run.path.name))
    return callbacks


def _announce(config: Config, run: RunFolder) -> None:
    """Says before the work which run this is, and that a made-up corpus is no music."""
    print(f"Run {run.path.name}", flush=True)
    if locate(config.data.kind, config.data.root) is None:
        print(SYNTHETIC_NOTICE, flush=True)


def _without_hydra(cfg: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])


def _is_helper_process() -> bool:
    """Whether this is a further process of a distributed run: it trains, and writes nothing."""
    return int(os.environ.get("LOCAL_RANK", 0)) > 0


def _quiet() -> None:
    """Lightning's notices about devices, loaders and logging say nothing that the run card does not."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for notice in ("does not have many workers", "Checkpoint directory .* exists", "logging interval", "LeafSpec"):
        warnings.filterwarnings("ignore", message=f".*{notice}.*")
