"""The model info sheet of Kapoor & Narayanan (2023), filled in from an audit and a run card.

The sheet asks for an argument against each type of leakage. Its headings follow their taxonomy; what only the author
can state is marked as open.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment

from gtzan_lightning.audit.findings import LEAKAGE_TYPES, PROMISES, Audit, AuditInput
from gtzan_lightning.datamodule.assignment import PARTS
from gtzan_lightning.utils.terminal import markdown_text

OPEN = "*(for the author to say)*"
CHECKS_OF_TYPE = {
    "L1.1": ("missing parts", "epoch selection"),
    "L1.2": ("normalisation", "scaling beforehand"),
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
    corpus, features = audit_input.corpus, audit_input.features
    track_in = {part: audit_input.slices.track_index[audit_input.parts == part] for part in PARTS}
    text = Path(__file__).with_name("info_sheet.md.jinja").read_text(encoding="utf-8")
    environment = Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["text"] = markdown_text
    sheet = environment.from_string(text).render(
        open=OPEN,
        card=card,
        test=card.get("metrics", {}).get("test", {}),
        corpus=corpus,
        features=features,
        rule=audit_input.rule,
        promises=PROMISES[audit_input.rule],
        split=card.get("split", {}),
        parts=[f"{part} {len(track)} slices of {len(np.unique(track))} tracks" for part, track in track_in.items()],
        left_out=len(corpus.tracks) - len(audit_input.used_tracks()),
        model=card.get("model", {}),
        training=card.get("training", {}),
        versions=card.get("versions", {}),
        commit=card.get("git", {}).get("commit"),
        leakage_types=LEAKAGE_TYPES,
        arguments={each: _argument(each, len(features.columns), outcome) for each in LEAKAGE_TYPES},
        other=[finding for finding in outcome.findings if finding.leakage_type is None],
    )
    return sheet.strip() + "\n"


def _argument(leakage_type: str, n_columns: int, outcome: Audit) -> list[str]:
    """The points of one type of leakage: findings, checks, and questions to the author."""
    found = [finding for finding in outcome.findings if finding.leakage_type == leakage_type]
    made = [check for check in CHECKS_OF_TYPE[leakage_type] if check in outcome.checked]
    not_made = [check for check in CHECKS_OF_TYPE[leakage_type] if check not in outcome.checked]
    lines = [
        "\n  - ".join(
            [
                f"**{finding.severity}** ({finding.check}): {markdown_text(finding.evidence)} {finding.remedy}",
                *map(markdown_text, finding.concerned),
            ]
        )
        for finding in found
    ]
    if made and not found:
        lines.append(f"Checked, and nothing found: {', '.join(made)}.")
    unknown = [check for check in not_made if check in outcome.not_checkable]
    optional = [check for check in not_made if check not in outcome.not_checkable]
    if unknown:
        lines.append(f"Not checked, since the facts are not known: {', '.join(unknown)}.")
    if optional:
        lines.append(f"Not requested: {', '.join(optional)} (gtzan audit --{' --'.join(optional)}).")
    not_checkable = {
        "L2": f"Why each of the {n_columns} columns would be known of a new clip: {OPEN}",
        "L3.1": "Not applicable: the genre of a clip is no event in time, and the corpus has no dates.",
        "L3.3": f"Why the test tracks represent the music of the claim: {OPEN}",
    }
    return [*lines, not_checkable[leakage_type]] if leakage_type in not_checkable else lines
