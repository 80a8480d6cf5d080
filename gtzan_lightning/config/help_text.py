"""The text of `train.py --help`: usage, config groups, and the composed values with the comments of their files.

Hydra's own help would list the shared `_base` files as members of their groups, and drop the comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.config.composition import CONFIG_NAME, ConfigSources, conf_dir
from gtzan_lightning.config.overrides import DEFAULT_SOURCES, Catalogue

KEY = re.compile(r"( *)(\w+):")
COMMENT = "  # "


def help_text(overrides: Sequence[str] = (), sources: ConfigSources = DEFAULT_SOURCES) -> str:
    """The template `hydra.help.template` of conf/train.yaml with its two variables filled in.

    Args:
        overrides: select the members and values that are shown.
        sources: where configurations come from.
    """
    cfg, folder, catalogue = sources.compose(overrides), conf_dir(), Catalogue(sources, overrides)
    listed = "".join(f"{group}: {', '.join(catalogue.members(group))}\n" for group in catalogue.groups())
    return Template(cfg.hydra.help.template).substitute(APP_CONFIG_GROUPS=listed, CONFIG=_commented(cfg, folder))


def _commented(cfg: DictConfig, folder: Path) -> str:
    """The configuration as YAML without Hydra's section, with the comments of the files that define the keys."""
    comments = _comments(folder / f"{CONFIG_NAME}.yaml")
    for group, member in cfg.hydra.runtime.choices.items():
        for name in ("_base", member):
            comments |= _comments(folder / group / f"{name}.yaml", f"{group}.")
    text = OmegaConf.to_yaml(OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"]))
    return "".join(
        f"{line}{COMMENT}{comments[key]}\n" if key in comments else f"{line}\n" for key, line in keyed_lines(text)
    )


def _comments(path: Path, prefix: str = "") -> dict[str, str]:
    """The comments at the ends of the lines of a YAML file, by dotted key; empty if there is no such file."""
    if not path.is_file():
        return {}
    split = ((prefix + key, line.partition(COMMENT)[2]) for key, line in keyed_lines(path.read_text(encoding="utf-8")))
    return {key: comment for key, comment in split if comment}


def keyed_lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines of a YAML mapping indented by two spaces, each with its dotted key; "" for lines without a key."""
    path: list[str] = []
    for line in text.splitlines():
        found = KEY.match(line)
        if found:
            path[len(found[1]) // 2 :] = [found[2]]
        yield ".".join(path) if found else "", line
