"""The stamps of runs whose protocol leaks by design: no table of their scores goes without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.markup import escape

from gtzan_lightning.runs.card import stamps
from gtzan_lightning.runs.folder import Card


def stamp_counts(cards: Iterable[Card]) -> list[tuple[str, int]]:
    """Each stamp, and how many of the cards bear it."""
    return sorted(Counter(stamp for card in cards for stamp in stamps(card)).items())


def stamps_markdown(cards: Iterable[Card], what: str) -> str:
    """Each stamp as a paragraph below a table in a document; empty where nothing is stamped."""
    return "".join(f"\n**{stamp}**: {count} of these {what}\n" for stamp, count in stamp_counts(cards))


def stamp_lines(cards: Iterable[Card], what: str) -> list[str]:
    """Each stamp as a line for the console; `what` is what the cards are, in the plural: "jobs", "runs"."""
    return [f"[bold red]{escape(stamp)}[/]: {count} of these {what}" for stamp, count in stamp_counts(cards)]
