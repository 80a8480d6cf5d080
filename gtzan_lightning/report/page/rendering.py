"""Template, style, scripts and data become one file that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

STYLES = ("style.css", "charts.css", "run.css")
SCRIPTS = (
    "dom.js",
    "cells.js",
    "table.js",
    "plots.js",
    "leakage_drops.js",
    "curves.js",
    "genres.js",
    "run.js",
    "main.js",
)


def rendered(
    title: str, written: str, banners: Sequence[tuple[str, int]], head: Mapping[str, Any], details: Mapping[str, Any]
) -> str:
    """The page.

    Names of runs, genres and overrides come from users: Jinja escapes what stands in the HTML, `tojson` what stands
    in the data, and the content security policy lets nothing run but the page's own script.

    Args:
        title: heading and name of the page.
        written: when, as text.
        banners: warnings, and how many runs each is about.
        head: what `data.head` returned.
        details: what `data.details` returned.
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
    """Sources one after the other, the comment at the head of each file included."""
    return "\n" + "\n".join(_source(name) for name in names)


def _policy_hash(text: str) -> str:
    """How a content security policy names an inline text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
