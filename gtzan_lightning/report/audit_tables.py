"""The outcome of an audit on the console, from the entry `audit` of a run card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from gtzan_lightning.report.tables import print_lines

if TYPE_CHECKING:  # imports much of scikit-learn
    from gtzan_lightning.audit.random_labels import RandomLabelResult

LISTED = 72  # width of the console below which findings are a list instead of a table
COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def print_audit(audit: Mapping[str, Any], title: str, console: Console | None = None) -> None:
    """Prints each finding with its evidence and remedy, the checks that were made, and a summary."""
    console = console or Console()
    console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    if audit["findings"]:
        console.print(_listed(audit["findings"]) if console.width < LISTED else _tabled(audit["findings"]))
    console.print(f"Checked: {', '.join(audit['checked'])}.", highlight=False)
    if missing := audit.get("not_checkable"):
        console.print(f"Not checkable with these data: {', '.join(missing)}.", highlight=False)
    console.print(f"{audit_line(audit)}. Leakage types: Kapoor & Narayanan (2023).", highlight=False)


def _tabled(findings: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("check", max_width=24)
    table.add_column("evidence and remedy", overflow="fold")
    for finding in findings:
        table.add_row(*_cells(finding), end_section=True)
    return table


def _listed(findings: Sequence[Mapping[str, Any]]) -> Group:
    """Each finding as a line with its text below, for narrow consoles."""
    rows = map(_cells, findings)
    return Group(*(Group(f"{severity} {check}", Padding(text, (0, 0, 1, 2))) for severity, check, text in rows))


def _cells(finding: Mapping[str, Any]) -> tuple[str, str, str]:
    """Severity, name of the check, and evidence with remedy, with console markup."""
    severity, check = finding["severity"], " ".join(filter(None, [finding["leakage_type"], finding["check"]]))
    text = f"{escape(finding['evidence'])}\n[italic]{escape(finding['remedy'])}[/]"
    return f"[{COLOURS[severity]}]{severity}[/]", escape(check), text


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
