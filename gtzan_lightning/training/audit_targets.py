"""From a command line or a run folder to the audit_input that is audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.audit.audit_input import AuditInput, RunFacts
from gtzan_lightning.audit.findings import Audit, by_severity
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
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.training.checkpoints import load_checkpoint
from gtzan_lightning.training.retraining import model_probe
from gtzan_lightning.training.split_data import SplitData, open_data

CLUSTERS: tuple[Cluster, ...] = ("track", "artist")


@dataclass(frozen=True)
class AuditTarget:
    """What is audited, and what it is called."""

    title: str
    config: Config
    data: SplitData
    audit_input: AuditInput
    card: Card  # the run's; empty before any run


def planned(config: Config) -> AuditTarget:
    """The split that a command line would train on, or the manifest that it names."""
    source = locate_data(config)
    check_compatibility(config, source)
    data = open_data(config, source, refuse=False)
    what = f"manifest {config.split.manifest}, said to be {config.split.name}"
    title = f"{data.corpus.name}: {what if config.split.manifest else f'split {config.split.name}'}"
    return AuditTarget(title, config, data, _case(config, data, _planned_facts(config, data)), {})


def finished(run: RunFolder) -> AuditTarget:
    """A run with its own split, normalisation and choice of the epoch.

    Raises:
        GtzanError: the run has not finished, or its data are no longer what they were.
    """
    card = run.done_card()
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
    return AuditTarget(f"Run {run.path.name}", config, data, _case(config, data, facts), card)


def audited(target: AuditTarget, *, fingerprint: bool = False) -> Audit:
    """Every check on the target; `fingerprint` also listens to the audio files.

    Raises:
        GtzanError: a fingerprint is asked for, and there is no audio.
    """
    outcome = run_checks(target.audit_input)
    if not fingerprint:
        return outcome
    found = audio_copies(target.audit_input, target.config.data.n_jobs)
    if found is None:
        raise GtzanError("--fingerprint: the tracks have no audio files here. Leave it out, or set data.root to audio.")
    return replace(
        outcome, checked=(*outcome.checked, "fingerprint"), findings=by_severity([*outcome.findings, *found])
    )


def random_label_control_of(target: AuditTarget, cluster: str, probe: str, draws: int) -> RandomLabelResult:
    """Placebo scores of the target's split.

    Args:
        target: what is audited.
        cluster: `track` or `artist`.
        probe: a key of PROBES, or `model` for the configured model.
        draws: sets of random labels.

    Raises:
        GtzanError: an unknown cluster, or artists that are not known.
    """
    chosen = next((known for known in CLUSTERS if known == cluster), None)
    if chosen is None:
        raise GtzanError(
            f"random_labels={cluster}: no such cluster. Choose random_labels=track or random_labels=artist."
        )
    make = PROBES.get(probe)
    trained = make(target.audit_input) if make else model_probe(target.config, target.data)
    return random_label_control(target.audit_input, trained, chosen, draws)


def with_random_labels(outcome: Audit, target: AuditTarget, result: RandomLabelResult) -> Audit:
    """The audit with what the random-label scores say of the split."""
    finding = result.finding(target.audit_input.promises(result.cluster))
    findings: Sequence = [*outcome.findings, *([finding] if finding else [])]
    return replace(
        outcome, checked=(*outcome.checked, f"random_labels by {result.cluster}"), findings=by_severity(findings)
    )


def _planned_facts(config: Config, data: SplitData) -> RunFacts:
    """What training would do with the parts; a manifest without a training part has no scale."""
    monitor = f"{config.trainer.best_epoch_on}/window_accuracy"
    if not (data.parts == "train").any():
        return RunFacts(monitor=monitor, features_chosen_on=(), by_design=config.leaks_by_design)
    options = config.features
    values, step_index = step_table(data.features, data.slices)
    scale = standardisation_of(values, step_index, data.parts, options.scaling, options.scaling_fitted_on)
    return RunFacts(scale.mean, scale.scale, scale.quantiles, monitor, (), config.leaks_by_design)


def _case(config: Config, data: SplitData, facts: RunFacts) -> AuditInput:
    return AuditInput(data.corpus, data.features, data.slices, data.parts, config.split.name, facts)


def audit(target: str | Path | Sequence[str], *, fingerprint: bool = False, outputs: str | Path = "outputs") -> Audit:
    """Checks a finished run, or the split that a configuration describes, for leakage.

    Args:
        target: a run (path, name, or a unique part of the name), or a list of overrides as for `compose`.
        fingerprint: also compare the sound of the audio files.
        outputs: folder that holds `runs/`.

    Raises:
        GtzanError: no such run, or a configuration that cannot be used.

    Example:
        >>> from gtzan_lightning import audit
        >>> [finding.check for finding in audit(["data=synthetic", "split=leaky"]).findings]  # doctest: +SKIP
    """
    if isinstance(target, (str, Path)):
        return audited(finished(named_run(str(target), Path(outputs))), fingerprint=fingerprint)
    return audited(planned(validate_config(compose(target), target)), fingerprint=fingerprint)
