"""What a multirun cannot be.

MERGED: Hydra's plugins that are not installed by default: which word of a command line needs which extra. | Looks over a command line before anything is composed, and tells all its mistakes at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Plugin:
    """A distribution, and the extra of this project that brings it with the versions that work."""

    distribution: str
    extra: str


SUBMITIT = Plugin("hydra-submitit-launcher", "slurm")
OPTUNA = Plugin("hydra-optuna-sweeper", "optuna")
PLUGINS = {
    ("hydra/launcher", "joblib"): Plugin("hydra-joblib-launcher", "joblib"),
    ("hydra/launcher", "slurm"): SUBMITIT,
    ("hydra/launcher", "slurm_local"): SUBMITIT,
    ("hydra/launcher", "ray"): Plugin("hydra-ray-launcher", "ray"),
    ("hydra/sweeper", "optuna"): OPTUNA,
    ("experiment", "search"): OPTUNA,
}
"""By group and member."""

# Hydra fills our `hydra/launcher=ray` up from the plugin's configuration of that name, which is what we want, and warns
# of it as something that its version 1.4 may not do.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/ray' is validated against ConfigStore schema")


def missing_plugin(override: Override) -> str | None:
    """What to install before this override can work; None where nothing is missing."""
    if override.is_delete() or override.is_sweep_override():
        return None
    key, member = override.key_or_group, override.get_value_element_as_str()
    plugin = PLUGINS.get((key, member))
    if plugin is None or _is_installed(plugin):
        return None
    return f"""{key}={member}: {plugin.distribution} is not installed. pip install "gtzan-lightning[{plugin.extra}]\""""


def _is_installed(plugin: Plugin) -> bool:
    try:
        version(plugin.distribution)
    except PackageNotFoundError:
        return False
    return True


OPTIONAL = ("experiment", "ablation", "debug")  # groups that bring changes to the others, and may be left out


def check_overrides(arguments: Sequence[str], defaults: DictConfig, conf_dir: Path) -> None:
    """Finds unknown keys, unknown members of groups, and arguments that are no `key=value`.

    Args:
        arguments: the command line without options.
        defaults: the configuration without overrides, which knows all keys.
        conf_dir: the folder of the config groups.

    Raises:
        GtzanError: all mistakes, one line each, with what was probably meant.
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


def members(group: str, conf_dir: Path) -> list[str]:
    """Members of a config group, sorted as a person would: 2s before 30s."""
    names = [path.stem for path in (conf_dir / group).glob("[!_]*.yaml")]
    return sorted(names, key=lambda name: (not name[0].isdigit(), _leading_number(name), name))


def _problems_of(override: Override, argument: str, defaults: DictConfig, conf_dir: Path) -> list[str]:
    if missing := missing_plugin(override):
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
        return [f"{key}={value}: {_unknown(value, allowed, f'members of {key}')}" for value in wrong]
    known = [*_groups(conf_dir), *_keys(defaults), *_member_keys(conf_dir)]
    if override.is_add() or key in known or _is_section(defaults, key):
        return []
    advice = _suggestion(key, known).strip() or "python train.py --help lists the keys."
    return [f"{argument}: there is no key {key!r}. {advice}"]


def _unknown(value: str, allowed: Sequence[str], what: str) -> str:
    return f"unknown. {_suggestion(value, allowed)}{what[0].upper()}{what[1:]}: {', '.join(allowed)}."


def _suggestion(wrong: str, known: Iterable[str]) -> str:
    close = get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}? " if close else ""


def _values(override: Override) -> list[str]:
    if override.is_sweep_override():
        return [text.strip("'\"") for text in override.sweep_string_iterator()] if override.is_discrete_sweep() else []
    return [override.get_value_element_as_str().strip("'\"")]


def _is_section(defaults: DictConfig, key: str) -> bool:
    return OmegaConf.is_config(OmegaConf.select(defaults, key, throw_on_missing=False))


def _member_keys(conf_dir: Path) -> list[str]:
    """Keys of every member of every group: a model has keys that the default one lacks."""
    files = [path for path in conf_dir.glob("*/*.yaml") if path.parent.name not in OPTIONAL]
    loaded = [(path.parent.name, OmegaConf.load(path)) for path in files]
    return [f"{group}.{key!s}" for group, cfg in loaded for key in (*cfg, *_flat_keys(OmegaConf.to_container(cfg)))]


def _groups(conf_dir: Path) -> list[str]:
    return [path.name for path in conf_dir.iterdir() if path.is_dir()]


def _keys(defaults: DictConfig) -> list[str]:
    plain = OmegaConf.to_container(defaults, resolve=False)
    return [key for key in _flat_keys(plain) if not key.startswith("hydra")]


def _flat_keys(values: object, prefix: str = "") -> list[str]:
    if not isinstance(values, dict):
        return [prefix.rstrip(".")]
    return [name for key, value in values.items() for name in _flat_keys(value, f"{prefix}{key}.")]


def _leading_number(name: str) -> int:
    digits = name[: len(name) - len(name.lstrip("0123456789"))]
    return int(digits) if digits else 0


def _quoting_hint(argument: str) -> str:
    return "Quote a value with spaces or commas: \"key='a b'\"." if "=" in argument else f"Did you mean {argument}=...?"


DECIDE = ("trainer", "trainer.devices", "experiment", "debug")  # the words that may set the number of processes


def refuse_shared_jobs(overrides: Sequence[str]) -> None:
    """Refuses a multirun whose jobs train in several processes each.

    Such a process is the command once more, which would be the whole multirun.

    Raises:
        GtzanError: a job would; the message says what to do instead.
    """
    parsed = [OverridesParser.create().parse_override(text) for text in overrides]
    for words in product(*(_each(override) for override in parsed if override.key_or_group in DECIDE)):
        trainer = compose(words).trainer
        if isinstance(trainer.devices, int) and trainer.devices > 1:
            raise GtzanError(
                f"trainer.devices={trainer.devices}: a multirun cannot share one job out among several processes. "
                "Run such jobs one by one, without -m, or several at a time on one device each: "
                "trainer=cpu hydra/launcher=joblib."
            )


def _each(override: Override) -> list[str]:
    """One override for each value of a sweep."""
    if not override.is_choice_sweep():
        return [str(override.input_line)]
    return [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]
