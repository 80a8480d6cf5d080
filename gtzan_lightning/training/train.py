"""The main job: load the data, fit, select the best epoch, evaluate it, write the run folder."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.audit.findings import Audit, AuditInput, RunFacts
from gtzan_lightning.audit.leakage_audit import audit
from gtzan_lightning.config.compatibility import RunRequest, prepare
from gtzan_lightning.config.composition import plain_config
from gtzan_lightning.config.composition import run_dir as default_run_dir
from gtzan_lightning.config.identity import code_files
from gtzan_lightning.config.schema import Config
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import GenreModule, check_output
from gtzan_lightning.runs import run_card as cards
from gtzan_lightning.runs.data_entries import data_entries
from gtzan_lightning.runs.job_board import current_report
from gtzan_lightning.runs.run_folder import LIMITS, Card, RunFolder, changed_code
from gtzan_lightning.training.callbacks import BestCheckpoint, EpochProgress, History, LastCheckpoint, ReportedEpochs
from gtzan_lightning.training.checkpoints import (
    add_contents,
    load_checkpoint,
    load_initial_weights,
    resumable,
    with_versions,
)
from gtzan_lightning.training.construction import (
    check_device,
    make_callbacks,
    make_datamodule,
    make_loggers,
    make_model,
    make_trainer,
)
from gtzan_lightning.training.ood_fitting import fit_run_ood
from gtzan_lightning.training.results import accuracies_on_test, predict_all, record_results
from gtzan_lightning.training.split_data import SplitData, open_data
from gtzan_lightning.utils.code_hash import short_list
from gtzan_lightning.utils.files import write_text

SYNTHETIC_NOTICE = "Training on the SYNTHETIC corpus: its scores say nothing about real music."
NO_DATA_NOTICE = "There is no data folder: set data.root=FOLDER or GTZAN_ROOT=FOLDER for GTZAN."

BATCHES_PER_LIST = 64  # optimizer steps in one step of Lightning
STEP_HOOKS = (
    "training_step", "configure_optimizers", "configure_gradient_clipping", "backward", "optimizer_step",
    "optimizer_zero_grad", "lr_scheduler_step", "on_train_batch_start", "on_train_batch_end", "on_before_zero_grad",
    "on_before_backward", "on_after_backward", "on_before_optimizer_step", "on_before_batch_transfer",
    "on_after_batch_transfer", "transfer_batch_to_device",
)  # fmt: skip
"""Methods that Lightning calls for each step: a model that has its own gets each step from Lightning."""

LAST_EPOCH = "last epoch"  # in place of a score that selects the epoch
LEFTOVERS = ("LOCAL_RANK", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_RANK")
"""Variables of launchers of distributed runs."""


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    folder: Path
    card: Card
    reused: bool  # finished before; nothing was computed

    @property
    def scored(self) -> bool:
        """Whether there are scores; only the first process of a distributed run has them."""
        return "metrics" in self.card


def train(
    cfg: DictConfig,
    *,
    folder: Path | None = None,
    overrides: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
) -> RunResult:
    """Trains a model, evaluates its best epoch and writes the run folder.

    A finished run with the same config hash is reused, an interrupted one continued, a failed one repeated.

    Args:
        cfg: the configuration, as `compose` or Hydra returns it.
        folder: the run folder; None is that of the configuration.
        overrides: the command line, for the run card; the default is that of `compose`.
        callbacks: further callbacks of Lightning; they are not part of the config hash, so they should only watch.

    Raises:
        GtzanError: the configuration or the data are not usable.

    Examples:
        >>> from gtzan_lightning import compose, train
        >>> overrides = ["model=mlp", "trainer.max_epochs=1", "trainer.progress=false"]
        >>> result = train(compose(overrides))  # doctest: +ELLIPSIS
        Run mlp-3s-grouped-...
        >>> sorted(result.card["metrics"]["test"])
        ['clip', 'clip_vote', 'window']
    """
    overrides = overrides or list(OmegaConf.select(cfg, "hydra.overrides.task") or ())
    try:
        request, refusal = prepare(cfg, overrides), None
        check_device(request.config)
    except GtzanError as error:
        request, refusal = None, error
    own_folder = default_run_dir(cfg, overrides, request.source if request else None)
    run = RunFolder(folder or own_folder)
    run.path.mkdir(parents=True, exist_ok=True)
    if request is not None and _is_helper_process(request.config):
        return _fit_as_helper(request, run)
    run_hash = own_folder.name.rpartition("-")[2]
    with run.locked():
        reuse = "never" if cfg.rerun else str(cfg.reuse)
        code = code_files(plain_config(cfg))
        if reuse == "never" or run.holds_another(run_hash):
            run.set_aside()
        elif (kept := _kept(run, reuse, code)) is not None:
            return RunResult(run.path, kept, reused=True)
        continued = run.card() if run.last_checkpoint.is_file() else {}
        card = cards.new_card(run.path.name, run_hash, overrides, cfg.seed, cards.code_entry(code, continued))
        with run.recording(card):
            if request is None:
                assert refusal is not None
                raise refusal
            write_text(run.path / "config.yaml", OmegaConf.to_yaml(_without_hydra(cfg), resolve=True))
            _train(request, run, card, callbacks)
        return RunResult(run.path, run.card(), reused=False)


def _kept(run: RunFolder, reuse: str, code: Mapping[str, str]) -> Card | None:
    """The card of a finished run that is reused, with a mark if its code has changed since.

    A run of other code is set aside unless `reuse` is "always": a finished one, and one that could be continued.

    Args:
        run: the run folder.
        reuse: `same_code` or `always`.
        code: hash of each source file of the run now.
    """
    card, done = run.card(), run.is_done()
    changed = changed_code(card, code)
    if changed and reuse == "same_code" and (done or run.last_checkpoint.is_file()):
        since = f"has changed since ({short_list(changed)})" if card.get("code") else "is not known"
        kept = run.set_aside()
        print(
            f"{run.path.name}: the code of the earlier run {since}. It is kept as {kept and kept.name} and repeated; "
            "reuse=always keeps the result.",
            flush=True,
        )
        return None
    if not done:
        return None
    marked = dict(card.get("code", {})) | {"changed": changed}
    if changed != card.get("code", {}).get("changed", []):
        card["code"] = marked
        run.write_card(card)
    notes = [f"its code has changed since ({short_list(changed)})"] * bool(changed)
    if differing := cards.version_differences(card):
        notes.append(f"it was made with {', '.join(differing)}")
    print(f"Finished before{''.join(f'; {note}' for note in notes)}. reuse=never repeats it.", flush=True)
    return card


def _train(request: RunRequest, run: RunFolder, card: Card, callbacks: Sequence[Callback]) -> None:
    """Audits, trains and evaluates, and fills in the card."""
    config = request.config
    card["limits"] = _limits(config)
    card["study"] = config.study.model_dump(by_alias=True) if config.study else None
    _announce(request, run)
    data, datamodule, model = _set_up(request)
    card |= data_entries(data.corpus, data.features, data.slices, data.parts, config.split.model_dump(), run.split)
    card["leakage_warnings"] = [
        *filter(None, [card["split"]["leakage_warning"]]),
        *(cards.LEAKAGE_WARNINGS[check] for check in sorted(config.leaks_by_design)),
    ]
    card["tags"] = config.tags
    card["model"] = {"name": model.name, "parameters": sum(p.numel() for p in model.parameters())}
    outcome = _audit(config, data, datamodule, _selected_by(config, model))
    card["audit"] = outcome.card()
    run.write_card(card)
    outcome.refuse_errors()  # leaks that the split rule excludes
    loggers = make_loggers(config, run)
    card["training"] = _fit(config, run, model, datamodule, [*make_callbacks(config), *callbacks], loggers)
    options = config.model_dump(by_alias=True)
    record_results(run, card, predict_all(model, datamodule, config), data.corpus, options, loggers)
    contents = {"ood": fit_run_ood(config, datamodule, model.cpu().eval())}
    if "calibration" in card:
        contents["temperature"] = card["calibration"]["temperature"]
    add_contents(run.best_checkpoint, contents)


def _set_up(request: RunRequest) -> tuple[SplitData, SliceDataModule, GenreModule]:
    """Loads the data, sets the seeds, and builds DataModule and model."""
    config = request.config
    _quiet()
    torch.set_num_threads(config.trainer.threads)
    data = open_data(config, request.source)
    L.seed_everything(config.seed, verbose=False)
    datamodule = make_datamodule(config, data)
    model = make_model(config, datamodule.shape, len(datamodule.genres))
    check_output(model, config.model.target, datamodule.shape, len(datamodule.genres))
    return data, datamodule, model


def _fit_as_helper(request: RunRequest, run: RunFolder) -> RunResult:
    """A further process of a distributed run: fits, and writes nothing."""
    _, datamodule, model = _set_up(request)
    _fit(request.config, run, model, datamodule, make_callbacks(request.config), make_loggers(request.config, run))
    return RunResult(run.path, {}, reused=False)


def _audit(config: Config, data: SplitData, datamodule: SliceDataModule, monitor: str) -> Audit:
    """Audits the split and the scaling for leakage."""
    scale = datamodule.standardisation
    facts = RunFacts(scale.mean, scale.scale, scale.quantiles, monitor, (), config.leaks_by_design)
    return datamodule.prepared.once(
        ("audit", config.split.name, monitor, config.leaks_by_design),
        lambda: audit(AuditInput(data.corpus, data.features, data.slices, data.parts, config.split.name, facts)),
    )


def _fit(
    config: Config,
    run: RunFolder,
    model: GenreModule,
    datamodule: SliceDataModule,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
) -> dict[str, object]:
    """Trains, from `last.ckpt` if there is one, and loads the weights of the selected epoch into the model."""
    history = History()
    if not callbacks:  # which may do something between two steps
        shorten_steps(config, model, datamodule)
    model.contents = with_versions(_contents(config, datamodule))
    trainer = make_trainer(config, [*_callbacks(config, run, model, history), *callbacks], loggers or False)
    resumed = resumable(run, config.model_dump(by_alias=True))
    if config.ckpt_path is not None and resumed is None:
        load_initial_weights(model, Path(config.ckpt_path))
    started = time.monotonic()
    try:
        trainer.fit(model, datamodule, ckpt_path=resumed, weights_only=True)
    except SystemExit as stop:  # raised by Lightning after Ctrl-C or a signal of a scheduler
        raise KeyboardInterrupt from stop
    if not trainer.is_global_zero:
        return {}
    if config.trainer.model_extra and config.trainer.model_extra.get("fast_dev_run"):  # Lightning keeps no checkpoints
        trainer.save_checkpoint(run.best_checkpoint, weights_only=True)
    last_epoch: dict[str, object] = {}
    if config.trainer.best_epoch_on == "test":  # otherwise the test part is used once
        last_epoch["last_epoch"] = {"test": accuracies_on_test(model, datamodule, config)}
    model.load_state_dict(load_checkpoint(run.best_checkpoint)["state_dict"])
    history.write(run.history)
    selected_by, epochs = _selected_by(config, model), len(history.epochs)
    return {
        "epochs": epochs,
        "best_epoch": epochs if selected_by == LAST_EPOCH else history.best_epoch(selected_by, model.mode),
        "monitor": selected_by,
        **last_epoch,
        "seconds": round(time.monotonic() - started, 2),
        "device": str(trainer.strategy.root_device),
        "resumed": resumed is not None,
        "augmented_slices": datamodule.augmented_slices,
    }


def shorten_steps(config: Config, model: GenreModule, datamodule: SliceDataModule) -> None:
    """Lets the model take several steps at a time where Lightning does nothing between them; the numbers are the same.

    With small networks and batches, a quarter to a half of the time of a step is Lightning's.
    """
    options, schedule = config.trainer, config.scheduler
    plain = options.limit_batches is None and not options.model_extra
    single = options.devices == 1 and options.precision == "32-true" and options.accelerator == "cpu"
    scheduled = schedule is not None and not schedule.target.endswith("Plateau")  # which follows a score
    own = all(getattr(type(model), hook) is getattr(GenreModule, hook) for hook in STEP_HOOKS)
    supported = scheduled and not model.optimization.needs_closure
    if plain and single and supported and own and model.automatic_optimization:
        model.automatic_optimization = False
        datamodule.batches_per_list = BATCHES_PER_LIST


def _selected_by(config: Config, model: GenreModule) -> str:
    """What selects the epoch whose weights are kept: the name of a score, or `LAST_EPOCH`."""
    return LAST_EPOCH if config.trainer.best_epoch_on == "last" else model.monitor


def _contents(config: Config, datamodule: SliceDataModule) -> dict[str, object]:
    """What a checkpoint needs besides the weights to classify a new file."""
    lengths = datamodule.features.length_s if config.whole_clips else None
    return {
        "config": config.model_dump(by_alias=True),
        "genres": list(datamodule.genres),
        "columns": list(datamodule.columns),
        "shape": list(datamodule.shape),
        "mean": torch.from_numpy(datamodule.standardisation.mean),
        "scale": torch.from_numpy(datamodule.standardisation.scale),
        "quantiles": torch.from_numpy(datamodule.standardisation.quantiles),
        "clip_s": None if lengths is None else float(lengths.max()),
    }


def _callbacks(config: Config, run: RunFolder, model: GenreModule, history: History) -> list[Callback]:
    """History, checkpoints, early stopping and progress."""
    selected_by = _selected_by(config, model)
    # The number of the epoch, which only grows, keeps the last one.
    monitor, mode = ("epoch", "max") if selected_by == LAST_EPOCH else (selected_by, model.mode)
    best = BestCheckpoint(
        run.path, "best", monitor=monitor, mode=mode, save_weights_only=True, enable_version_counter=False
    )
    callbacks: list[Callback] = [
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


def _announce(request: RunRequest, run: RunFolder) -> None:
    """Prints the run's name, and a notice if the corpus is synthetic."""
    print(f"Run {run.path.name}", flush=True)
    if request.source.location is None:
        print(SYNTHETIC_NOTICE, flush=True)
        if request.config.data.kind == "auto":  # else the corpus was named
            print(NO_DATA_NOTICE, flush=True)


