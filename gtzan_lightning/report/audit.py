"""The outcome of an audit on the console, read from a run card's `audit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def print_audit(audit: Mapping[str, Any], title: str, console: Console | None = None) -> None:
    """Every finding with its evidence and remedy, and the checks that found nothing."""
    console = console or Console()
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("severity", "leakage", "check", "evidence", "remedy"):
        table.add_column(name, overflow="fold", no_wrap=name == "severity")
    for finding in audit["findings"]:
        severity = f"[{COLOURS[finding['severity']]}]{finding['severity']}[/]"
        texts = (finding["leakage_type"] or "-", finding["check"], finding["evidence"], finding["remedy"])
        table.add_row(severity, *map(escape, texts))
    if audit["findings"]:
        console.print(table)
    else:
        console.print(f"[bold]{escape(title)}[/]")
    console.print(f"Checked: {', '.join(audit['checked'])}.", highlight=False)
    console.print(f"{audit_line(audit)}. Leakage types: Kapoor & Narayanan (2023).", highlight=False)


def audit_line(audit: Mapping[str, Any]) -> str:
    """The outcome in a line, with console markup: how many checks, errors and warnings, and what the worst are."""
    found = {
        severity: [finding["check"] for finding in audit["findings"] if finding["severity"] == severity]
        for severity in ("error", "warning")
    }
    told = [
        f"[{COLOURS[severity]}]{len(checks)} {severity}{'s' if len(checks) > 1 else ''}[/]: {escape(', '.join(checks))}"
        for severity, checks in found.items()
        if checks
    ]
    return f"Audit: {len(audit['checked'])} checks, {'; '.join(told) or 'nothing to object'}"
