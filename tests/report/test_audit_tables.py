"""The findings of an audit on the console."""

import io

import pytest
from rich.console import Console

from gtzan_lightning.report.audit_tables import print_audit

FINDING = {
    "severity": "warning",
    "leakage_type": "L1.4",
    "check": "duplicates",
    "evidence": "12 pairs of tracks in train and test have the same features: blues.00001 and blues.00002",
    "remedy": "Leave out one track of each pair [sic].",
}


def printed(audit, width):
    file = io.StringIO()
    print_audit(audit, "split=grouped [mine]", Console(file=file, width=width))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60])
def test_on_a_narrow_console_findings_are_a_list(width):
    lines = printed({"findings": [FINDING], "checked": ["tracks", "duplicates"]}, width)
    assert lines[:2] == ["split=grouped [mine]", "warning L1.4 duplicates"]
    assert " ".join(" ".join(lines[2:7]).split()).startswith(f"{FINDING['evidence']} {FINDING['remedy']}")
    assert "Checked: tracks, duplicates." in lines
    assert max(map(len, lines)) <= width


def test_on_a_wide_console_findings_are_a_table():
    lines = printed({"findings": [FINDING], "checked": ["tracks"]}, 140)
    (row,) = [line for line in lines if "L1.4 duplicates" in line]
    assert row.split() == ["warning", "L1.4", "duplicates", *FINDING["evidence"].split()]


def test_without_findings_the_title_and_the_checks_are_printed():
    assert printed({"findings": [], "checked": ["tracks", "artists"]}, 100) == [
        "split=grouped [mine]",
        "Checked: tracks, artists.",
        "Audit: 2 checks, no errors or warnings. Leakage types: Kapoor & Narayanan (2023).",
    ]
