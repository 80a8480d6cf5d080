"""How many unusable files are too many."""

from __future__ import annotations

import math

from gtzan_lightning.errors import GtzanError

SHOWN = 100  # files that the message lists


def check_skipped(skipped: dict[str, str], total: int, max_share: float) -> None:
    """Stops if too many files could not be used.

    Args:
        skipped: reason by file.
        total: files in all.
        max_share: share that may be skipped.

    Raises:
        GtzanError: more than that was.
    """
    if len(skipped) <= math.floor(max_share * total + 1e-9) and len(skipped) < total:
        return
    shown = [f"  {file}: {reason}" for file, reason in list(skipped.items())[:SHOWN]]
    more = [f"  ... and {len(skipped) - SHOWN} more"] if len(skipped) > SHOWN else []
    raise GtzanError(
        "\n".join(
            [
                f"{len(skipped)} of {total} audio files cannot be used, more than the allowed {max_share:.0%}:",
                *shown,
                *more,
                "Repair or remove them, or raise data.max_skipped_share.",
            ]
        )
    )
