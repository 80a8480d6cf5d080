"""Numbers in the cells of a table of text, as programs and people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

MISSING = (
    "", "NA", "na", "N/A", "n/a", "NaN", "nan", "NAN", "-nan", "null", "Null", "NULL", "None", "none", "#N/A", "#NUM!",
    "#DIV/0!", "#VALUE!", "#REF!", "?", "-", "--",
)  # fmt: skip
FEW, FEW_SHARE = 3, 0.05  # texts in a column of numbers: at most one of them, whichever is more,
MOST_SHARE = 0.2  # and not more than this share

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
    if not filled or not all(map(_is_number, filled[:9])):
        return None
    converted, how = _floats(filled), ""
    if converted is None and decimal_commas:  # 1.5 and 1,5 in one column are both numbers
        converted, how = _floats([cell.replace(",", ".") for cell in filled]), "decimal comma"
    bare = filled
    if converted is None:
        bare = list(map(_bare, filled))
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


def rows_of_text(cells: Sequence[str]) -> list[int]:
    """Positions of the cells that are neither a number nor missing."""
    return [row for row, cell in enumerate(cells) if cell not in MISSING and not _is_number(cell)]


def has_few_texts(cells: Sequence[str]) -> bool:
    """Whether nearly all cells are numbers, so that the others are mistakes."""
    filled = [cell for cell in cells if cell not in MISSING]
    most = int(min(max(FEW, FEW_SHARE * len(filled)), MOST_SHARE * len(filled)))
    texts = islice((cell for cell in filled if not _is_number(cell)), most + 1)  # no further: a column may be long
    return 0 < len(list(texts)) <= most


def _is_number(cell: str) -> bool:
    """Whether a cell may be a number in some notation; `00012` is a name."""
    bare = _bare(cell)
    notations = (bare.replace(",", "."), NUMBER), (bare, _THOUSANDS_COMMA), (bare, _THOUSANDS_POINT)
    return any(form.fullmatch(text) for text, form in notations) and not re.fullmatch(r"0\d+", cell)


def _bare(cell: str) -> str:
    return cell.strip("[]() ").replace("\u00a0", "").replace("\u202f", "")


def _floats(cells: Sequence[str]) -> list[float] | None:
    """The cells as numbers, correctly rounded; None if one is no number."""
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None
