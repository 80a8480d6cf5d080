"""Columns of CSV files, read in blocks of rows: a table may be as large as the memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.utils.files import text_of_cell

BLOCK_ROWS = 10_000
BLOCK_BYTES = 2**24

EXACTLY: dict[str, Any] = {} if int(pd.__version__.partition(".")[0]) >= 3 else {"float_precision": "round_trip"}
"""Options of `pandas.read_csv` for exact parsing of floats, the default from pandas 3.0."""


def leading_text(path: Path, n_bytes: int) -> tuple[bytes, int] | None:
    """The beginning and the number of lines of a file with more than `n_bytes` of plain text; None for other files.

    Plain text is ASCII with line feeds, which can be read as it is. The beginning is one byte longer than `n_bytes`.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        head = block = file.read(n_bytes + 1)
        if len(head) <= n_bytes:
            return None
        lines = 1
        while block:
            if not block.isascii() or b"\r" in block or b"\0" in block:
                return None
            lines += block.count(b"\n")
            block = file.read(BLOCK_BYTES)
    return head, lines


def csv_columns(
    source: Callable[[], Any], names: Sequence[str], texts: Collection[str], most_rows: int, options: dict[str, Any]
) -> dict[str, NDArray[Any]]:
    """The columns of a CSV file, `(rows,)` each: float64 for numbers, `str` objects for text.

    Args:
        source: Returns the file, from its beginning.
        names: Names of the columns.
        texts: The columns of text; the others hold numbers, unless a cell of them is none.
        most_rows: At least the number of rows.
        options: Further arguments of `pandas.read_csv`.

    Raises:
        ValueError: The file is no such table.
    """
    shared = {**options, **EXACTLY, "names": names, "low_memory": False}
    kinds: dict[str, Any] = {name: object if name in texts else np.float64 for name in names}
    numbers = np.empty((len(names), most_rows))  # one large array, whose memory is given back as a whole
    columns: dict[str, NDArray[Any]] = dict(zip(names, numbers, strict=True))
    columns |= {name: np.empty(most_rows, object) for name in texts}
    count = 0
    try:
        with pd.read_csv(source(), dtype=kinds, chunksize=BLOCK_ROWS, **shared) as reader:
            for block in reader:
                for name, values in _columns(block).items():
                    columns[name][count : count + len(block)] = values
                count += len(block)
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        raise
    except ValueError:  # a cell in a column of numbers is none
        return _columns(pd.read_csv(source(), dtype=dict.fromkeys(texts, object), **shared))
    return {name: column[:count] for name, column in columns.items()}


def _columns(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    return {
        str(name): column.to_numpy(np.float64)
        if pd.api.types.is_numeric_dtype(column)
        else np.asarray([text_of_cell(str(value).strip()) for value in column.to_numpy(object)], object)
        for name, column in frame.items()
    }
