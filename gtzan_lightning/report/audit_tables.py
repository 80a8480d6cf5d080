"""The outcome of an audit on the console, from the entry `audit` of a run card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.audit.random_labels import RandomLabelResult
from gtzan_lightning.report.tables import print_lines

COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def print_audit(audit: Mapping[str, Any], title: str, console: Console | None = None) -> None:
    """Prints each finding with its evidence and remedy, the checks that were made, and a summary."""
    console = console or Console()
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("check", max_width=24)
    table.add_column("evidence and remedy", overflow="fold")
    for finding in audit["findings"]:
        severity, check = finding["severity"], " ".join(filter(None, [finding["leakage_type"], finding["check"]]))
        text = f"{escape(finding['evidence'])}\n[italic]{escape(finding['remedy'])}[/]"
        table.add_row(f"[{COLOURS[severity]}]{severity}[/]", escape(check), text, end_section=True)
    console.print(table if audit["findings"] else f"[bold]{escape(title)}[/]")
    console.print(f"Checked: {', '.join(audit['checked'])}.", highlight=False)
    if missing := audit.get("not_checkable"):
        console.print(f"Not checkable with these data: {', '.join(missing)}.", highlight=False)
    console.print(f"{audit_line(audit)}. Leakage types: Kapoor & Narayanan (2023).", highlight=False)


def print_random_labels(result: RandomLabelResult, probe: str, console: Console | None = None) -> None:
    """Prints the accuracies under random and true genres, with chance and p-values."""
    verdict = "[bold red]the split leaks[/]" if result.leaks else "no leak detected"
    lines = (
        f"[bold]Random labels by {result.cluster}[/], probe {probe}, {len(result.scores)} draws, window accuracy",
        f"  random genres  {result.mean:.3f} on average, {min(result.scores):.3f} to {max(result.scores):.3f}; "
        f"chance {result.chance:.3f}; p = {result.p_leak:.2g} (t-test of the mean): {verdict}",
        f"  true genres    {result.real:.3f}; p = {result.p_real:.3g} that random genres score as well",
    )
    print_lines(lines, console or Console())


def audit_line(audit: Mapping[str, Any]) -> str:
    """A summary with console markup: number of checks, and the errors and warnings by name."""
    found = {
        severity: [finding["check"] for finding in audit["findings"] if finding["severity"] == severity]
        for severity in ("error", "warning")
    }
    message = [
        f"[{COLOURS[severity]}]{len(checks)} {severity}{'s' if len(checks) > 1 else ''}[/]: {escape(', '.join(checks))}"
        for severity, checks in found.items()
        if checks
    ]
    return f"Audit: {len(audit['checked'])} checks, {'; '.join(message) or 'no errors or warnings'}"
