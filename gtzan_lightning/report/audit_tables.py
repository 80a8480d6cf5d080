"""The outcome of an audit on the console, read from a run card's `audit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.audit.random_labels import RandomLabelResult

COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def print_audit(audit: Mapping[str, Any], title: str, console: Console | None = None) -> None:
    """Every finding with its test_parts and remedy, and the checks that found nothing."""
    console = console or Console()
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("check", max_width=24)
    table.add_column("evidence and remedy", overflow="fold")
    for finding in audit["findings"]:
        check = " ".join(filter(None, [finding["leakage_type"], finding["check"]]))
        table.add_row(
            f"[{COLOURS[finding['severity']]}]{finding['severity']}[/]",
            escape(check),
            escape(finding["evidence"]) + f"\n[italic]{escape(finding['remedy'])}[/]",
            end_section=True,
        )
    if audit["findings"]:
        console.print(table)
    else:
        console.print(f"[bold]{escape(title)}[/]")
    console.print(f"Checked: {', '.join(audit['checked'])}.", highlight=False)
    console.print(f"{audit_line(audit)}. Leakage types: Kapoor & Narayanan (2023).", highlight=False)


def print_random_labels(result: RandomLabelResult, probe: str, console: Console | None = None) -> None:
    """Placebo scores beside chance and the score under the true genres, and what both say."""
    verdict = "[bold red]the split leaks[/]" if result.leaks else "no leak seen"
    lines = (
        f"[bold]Random labels by {result.cluster}[/], probe {probe}, {len(result.scores)} draws, window accuracy",
        f"  random genres  {result.mean:.3f} on average, {min(result.scores):.3f} to {max(result.scores):.3f}; "
        f"chance {result.chance:.3f}; p = {result.p_leak:.2g} (t-test of the mean): {verdict}",
        f"  true genres    {result.real:.3f}; p = {result.p_real:.3g} that random genres score as well",
    )
    for line in lines:
        (console or Console()).print(line, highlight=False, soft_wrap=True)


def audit_line(audit: Mapping[str, Any]) -> str:
    """The outcome in a line, with console markup: how many checks, errors and warnings, and what the worst are."""
    found = {
        severity: [finding["check"] for finding in audit["findings"] if finding["severity"] == severity]
        for severity in ("error", "warning")
    }
    message = [
        f"[{COLOURS[severity]}]{len(checks)} {severity}{'s' if len(checks) > 1 else ''}[/]: {escape(', '.join(checks))}"
        for severity, checks in found.items()
        if checks
    ]
    return f"Audit: {len(audit['checked'])} checks, {'; '.join(message) or 'nothing to object'}"
