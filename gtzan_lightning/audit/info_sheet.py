"""The model info sheet of Kapoor & Narayanan (2023), filled in from an audit and a run card.

The sheet asks for an argument against each type of leakage. Its headings follow their taxonomy; what only the author
can state is marked as open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gtzan_lightning.audit.audit_input import PROMISES, AuditInput
from gtzan_lightning.audit.findings import LEAKAGE_TYPES, Audit
from gtzan_lightning.datamodule.assignment import PARTS

OPEN = "*(for the author to say)*"
CHECKS_OF_TYPE = {
    "L1.1": ("missing parts", "epoch selection"),
    "L1.2": ("normalisation",),
    "L1.3": ("feature selection",),
    "L1.4": ("copies", "overlapping slices", "fingerprint"),
    "L2": ("columns",),
    "L3.1": (),
    "L3.2": ("tracks in several parts", "recordings in several parts", "artists in several parts"),
    "L3.3": ("missing classes", "sort order"),
}
"""The checks for each type of leakage."""


def info_sheet(audit_input: AuditInput, outcome: Audit, card: Mapping[str, Any]) -> str:
    """The sheet as Markdown.

    Args:
        audit_input: The data and split.
        outcome: Its audit.
        card: The run card; empty before any training.
    """
    blocks = [
        "# Model info sheet",
        "After S. Kapoor and A. Narayanan, *Patterns* 4 (2023) 100804.",
        "## Claim",
        _claim(card),
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
        blocks.append("## Also found")
        blocks += [f"- {finding.severity}: {finding.evidence} {finding.remedy}" for finding in other]
    return "\n\n".join(blocks) + "\n"


def _claim(card: Mapping[str, Any]) -> str:
    """The test scores with their intervals."""
    lines = [f"- Question, and the music that the claim is meant for: {OPEN}"]
    for level, scores in card.get("metrics", {}).get("test", {}).items():
        low, high = scores["accuracy_ci95"]
        lines.append(
            f"- Test accuracy, {level} level: {scores['accuracy']:.3f}, 95 % interval {low:.3f} to {high:.3f} "
            f"(n = {scores['n']}, resampling {scores['n_clusters']} {scores['cluster']}s)"
        )
    if "metrics" not in card:
        lines.append("- Nothing was trained yet.")
    return "\n".join(lines)


def _data_rows(audit_input: AuditInput, card: Mapping[str, Any]) -> list[tuple[str, object]]:
    corpus, features, split = audit_input.corpus, audit_input.features, card.get("split", {})
    track_in = {part: audit_input.slices.track_index[audit_input.parts == part] for part in PARTS}
    sizes = [f"{part} {len(track)} slices of {len(np.unique(track))} tracks" for part, track in track_in.items()]
    promises = ", ".join(sorted(PROMISES[audit_input.rule])) or "nothing"
    return [
        ("Corpus", f"{corpus.name}, {len(corpus.tracks)} tracks, {len(corpus.genres)} genres"),
        ("Fingerprint", corpus.sha256),
        ("Features", f"{features.name}, {len(features.columns)} columns, rows of {features.row_s:g} s"),
        ("Split", f"{split.get('name', audit_input.rule)}; promises: {promises}"),
        ("Split seed, fold", f"{split.get('seed', '-')}, {split.get('fold', '-')}"),
        ("Manifest sha256", split.get("sha256", "-")),
        ("Parts", "; ".join(sizes)),
        ("Left out", f"{len(corpus.tracks) - len(audit_input.used_tracks())} tracks"),
    ]


def _model_rows(card: Mapping[str, Any]) -> list[tuple[str, object]]:
    training, model = card.get("training", {}), card.get("model", {})
    return [
        ("Model", f"{model.get('name', '-')}, {model.get('parameters', '-')} parameters"),
        ("Command", f"`{card['command']}`" if card.get("command") else "-"),
        ("Epochs", f"{training.get('epochs', '-')}; the best one selected by {training.get('monitor', '-')}"),
        ("Training seed", card.get("seed", "-")),
        ("Versions", ", ".join(f"{name} {version}" for name, version in card.get("versions", {}).items()) or "-"),
        ("Commit", card.get("git", {}).get("commit") or "-"),
    ]


def _argument(leakage_type: str, audit_input: AuditInput, outcome: Audit) -> list[str]:
    """The section of one type of leakage: checks, findings, and questions to the author."""
    found = [finding for finding in outcome.findings if finding.leakage_type == leakage_type]
    made = [check for check in CHECKS_OF_TYPE[leakage_type] if check in outcome.checked]
    not_made = [check for check in CHECKS_OF_TYPE[leakage_type] if check not in outcome.checked]
    lines = [f"- **{finding.severity}** ({finding.check}): {finding.evidence} {finding.remedy}" for finding in found]
    if made and not found:
        lines.append(f"- Checked, and nothing found: {', '.join(made)}.")
    if not_made:
        lines.append(f"- Not checked, since the facts are not known: {', '.join(not_made)}.")
    not_checkable = {
        "L2": f"- Why each of the {len(audit_input.features.columns)} columns would be known of a new clip: {OPEN}",
        "L3.1": "- Not applicable: the genre of a clip is no event in time, and the corpus has no dates.",
        "L3.3": f"- Why the test tracks represent the music of the claim: {OPEN}",
    }
    if leakage_type in not_checkable:
        lines.append(not_checkable[leakage_type])
    return [f"### {leakage_type} {LEAKAGE_TYPES[leakage_type]}", "\n".join(lines)]


def _table(rows: Sequence[tuple[str, object]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
