"""Checks of the overrides of a command line before a run or sweep is composed."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

from gtzan_lightning.config.composition import ConfigSources, with_plus
from gtzan_lightning.corpus.audio_folder import MUSIC_SUFFIXES
from gtzan_lightning.corpus.location import TABLE_NAMES
from gtzan_lightning.errors import GtzanError

OPTIONAL = ("experiment", "protocol", "ablation", "debug")  # may be left out; their members change other groups

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

FROM_TEMPLATE = {
    key: f"Here it is {ours}."
    for keys, ours in {
        ("paths.output_dir", "paths.log_dir", "paths.root_dir"): "outputs=FOLDER",
        ("paths.data_dir", "data.data_dir"): "data.root=FOLDER",
        ("model.optimizer.lr",): "optimizer.lr=VALUE (or model.lr)",
        ("model.optimizer", "model.optimizer._target_"): "optimizer=adamw, or optimizer._target_=CLASS",
        ("model.optimizer.weight_decay",): "optimizer.weight_decay=VALUE (or regularization.weight_decay)",
        ("model.scheduler", "model.scheduler._target_"): "scheduler=cosine, or scheduler._target_=CLASS",
        ("model.net", "model.net._target_"): "model=lstm, or model._target_=CLASS",
        ("model.compile",): "nothing: models of this size gain nothing from compiling",
        ("data.num_workers",): "data.n_jobs=N, for computing features; loading needs no workers",
        ("data.train_val_test_split",): "split.ratios={train: 0.7, val: 0.1, test: 0.2}",
        ("hparams_search",): "-m experiment=search",
        ("test", "train"): "nothing: a run always trains and then tests its best epoch; gtzan predict uses it later",
        ("callbacks.early_stopping.patience",): "regularization.patience=EPOCHS",
        ("callbacks.model_checkpoint.monitor",): "trainer.best_epoch_on=val|test|last",
        ("optimized_metric",): "nothing: a search maximises the clip accuracy on validation folds",
        ("extras.print_config", "extras.enforce_tags", "extras"): "nothing; --cfg job prints the configuration",
    }.items()
    for key in keys
}
"""Keys of lightning-hydra-template that have another name here, with a hint."""

DEFAULT_SOURCES = ConfigSources()
DEVICE_KEYS = ("trainer", "trainer.devices", "experiment", "debug")  # overrides that can set the number of processes

# conf/hydra/launcher/ray.yaml extends the plugin's schema of the same name on purpose. Hydra 1.3 warns that a later
# version may not do so.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/ray' is validated against ConfigStore schema")


class Catalogue:
    """The groups, members and keys that Hydra finds in all its sources.

    Args:
        sources: the own folder and the primary configuration.
        overrides: the command line; `hydra.searchpath` adds sources.
        composed: the configuration of the command line, if it could be composed; it has all keys of the overrides.
    """

    def __init__(
        self,
        sources: ConfigSources = DEFAULT_SOURCES,
        overrides: Sequence[str] = (),
        composed: DictConfig | None = None,
    ) -> None:
        self.sources, self._overrides, self._composed = sources, overrides, composed
        self._search = [text for text in overrides if text.lstrip("+").startswith("hydra.searchpath=")]
        with sources.loader() as loader:
            self._repository = loader._parse_overrides_and_create_caching_repo(sources.config_name, self._search)[1]

    @cached_property
    def defaults(self) -> DictConfig:
        """The configuration without overrides, or the composed one."""
        return self._composed or self.sources.compose(self._search)

    def groups(self) -> list[str]:
        """Names of the config groups, sorted."""
        return [name for name in self._repository.get_group_options("", ObjectType.GROUP) if name != "hydra"]

    def members(self, group: str) -> list[str]:
        """Members of a config group in natural order: 2s before 30s. Names that begin with `_` are not members."""
        names = [name for name in self._repository.get_group_options(group) if not name.startswith("_")]
        return sorted(names, key=lambda name: (not name[0].isdigit(), _leading_number(name), name))

    def has_key(self, key: str) -> bool:
        """Whether there is a key or section; the files of all members are read only if the defaults lack it."""
        is_section = OmegaConf.is_config(OmegaConf.select(self.defaults, key, throw_on_missing=False))
        return is_section or key in _keys(self.defaults) or key in self.keys

    @cached_property
    def keys(self) -> list[str]:
        """The groups, the keys of the primary configuration, and those of all members: a model can have its own.

        Of the groups that change others, such as `experiment`, those of the chosen members.
        """
        found = [*self.groups(), *_keys(self.defaults)]
        for override in self._overrides:
            group, _, names = override.partition("=")
            for name in names.split(",") if group in OPTIONAL else []:
                loaded = self._repository.load_config(f"{group}/{name}")
                found += _flat_keys(OmegaConf.to_container(loaded.config)) if loaded else []
        for group in self.groups():
            for name in [] if group in OPTIONAL else self._repository.get_group_options(group):
                loaded = self._repository.load_config(f"{group}/{name}")
                values = OmegaConf.to_container(loaded.config) if loaded else {}
                found += [f"{group}.{key!s}" for key in (*(values or {}), *_flat_keys(values)) if key != "defaults"]
        return found


def check_overrides(
    arguments: Sequence[str],
    sources: ConfigSources = DEFAULT_SOURCES,
    *,
    multirun: bool = False,
    composed: DictConfig | None = None,
) -> None:
    """Checks keys, members of groups and the form of overrides.

    Args:
        arguments: the command line without options.
        sources: where configurations come from.
        multirun: whether a key may have several values.
        composed: as for `Catalogue`.

    Raises:
        GtzanError: lists every mistake, one per line, with the closest valid name.
    """
    parsed: list[tuple[str, Override]] = []
    problems = []
    for argument in map(with_plus, arguments):
        try:
            parsed.append((argument, OverridesParser.create().parse_override(argument)))
        except HydraException:
            problems.append(f"{argument}: {_quoting_hint(argument)}")
    catalogue = Catalogue(sources, [argument for argument, _ in parsed], composed)
    for argument, override in parsed:
        if override.is_sweep_override() and not multirun:
            problems.append(f"{argument}: several values need train.py -m; a list is written {_as_list(override)}.")
        problems += _problems_of(override, argument, catalogue)
    if problems:
        raise GtzanError("\n".join(["The command line cannot be used:", *(f"  {problem}" for problem in problems)]))


def checked_composition(overrides: Sequence[str], sources: ConfigSources) -> DictConfig:
    """Composes the configuration of a command line once, and checks the command line as `check_overrides`.

    Raises:
        GtzanError: lists every mistake; Hydra would report the first.
    """
    try:
        composed = sources.compose(overrides)
    except Exception:
        check_overrides(overrides, sources)
        raise
    check_overrides(overrides, sources, composed=composed)
    return composed


def check_multirun(overrides: Sequence[str], sources: ConfigSources = DEFAULT_SOURCES) -> None:
    """Checks that no job of a multirun trains in several processes.

    Lightning starts each further process with the command line of the first, which would be the whole multirun.

    Raises:
        GtzanError: a job has `trainer.devices` > 1.
    """
    parsed = [OverridesParser.create().parse_override(text) for text in overrides]
    for combination in product(*(_expanded(each) for each in parsed if each.key_or_group in DEVICE_KEYS)):
        devices = sources.compose(combination).trainer.devices
        if isinstance(devices, int) and devices > 1:
            raise GtzanError(
                f"trainer.devices={devices}: a job of a multirun cannot train in several processes. "
                "Run such jobs one by one, without -m, or several at a time on one device each: "
                "trainer=cpu hydra/launcher=joblib."
            )


def error_message(error: BaseException) -> str | None:
    """The message of an error that Hydra or OmegaConf reports about a configuration; None for another error."""
    if isinstance(error, GtzanError):
        return str(error)
    if not isinstance(error, (HydraException, OmegaConfBaseException)):
        return None
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ConfigAttributeError):
        return (
            f"{error.full_key}: the selected member of the group has no such key. Remove it, or select another member."
        )
    return str(error)


def _problems_of(override: Override, argument: str, catalogue: Catalogue) -> list[str]:
    if missing := _missing_plugin(override):
        return [missing]
    key = override.key_or_group
    if key.startswith("hydra") or override.is_delete():
        return []
    if key in catalogue.groups():
        allowed = catalogue.members(key)
        pattern = override.value()
        if isinstance(pattern, Glob):
            message = f"{argument}: matches nothing. Members of {key}: {', '.join(allowed)}."
            return [] if pattern.filter(allowed) else [message]
        or_none = ["null"] if key in OPTIONAL else []
        wrong = [value for value in _values(override) if value not in (*allowed, *or_none)]
        listed = f"Members of {key}: {', '.join(allowed)}."
        return [f"{key}={value}: unknown. {_suggestion(value, allowed)}{listed}" for value in wrong]
    if override.is_add() or override.is_force_add():
        return []
    if catalogue.has_key(key):
        return []
    known = catalogue.keys
    advice = FROM_TEMPLATE.get(key) or _longer_keys(argument, key, known) or _suggestion(key, known).strip()
    advice = advice or "--help lists the keys."
    return [f"{argument}: there is no key {key!r}. {advice}"]


def _longer_keys(argument: str, key: str, known: Iterable[str]) -> str:
    """The keys whose last part is `key`, else has it as a word (`epochs`: `trainer.max_epochs`)."""
    value, keys = argument.partition("=")[2], list(dict.fromkeys(known))
    found = [name for name in keys if "." in name and name.rpartition(".")[2] == key]
    found = found or [name for name in keys if key in name.rpartition(".")[2].split("_")]
    return f"Did you mean {' or '.join(f'{name}={value}' for name in found[:2])}?" if found else ""


def check_options(arguments: Iterable[str]) -> None:
    """Checks the options of a command line, and explains an override that is written as one.

    Raises:
        GtzanError: Hydra has no such option.
    """
    for option in (argument.partition("=")[0] for argument in arguments if argument.startswith("-")):
        if option not in get_args_parser()._option_string_actions:
            name = option.lstrip("-")
            known = Catalogue().keys
            key = name if name in known else next((each for each in known if each.rpartition(".")[2] == name), None)
            advice = f"Write {key}=VALUE, without dashes." if key else "--help lists groups and keys."
            raise GtzanError(f"{option}: unknown option. {advice}")


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
    value = override.value()
    chosen = value if isinstance(value, list) else [override.get_value_element_as_str()]
    return [str(each).strip("'\"") for each in chosen]


def _expanded(override: Override) -> list[str]:
    """One override for each value of a sweep."""
    if not override.is_choice_sweep():
        return [str(override.input_line)]
    return [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]


def _keys(defaults: DictConfig) -> list[str]:
    return [key for key in _flat_keys(OmegaConf.to_container(defaults, resolve=False)) if not key.startswith("hydra")]


def _flat_keys(values: object, prefix: str = "") -> list[str]:
    if not isinstance(values, dict):
        return [prefix.rstrip(".")]
    return [name for key, value in values.items() for name in _flat_keys(value, f"{prefix}{key}.")]


def _leading_number(name: str) -> int:
    digits = name[: len(name) - len(name.lstrip("0123456789"))]
    return int(digits) if digits else 0


def _use_of(path: Path) -> str:
    """How to use a run, a folder or a file that stands alone on the command line."""
    if path.name == "run.json" or (path / "run.json").is_file():
        run = path if path.is_dir() else path.parent
        return (
            f"It is a run. Its command, which resumes it: gtzan runs show {run}. To use it: gtzan predict {run} FILE."
        )
    if path.is_dir():
        return f"For data, write data.root={path}."
    if path.name in TABLE_NAMES:
        return f"For the published tables, write data.root={path.parent}."
    if path.suffix.lower() in MUSIC_SUFFIXES:
        return f"To classify it: gtzan predict best {path}"
    return f"For a table of features, write features=table features.path={path}; for a split, split.manifest={path}."


def _as_list(override: Override) -> str:
    """`key=a,b` as a list."""
    _, _, value = str(override.input_line).partition("=")
    return f"'{override.get_key_element()}=[{value}]'"


def _quoting_hint(argument: str) -> str:
    """Why Hydra does not take an argument, with the form to copy."""
    key, equals, value = argument.partition("=")
    if not equals:
        if Path(argument).exists():
            return f"not of the form key=value. {_use_of(Path(argument))}"
        return f"not of the form key=value. Did you mean {argument}=...?"
    text = value.strip("'\"").replace("'", r"\'")
    quoted = f"{key}='{text}'"
    try:
        OverridesParser.create().parse_override(quoted)
    except HydraException:
        return f"not of the form key=value: {key!r} cannot be a key."
    return f"not of the form key=value. Quote a value with spaces, commas or special characters: {_for_shell(quoted)}"


def _for_shell(argument: str) -> str:
    """An argument with quotes as it is typed in a shell."""
    return shlex.quote(argument) if set(argument) & set('"$`\\!') else f'"{argument}"'