def _limits(config: Config) -> list[str]:
    """The settings of the trainer that leave out examples, as overrides."""
    values = config.trainer.model_dump()
    return [f"trainer.{name}={values[name]}" for name in LIMITS if values.get(name)]


def _without_hydra(cfg: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])


def _is_helper_process(config: Config) -> bool:
    """Whether this is a further process of a distributed run; with one process, the environment has no effect."""
    nodes = (config.trainer.model_extra or {}).get("num_nodes", 1)
    if config.trainer.devices > 1 or nodes > 1:
        return int(os.environ.get("LOCAL_RANK", 0)) > 0 or int(os.environ.get("NODE_RANK", 0)) > 0
    for name in LEFTOVERS:
        os.environ.pop(name, None)
    setattr(rank_zero_only, "rank", 0)  # noqa: B010, mypy does not know the attribute; Lightning read the variables on import
    return False


def _quiet() -> None:
    """Silences notices of Lightning about devices, loaders and logging."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for notice in (
        "does not have many workers",
        "Checkpoint directory .* exists",
        "logging interval",
        "LeafSpec",
        "no optimizer",
        "returned `None`",
        "is an empty generator",
        "scheduler dict contains the key",
        "Total length of `list` across ranks is zero",
        "but have no `val_dataloader`",
    ):
        warnings.filterwarnings("ignore", message=f".*{notice}.*")
