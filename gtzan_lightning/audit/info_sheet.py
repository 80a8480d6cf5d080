"""The model info sheet of Kapoor & Narayanan (2023), filled from the run as far as a run can know.

The sheet asks a paper to argue, for each type of leakage, why there is none. Its headings follow their taxonomy; what
only the author can say is left open and marked so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gtzan_lightning.audit.audit_input import PROMISES, AuditInput
from gtzan_lightning.audit.findings import LEAKAGE_TYPES, Audit
from gtzan_lightning.datamodule.assignment import PARTS

OPEN = "*(for the author to say)*"
LOOKED_FOR = {
    "L1.1": ("missing parts", "epoch selection"),
    "L1.2": ("normalisation",),
    "L1.3": ("feature selection",),
    "L1.4": ("copies", "overlapping slices", "fingerprint"),
    "L2": ("columns",),
    "L3.1": (),
    "L3.2": ("tracks in several parts", "recordings in several parts", "artists in several parts"),
    "L3.3": ("missing classes", "sort order"),
}
"""The checks that look for each type of leakage."""


def info_sheet(audit_input: AuditInput, outcome: Audit, card: Mapping[str, Any]) -> str:
    """The sheet as Markdown.

    Args:
        audit_input: what was audited.
        outcome: the audit of it.
        card: the run card; empty where nothing was trained yet.
    """
    blocks = ["# Model info sheet", "After S. Kapoor and A. Narayanan, *Patterns* 4 (2023) 100804.", *_claim(card)]
    blocks += [
        "## Data and split",
        _table(_data_rows(audit_input, card)),
        "## Model",
        _table(_model_rows(card)),
        "## Leakage",
    ]
    for leakage_type in LEAKAGE_TYPES:
        blocks += _argument(leakage_type, audit_input, outcome)
    other = [finding for finding in outcome.findings if finding.leakage_type is None]
    if other:
        blocks += [
            "## Also found",
            *(f"- {finding.severity}: {finding.evidence} {finding.remedy}" for finding in other),
        ]
    return "\n\n".join(blocks) + "\n"


def _claim(card: Mapping[str, Any]) -> list[str]:
    """What is claimed: the test scores with their intervals."""
    lines = [f"- Question, and the music that the claim is meant for: {OPEN}"]
    for level, scores in card.get("metrics", {}).get("test", {}).items():
        low, high = scores["accuracy_ci95"]
        lines.append(
            f"- Test accuracy, {level} level: {scores['accuracy']:.3f}, 95 % interval {low:.3f} to {high:.3f} "
            f"(n = {scores['n']}, resampling {scores['n_clusters']} {scores['cluster']}s)"
        )
    if "metrics" not in card:
        lines.append("- Nothing was trained yet.")
    return ["## Claim", "\n".join(lines)]


def _data_rows(audit_input: AuditInput, card: Mapping[str, Any]) -> list[tuple[str, object]]:
    split = card.get("split", {})
    track = audit_input.slices.track_index
    sizes = [
        f"{part} {(audit_input.parts == part).sum()} slices of {len(np.unique(track[audit_input.parts == part]))} tracks"
        for part in PARTS
    ]
    return [
        (
            "Corpus",
            f"{audit_input.corpus.name}, {len(audit_input.corpus.tracks)} tracks, {len(audit_input.corpus.genres)} genres",
        ),
        ("Fingerprint", audit_input.corpus.sha256),
        (
            "Features",
            f"{audit_input.features.name}, {len(audit_input.features.columns)} columns, rows of {audit_input.features.row_s:g} s",
        ),
        (
            "Split",
            f"{split.get('name', audit_input.rule)}; promises: {', '.join(sorted(PROMISES[audit_input.rule])) or 'nothing'}",
        ),
        ("Split seed, fold", f"{split.get('seed', '-')}, {split.get('fold', '-')}"),
        ("Manifest sha256", split.get("sha256", "-")),
        ("Parts", "; ".join(sizes)),
        ("Left out", f"{len(audit_input.corpus.tracks) - len(audit_input.used_tracks())} tracks"),
    ]


def _model_rows(card: Mapping[str, Any]) -> list[tuple[str, object]]:
    training, model = card.get("training", {}), card.get("model", {})
    return [
        ("Model", f"{model.get('name', '-')}, {model.get('parameters', '-')} parameters"),
        ("Command", f"`{card['command']}`" if card.get("command") else "-"),
        ("Epochs", f"{training.get('epochs', '-')}; the best one chosen by {training.get('monitor', '-')}"),
        ("Training seed", card.get("seed", "-")),
        ("Versions", ", ".join(f"{name} {version}" for name, version in card.get("versions", {}).items()) or "-"),
        ("Commit", card.get("git", {}).get("commit") or "-"),
    ]


def _argument(leakage_type: str, audit_input: AuditInput, outcome: Audit) -> list[str]:
    """One type of leakage: what was looked for, what was found, what is left to the author."""
    found = [finding for finding in outcome.findings if finding.leakage_type == leakage_type]
    made = [check for check in LOOKED_FOR[leakage_type] if check in outcome.checked]
    not_made = [check for check in LOOKED_FOR[leakage_type] if check not in outcome.checked]
    lines = [f"- **{finding.severity}** ({finding.check}): {finding.evidence} {finding.remedy}" for finding in found]
    if made and not found:
        lines.append(f"- Checked, and nothing found: {', '.join(made)}.")
    if not_made:
        lines.append(f"- Not checked, since the facts are not known: {', '.join(not_made)}.")
    lines += _of_its_own(leakage_type, audit_input)
    return [f"### {leakage_type} {LEAKAGE_TYPES[leakage_type]}", "\n".join(lines)]


def _of_its_own(leakage_type: str, audit_input: AuditInput) -> Sequence[str]:
    """What no check can tell."""
    if leakage_type == "L2":
        return [f"- Why each of the {len(audit_input.features.columns)} columns would be known of a new clip: {OPEN}"]
    if leakage_type == "L3.1":
        return ["- Not applicable: the genre of a clip is no event in time, and the corpus has no dates."]
    if leakage_type == "L3.3":
        return [f"- Why the test tracks stand for the music of the claim: {OPEN}"]
    return []


def _table(rows: Sequence[tuple[str, object]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
