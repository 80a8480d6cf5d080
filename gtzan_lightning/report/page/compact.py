"""Numbers and texts of a page in few characters."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

DIGITS = 4  # significant ones
EXACT = 6  # for scores: three decimals of them are shown, and must be those of the other documents


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Plain values with every float to a few significant digits; what is no finite number is None."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): rounded(each, digits) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [rounded(each, digits) for each in value]
    return value


class Pool:
    """Values that many runs share, each kept once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """Where the value stands in `values`."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]
