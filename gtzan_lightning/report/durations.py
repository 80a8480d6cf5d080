"""Lengths of time in words."""

from __future__ import annotations


def told_s(seconds: float) -> str:
    """`41 s`, `14 min`, `2 h 10 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
