"""Checks of the overrides of a command line before a run or sweep is composed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.config.composition import compose
from gtzan_lightning.errors import GtzanError

OPTIONAL = ("experiment", "ablation", "debug")  # groups that may be left out; their members change other groups

SUBMITIT = ("hydra-submitit-launcher", "slurm")
OPTUNA = ("hydra-optuna-sweeper", "optuna")
PLUGINS = {
    ("hydra/launcher", "joblib"): ("hydra-joblib-launcher", "joblib"),
    ("hydra/launcher", "slurm"): SUBMITIT,
    ("hydra/launcher", "slurm_local"): SUBMITIT,
    ("hydra/launcher", "ray"): ("hydra-ray-launcher", "ray"),
    ("hydra/sweeper", "optuna"): OPTUNA,
    ("experiment", "search"): OPTUNA,
}
"""Distribution and extra of this package that a member of a group needs, by group and member."""

DEVICE_KEYS = ("trainer", "trainer.devices", "experiment", "debug")  # overrides that can set the number of processes

# conf/hydra/launcher/ray.yaml extends the plugin's schema of the same name on purpose. Hydra 1.3 warns that a later
# version may not do so.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/ray' is validated against ConfigStore schema")


def check_overrides(arguments: Sequence[str], defaults: DictConfig, conf_dir: Path) -> None:
    """Checks keys, members of groups and the form `key=value`.

    Args:
        arguments: the command line without options.
        defaults: the configuration without overrides.
        conf_dir: the folder of the config groups.

    Raises:
        GtzanError: lists every mistake, one per line, with the closest valid name.
    """
    problems = []
    for argument in arguments:
        try:
            override = OverridesParser.create().parse_override(argument)
        except HydraException:
            problems.append(f"{argument}: not of the form key=value. {_quoting_hint(argument)}")
            continue
        problems += _problems_of(override, argument, defaults, conf_dir)
    if problems:
        raise GtzanError("\n".join(["The command line cannot be used:", *(f"  {problem}" for problem in problems)]))


def check_multirun(overrides: Sequence[str]) -> None:
    """Checks that no job of a multirun trains in several processes.

    Lightning starts each further process with the command line of the first, which would be the whole multirun.

    Raises:
        GtzanError: a job has `trainer.devices` > 1.
    """
    parsed = [OverridesParser.create().parse_override(text) for text in overrides]
    for combination in product(*(_expanded(each) for each in parsed if each.key_or_group in DEVICE_KEYS)):
        devices = compose(combination).trainer.devices
        if isinstance(devices, int) and devices > 1:
            raise GtzanError(
                f"trainer.devices={devices}: a job of a multirun cannot train in several processes. "
                "Run such jobs one by one, without -m, or several at a time on one device each: "
                "trainer=cpu hydra/launcher=joblib."
            )


def groups(conf_dir: Path) -> list[str]:
    """Names of the config groups, sorted."""
    return sorted(path.name for path in conf_dir.iterdir() if path.is_dir() and path.name != "hydra")


def members(group: str, conf_dir: Path) -> list[str]:
    """Members of a config group in natural order: 2s before 30s. Files that begin with `_` are not members."""
    names = [path.stem for path in (conf_dir / group).glob("[!_]*.yaml")]
    return sorted(names, key=lambda name: (not name[0].isdigit(), _leading_number(name), name))


def _problems_of(override: Override, argument: str, defaults: DictConfig, conf_dir: Path) -> list[str]:
    if missing := _missing_plugin(override):
        return [missing]
    key = override.key_or_group
    if key.startswith("hydra") or override.is_delete():
        return []
    if (conf_dir / key).is_dir():
        allowed = members(key, conf_dir)
        pattern = override.value()
        if isinstance(pattern, Glob):
            message = f"{argument}: matches nothing. Members of {key}: {', '.join(allowed)}."
            return [] if pattern.filter(allowed) else [message]
        or_none = ["null"] if key in OPTIONAL else []
        wrong = [value for value in _values(override) if value not in (*allowed, *or_none)]
        listed = f"Members of {key}: {', '.join(allowed)}."
        return [f"{key}={value}: unknown. {_suggestion(value, allowed)}{listed}" for value in wrong]
    known = [*groups(conf_dir), *_keys(defaults), *_member_keys(conf_dir)]
    is_section = OmegaConf.is_config(OmegaConf.select(defaults, key, throw_on_missing=False))
    if override.is_add() or key in known or is_section:
        return []
    advice = _suggestion(key, known).strip() or "python train.py --help lists the keys."
    return [f"{argument}: there is no key {key!r}. {advice}"]


def _missing_plugin(override: Override) -> str | None:
    """How to install the Hydra plugin that an override needs; None if it is installed or none is needed."""
    if override.is_delete() or override.is_sweep_override():
        return None
    key, member = override.key_or_group, override.get_value_element_as_str()
    distribution, extra = PLUGINS.get((key, member), (None, None))
    if distribution is None or _is_installed(distribution):
        return None
    return f"""{key}={member}: {distribution} is not installed. pip install "gtzan-lightning[{extra}]\""""


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _suggestion(wrong: str, known: Iterable[str]) -> str:
    close = get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}? " if close else ""


def _values(override: Override) -> list[str]:
    if override.is_sweep_override():
        return [text.strip("'\"") for text in override.sweep_string_iterator()] if override.is_discrete_sweep() else []
    return [override.get_value_element_as_str().strip("'\"")]


def _expanded(override: Override) -> list[str]:
    """One override for each value of a sweep."""
    if not override.is_choice_sweep():
        return [str(override.input_line)]
    return [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]


def _keys(defaults: DictConfig) -> list[str]:
    return [key for key in _flat_keys(OmegaConf.to_container(defaults, resolve=False)) if not key.startswith("hydra")]


def _member_keys(conf_dir: Path) -> list[str]:
    """Keys of all members of all groups: a model can have keys that the default model lacks."""
    files = [path for path in conf_dir.glob("*/*.yaml") if path.parent.name not in OPTIONAL]
    loaded = [(path.parent.name, OmegaConf.load(path)) for path in files]
    return [f"{group}.{key!s}" for group, cfg in loaded for key in (*cfg, *_flat_keys(OmegaConf.to_container(cfg)))]


def _flat_keys(values: object, prefix: str = "") -> list[str]:
    if not isinstance(values, dict):
        return [prefix.rstrip(".")]
    return [name for key, value in values.items() for name in _flat_keys(value, f"{prefix}{key}.")]


def _leading_number(name: str) -> int:
    digits = name[: len(name) - len(name.lstrip("0123456789"))]
    return int(digits) if digits else 0


def _quoting_hint(argument: str) -> str:
    return "Quote a value with spaces or commas: \"key='a b'\"." if "=" in argument else f"Did you mean {argument}=...?"
