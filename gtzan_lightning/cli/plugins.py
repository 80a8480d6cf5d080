"""Hydra's plugins that are not installed by default: which word of a command line needs which extra."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from hydra.core.override_parser.types import Override


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
