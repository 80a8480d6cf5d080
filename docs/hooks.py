"""Hooks of MkDocs: generated reference pages, the notebooks, formulas as MathML, and no request to another host."""

from __future__ import annotations

import argparse
import html
import os
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

from gtzan_lightning import cli
from gtzan_lightning.config.composition import conf_dir
from gtzan_lightning.config.help_text import COMMENT, help_text, keyed_lines
from gtzan_lightning.config.identity import result_code
from gtzan_lightning.config.overrides import Catalogue

CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
BLOCK, INLINE = re.compile(r"\$\$(.+?)\$\$", re.DOTALL), re.compile(r"\$([^$\n]+?)\$")
EXTERNAL_SCRIPT = re.compile(r"<script[^>]*\bsrc=\"(?:https?:)?//[^>]*>\s*</script>")
REQUEST = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\bsrc=[\"'](?:https?:)?//|<link(?![^>]*rel=\"canonical\")[^>]*href=[\"'](?:https?:)?//"
)
INCLUDED = re.compile(r"<!-- begin (\S+) -->\n.*?<!-- end \1 -->", re.DOTALL)
COLUMNS = "100"  # width of the help texts


@event_priority(50)  # before mkdocs-jupyter, which converts the notebooks
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages and the notebooks."""
    os.environ["COLUMNS"] = COLUMNS
    for name, text in (("configuration.md", configuration_page()), ("commands.md", commands_page())):
        files.append(File.generated(config, name, content=text))
    for path in sorted(Path(config.config_file_path).parent.glob("notebooks/*.ipynb")):
        files.append(File(f"notebooks/{path.name}", str(path.parents[1]), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Formulas in dollar signs become MathML, which browsers show without a script; outdated tables are marked."""
    texts = CODE.split(INCLUDED.sub(_with_age, markdown))  # every other one is code
    return "".join(text if place % 2 else _with_formulas(text) for place, text in enumerate(texts))


def _with_age(table: re.Match[str]) -> str:
    """The table of a file, and a note if the code has changed since it was made."""
    head = Path(__file__).parents[1].joinpath(table[1]).read_text(encoding="utf-8").partition("\n\n")[0]
    command, _, code = head.replace("<!-- ", "").replace(" -->", "").partition("\n")
    if code == f"code {result_code()}":
        return table[0]
    made = f"with {code}, and the code has changed since" if code else "with an earlier version of the code"
    return f"{table[0]}\n*Made by `{command}` {made}.*\n"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Removes the scripts that the notebook template loads from other hosts.

    Raises:
        PluginError: the page would still request a file from another host.
    """
    output = EXTERNAL_SCRIPT.sub("", output)
    if found := REQUEST.search(output):
        raise PluginError(f"{page.file.src_uri}: requests a file from another host: {found.group()}")
    return output


def configuration_page() -> str:
    """The reference of all groups, members and keys, from the files of `conf/` with their comments."""
    folder, catalogue = conf_dir(), Catalogue()
    parts = [
        "# Configuration reference\n\nGenerated from `conf/`. A group is selected by `group=member`, a key is set by "
        "`group.key=value`. `???` is set by each member, `null` is unset.\n",
        f"## Single values\n\n{_head(folder / 'train.yaml')}\n\n{_keys(folder / 'train.yaml')}",
    ]
    for group in catalogue.groups():
        base = folder / group / "_base.yaml"
        parts.append(f"## {group}\n")
        if base.is_file():
            parts.append(f"{_head(base)}\n\n{_keys(base)}")
        for name in catalogue.members(group):
            path = folder / group / f"{name}.yaml"
            body = "".join(f"    {line}\n" for line in path.read_text(encoding="utf-8").splitlines())
            parts.append(f'??? note "`{group}={name}`: {_title(path)}"\n\n    ```yaml\n{body}    ```\n')
    return "\n".join(parts)


def commands_page() -> str:
    """The help texts of `train.py` and of every `gtzan` command, from their parsers."""
    parts = ["# Commands\n\nGenerated from the parsers. `gtzan COMMAND --help` prints the same text.\n"]
    parts += [
        f"## {parser.prog}\n\n```text\n{parser.format_help()}```\n"
        for parser in _leaves(cli.parser())
        if parser.prog != "gtzan train"
    ]
    parts.append(f"## gtzan train\n\n`gtzan train --help` prints the same.\n\n```text\n{help_text()}```\n")
    return "\n".join(parts)


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of the commands that have no further subcommands."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not actions:
        yield parser
    for action in actions:
        for child in action.choices.values():
            yield from _leaves(child)


def _with_formulas(text: str) -> str:
    text = BLOCK.sub(lambda found: f"\n\n<p>{convert(found[1].strip(), display='block')}</p>\n\n", text)
    return INLINE.sub(lambda found: convert(found[1]), text)


def _head(path: Path) -> str:
    """The comment at the top of a YAML file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))


def _as_text(comment: str) -> str:
    """A comment in which Markdown finds no markup: `_target_` and `<outputs>` stay as they are."""
    return re.sub(r"([\\*_{}\[\]|$])", r"\\\1", html.escape(comment, quote=False))


def _title(path: Path) -> str:
    return (_head(path).removeprefix("@package _global_ ") or path.stem).replace('"', "'")


def _keys(path: Path) -> str:
    """A table of the keys of a YAML file with their defaults and comments."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for key, line in keyed_lines(path.read_text(encoding="utf-8")):
        value, _, comment = line.partition(COMMENT)
        default = value.partition(":")[2].strip()
        top = key.partition(".")[0]
        if key and default and top not in ("defaults", "hydra"):
            rows.append(f"| `{key}` | `{default}` | {_as_text(comment)} |")
    return "\n".join(rows) + "\n"
