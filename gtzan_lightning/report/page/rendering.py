"""Renders the page: template, styles, scripts and data in one file that makes no network request."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

STYLES = ("style.css", "charts.css", "run.css")
SCRIPTS = tuple(
    f"{name}.js" for name in ("dom", "cells", "table", "plots", "leakage_drops", "curves", "genres", "run", "main")
)


def rendered(
    title: str, written: str, banners: Sequence[tuple[str, int]], head: Mapping[str, Any], details: Mapping[str, Any]
) -> str:
    """The page as HTML.

    Names of runs, genres and overrides come from users: Jinja escapes them in the HTML, `tojson` in the data, and the
    content security policy allows only the page's own script.

    Args:
        title: heading and title of the page.
        written: date of the report.
        banners: warnings, each with the number of runs that it applies to.
        head: from `page_data.head`.
        details: from `page_data.details`.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}
    style, script = _joined(STYLES), _joined(SCRIPTS)
    return environment.from_string(_source("page.html")).render(
        title=title,
        written=written,
        banners=banners,
        head=head,
        details=details,
        style=Markup(style),
        script=Markup(script),
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
    )


def _source(name: str) -> str:
    return files("gtzan_lightning.report.page").joinpath(name).read_text(encoding="utf-8")


def _joined(names: Sequence[str]) -> str:
    """The concatenated sources."""
    return "\n" + "\n".join(_source(name) for name in names)


def _policy_hash(text: str) -> str:
    """The hash that identifies an inline text in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
