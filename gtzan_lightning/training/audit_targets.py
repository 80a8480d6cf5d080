"""From a command line or a run folder to the case that is audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.audit.audit_input import Case, RunFacts
from gtzan_lightning.audit.findings import Audit, worst_first
from gtzan_lightning.audit.fingerprint import audio_copies
from gtzan_lightning.audit.leakage_audit import audit
from gtzan_lightning.audit.random_labels import PROBES, Placebo, Unit, placebo
from gtzan_lightning.config.compatibility import check_combination
from gtzan_lightning.config.schema import Config, checked
from gtzan_lightning.datamodule.scaling import standardisation_of
from gtzan_lightning.datamodule.slices import step_table
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.training.checkpoints import load_checkpoint
from gtzan_lightning.training.retraining import model_probe
from gtzan_lightning.training.split_data import SplitData, open_data

UNITS: tuple[Unit, ...] = ("track", "artist")


@dataclass(frozen=True)
class Subject:
    """What is audited, and what it is called."""

    title: str
    config: Config
    data: SplitData
    case: Case
    card: Card  # the run's; empty before any run


def planned(config: Config) -> Subject:
    """The split that a command line would train on, or the manifest that it names."""
    check_combination(config)
    data = open_data(config, refuse=False)
    what = f"manifest {config.split.manifest}, said to be {config.split.name}"
    title = f"{data.corpus.name}: {what if config.split.manifest else f'split {config.split.name}'}"
    return Subject(title, config, data, _case(config, data, _planned_facts(config, data)), {})


def finished(run: RunFolder) -> Subject:
    """A run with its own split, normalisation and choice of the epoch.

    Raises:
        GtzanError: the run has not finished, or its data are no longer what they were.
    """
    card = run.done_card()
    stored = checked(DictConfig(OmegaConf.load(run.path / "config.yaml")))
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
    return Subject(f"Run {run.path.name}", config, data, _case(config, data, facts), card)


def audited(subject: Subject, *, fingerprint: bool = False) -> Audit:
    """Every check on the subject; `fingerprint` also listens to the audio files.

    Raises:
        GtzanError: a fingerprint is asked for, and there is no audio.
    """
    outcome = audit(subject.case)
    if not fingerprint:
        return outcome
    found = audio_copies(subject.case, subject.config.data.n_jobs)
    if found is None:
        raise GtzanError("--fingerprint: the tracks have no audio files here. Leave it out, or set data.root to audio.")
    return replace(
        outcome, checked=(*outcome.checked, "fingerprint"), findings=worst_first([*outcome.findings, *found])
    )


def placebo_of(subject: Subject, unit: str, probe: str, draws: int) -> Placebo:
    """Placebo scores of the subject's split.

    Args:
        subject: what is audited.
        unit: `track` or `artist`.
        probe: a key of PROBES, or `model` for the configured model.
        draws: sets of placebo labels.

    Raises:
        GtzanError: an unknown unit, or artists that are not known.
    """
    chosen = next((known for known in UNITS if known == unit), None)
    if chosen is None:
        raise GtzanError(f"placebo={unit}: no such unit. Choose placebo=track or placebo=artist.")
    make = PROBES.get(probe)
    trained = make(subject.case) if make else model_probe(subject.config, subject.data)
    return placebo(subject.case, trained, chosen, draws)


def with_placebo(outcome: Audit, subject: Subject, result: Placebo) -> Audit:
    """The audit with what the placebo scores say of the split."""
    finding = result.finding(subject.case.promises(result.unit))
    findings: Sequence = [*outcome.findings, *([finding] if finding else [])]
    return replace(outcome, checked=(*outcome.checked, f"placebo by {result.unit}"), findings=worst_first(findings))


def _planned_facts(config: Config, data: SplitData) -> RunFacts:
    """What training would do with the parts; a manifest without a training part has no scale."""
    monitor = f"{config.trainer.best_epoch_on}/window_accuracy"
    if not (data.parts == "train").any():
        return RunFacts(monitor=monitor, features_chosen_on=(), by_design=config.leaks_by_design)
    options = config.features
    values, step_index = step_table(data.features, data.slices)
    scale = standardisation_of(values, step_index, data.parts, options.scaling, options.scaling_fitted_on)
    return RunFacts(scale.mean, scale.scale, scale.quantiles, monitor, (), config.leaks_by_design)


def _case(config: Config, data: SplitData, facts: RunFacts) -> Case:
    return Case(data.corpus, data.features, data.slices, data.parts, config.split.name, facts)
