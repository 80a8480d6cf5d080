"""Numbers in the cells of a table of text, as programs and people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MISSING = ("", "NA", "N/A", "NaN", "nan", "-nan", "null", "NULL", "None", "#N/A", "#NUM!", "#DIV/0!", "?", "-")

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)(inity)?", re.I)
DECIMAL_COMMA = re.compile(r"[+-]?\d*,(\d{1,2}|\d{4,})([eE][+-]?\d+)?")
_THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?")
_THOUSANDS_POINT = re.compile(r"[+-]?\d{1,3}(\.\d{3})*(,\d+)?")


def plain_numbers(cells: Sequence[str]) -> bool:
    """Whether a column holds numbers as programs write them; `00012` is a name."""
    filled = [cell for cell in cells if cell not in MISSING]
    return bool(filled) and all(NUMBER.fullmatch(cell) and not re.fullmatch(r"0\d+", cell) for cell in filled)


def numbers_of(cells: Sequence[str], decimal_commas: bool) -> tuple[NDArray[np.float64], str] | None:
    """Numbers of a column of text and what was unusual about them; None if a cell is no number."""
    filled = [cell for cell in cells if cell not in MISSING]
    if not filled or not all(re.search(r"\d", cell) and not re.fullmatch(r"0\d+", cell) for cell in filled[:9]):
        return None
    converted, how = _floats(filled), ""
    if converted is None and decimal_commas:  # 1.5 and 1,5 in one column are both numbers
        converted, how = _floats([cell.replace(",", ".") for cell in filled]), "decimal comma"
    bare = filled
    if converted is None:
        bare = [cell.strip("[]() ").replace("\u00a0", "").replace("\u202f", "") for cell in filled]
        converted, how = _floats(bare), "brackets"
    if converted is None and all(map(_THOUSANDS_COMMA.fullmatch, bare)):
        converted, how = _floats([cell.replace(",", "") for cell in bare]), "separators of thousands"
    if converted is None and all(map(_THOUSANDS_POINT.fullmatch, bare)):
        converted, how = _floats([cell.replace(".", "").replace(",", ".") for cell in bare]), "decimal comma"
    if converted is None:
        return None
    values = np.full(len(cells), np.nan)
    values[[cell not in MISSING for cell in cells]] = converted
    return values, how


def _floats(cells: Sequence[str]) -> list[float] | None:
    """The cells as numbers, correctly rounded; None if one is no number."""
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None
