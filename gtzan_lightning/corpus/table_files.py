"""Reads a table from a CSV file of any dialect, an Excel workbook, Parquet, NumPy or HDF5.

The format is recognised by the content, not by the suffix. Nothing is unpickled.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from charset_normalizer import from_bytes
from numpy.typing import NDArray

from gtzan_lightning.corpus.audio_folder import MUSIC_SUFFIXES
from gtzan_lightning.corpus.cell_numbers import DECIMAL_COMMA, MISSING, NUMBER, numbers_of, plain_numbers
from gtzan_lightning.corpus.csv_columns import csv_columns, leading_text
from gtzan_lightning.corpus.table_arrays import (
    array_columns,
    hdf5_arrays,
    loaded_arrays,
    text_of_value,
    with_files_beside,
)
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import refuse_pipe

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 200
SAMPLE_CHARACTERS = 2**20
ENCODINGS = ("cp949", "cp1252", "shift_jis", "gb18030", "big5", "cp1251", "cp1250")  # candidates after Unicode

_FILE_LIKE = re.compile(r".*[\w)]\.(\d+|[A-Za-z]\w{1,4})|.*[/\\].*")


Column = NDArray[Any]  # float64, or objects that are `str`


@dataclass(frozen=True, eq=False)
class TableFile:
    """The columns of a file: float64 for numbers, `str` objects for text."""

    path: Path
    columns: Mapping[str, Column]  # each (rows,)
    form: str  # how the file was read, such as "CSV, UTF-8, delimiter ';', decimal comma"
    notes: tuple[str, ...] = ()
    has_header: bool = True

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def rows(self, chosen: NDArray[Any]) -> TableFile:
        """Selects rows by a mask or an array of indices."""
        return replace(self, columns={name: values[chosen] for name, values in self.columns.items()})

    def line(self, row: int) -> str:
        """A row, counted from 0, as a person finds it in the file."""
        return f"line {row + 1 + self.has_header}" if self.form.startswith("CSV") else f"row {row + 1}"


def read_table_file(path: Path, *, as_text: bool = False) -> TableFile:
    """Reads a table.

    Args:
        path: The file.
        as_text: Whether cells stay as they are written, so that no name becomes a number.

    Raises:
        GtzanError: There is no such file, it is no table, or a package that reads it is not installed.
    """
    refuse_pipe(path)
    try:
        large = leading_text(path, SAMPLE_CHARACTERS)
        content = path.read_bytes() if large is None else large[0]
    except OSError as error:
        raise GtzanError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise GtzanError(f"{path}: a gzip file that is cut off or damaged ({error}). Download it again.") from error
    _refuse_other_content(path, content)
    try:
        table = _read(path, content, as_text) if large is None else _from_text(path, content, as_text, large[1])
    except ImportError as error:
        raise GtzanError(
            f'{path}: reading it needs a package: pip install "gtzan-lightning[tables]" ({error})'
        ) from error
    empty = np.ones(len(table), bool)
    if as_text:
        table = replace(table, columns={name: text_of(values) for name, values in table.columns.items()})
    for values in table.columns.values():
        empty &= np.isnan(values) if is_numeric(values) else values == ""
    if empty.any():
        note = f"{path.name}: {counted(int(empty.sum()), 'empty row is', 'empty rows are')} left out"
        table = replace(table.rows(~empty), notes=(*table.notes, note))
    if not len(table):
        raise GtzanError(f"{path}: the table has no rows. Download it again.")
    return table


def is_numeric(values: Column) -> bool:
    """Whether a column holds numbers."""
    return values.dtype.kind == "f"


def text_of(column: Column) -> Column:
    """The cells as text; whole numbers without decimals."""
    if not is_numeric(column):
        return column
    texts = ["" if np.isnan(v) else str(int(v)) if v.is_integer() else repr(v) for v in column.tolist()]
    return np.asarray(texts, object)


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun in the singular or plural: `1 row`, `3 rows`."""
    return f"{number:,} {one if number == 1 else many}"


def _refuse_other_content(path: Path, content: bytes) -> None:
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not content:
        raise GtzanError(f"{path}: the file is empty. Download it again.")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise GtzanError(
            f"{path}: a web page, not a table: the download led to a page, such as a login or an error.\n"
            "Download the file itself, or save a spreadsheet as CSV."
        )
    if not content.strip(b"\0"):
        raise GtzanError(f"{path}: the file holds nothing but zero bytes: the copy was cut off. Download it again.")
    if start.startswith(b"version https://git-lfs"):
        raise GtzanError(f"{path}: a pointer of Git LFS, not the table itself. Run `git lfs pull` where it comes from.")
    if content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise GtzanError(f"{path}: an Excel workbook of the old form (.xls). Save it as .xlsx or as CSV.")


def _read(path: Path, content: bytes, as_text: bool) -> TableFile:
    if content[:4] == b"PAR1":
        return _from_frame(path, pd.read_parquet(io.BytesIO(content)), "Parquet")
    if content[:8] == b"\x89HDF\r\n\x1a\n":
        return _from_arrays(path, hdf5_arrays(path), "HDF5")
    if content[:6] == b"\x93NUMPY":
        return _from_arrays(path, with_files_beside(path, loaded_arrays(path, content)), "NumPy array")
    if content[:4] == b"PK\x03\x04":
        return _from_zip(path, content)
    return _from_text(path, content, as_text)


def _from_zip(path: Path, content: bytes) -> TableFile:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
        if any(name.startswith("xl/") for name in names):
            return _from_workbook(path, content)
    except GtzanError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, TypeError) as error:
        raise GtzanError(
            f"{path}: an Excel workbook or a zip archive that cannot be read ({error}).\n"
            "Open it in the program that wrote it and save it as CSV."
        ) from error
    if names and all(name.endswith(".npy") for name in names):
        loaded = loaded_arrays(path, content)
        return _from_arrays(path, loaded, "NumPy archive")
    raise GtzanError(
        f"{path}: a zip archive ({', '.join(names[:3])}), not a table. Unpack it and name the table in it."
    )


def _from_workbook(path: Path, content: bytes) -> TableFile:
    sheets = pd.read_excel(io.BytesIO(content), sheet_name=None, keep_default_na=False, na_values=[""])
    filled = {name: frame for name, frame in sheets.items() if len(frame) and len(frame.columns) > 1}
    if not filled:
        raise GtzanError(f"{path}: no sheet of this workbook has a table with two columns or more.")
    chosen, frame = next(iter(filled.items()))
    others = [name for name in filled if name != chosen]
    note = f"{path.name}: read sheet {chosen!r}; others are not read: {', '.join(others)}"
    return _from_frame(path, frame, f"Excel, sheet {chosen!r}", (note,) if others else ())


def _from_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], form: str) -> TableFile:
    columns, shapes = array_columns(path, arrays)
    return TableFile(path, columns, f"{form} ({shapes})")


def _from_frame(path: Path, frame: pd.DataFrame, form: str, notes: tuple[str, ...] = ()) -> TableFile:
    """A table whose columns have types already."""
    if frame.index.name is not None or frame.index.dtype == object:
        frame = frame.reset_index()
    names = _header([str(name) for name in frame.columns])
    columns: dict[str, Any] = {}
    for number, name in enumerate(names):
        column = frame.iloc[:, number]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            columns[name] = column.to_numpy(np.float64, na_value=np.nan)
        else:
            columns[name] = np.asarray([text_of_value(value) for value in column.to_numpy(object)], object)
    return _with_numbers(TableFile(path, columns, form, notes))


def decoded(path: Path, content: bytes) -> tuple[str, str]:
    """Text of a file and the name of its encoding; line ends become line feeds.

    Raises:
        GtzanError: The file is not text.
    """
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    marked = [encoding for mark, encoding in marks.items() if content.startswith(mark)]
    if marked:
        encoding = marked[0]
    else:
        zeros = content[:4096].count(0) / len(content[:4096])
        encoding = "utf-8" if zeros < 0.2 else "utf-16-be" if content[0] == 0 else "utf-16-le"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = _legacy_encoding(content)
        text = content.decode(encoding, "replace")
    if "\0" in text[:4096]:
        raise GtzanError(f"{path}: not a table: it holds binary data of an unknown format.")
    shown = {"utf-8-sig": "UTF-8 with BOM", "utf-8": "UTF-8"}.get(encoding, encoding.upper())
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text, shown


def _legacy_encoding(content: bytes) -> str:
    """Encoding of text that is not Unicode, from the lines that are not ASCII."""
    lines = [line for line in content.splitlines() if not line.isascii()]
    sample = b"\n".join(lines[:2000])
    best = from_bytes(sample, cp_isolation=list(ENCODINGS)).best()
    same = best is None or sample.decode(best.encoding, "replace") == sample.decode("cp1252", "replace")
    return "cp1252" if best is None or same else best.encoding


def _from_text(path: Path, content: bytes, as_text: bool, lines: int | None = None) -> TableFile:
    """Reads CSV; `content` is the whole file, or the beginning of one with `lines` that pandas can read as it is."""
    text, encoding = decoded(path, content)
    quote = "'" if re.search(r"(^|[,;\t|])'[^'\n]*'([,;\t|]|$)", text[:2000], re.M) else '"'
    delimiter = _delimiter(text, quote)
    sample = _sample(text, delimiter, quote)
    header = _has_header(sample)
    names = _header(sample[0]) if header else [f"column {number + 1}" for number in range(len(sample[0]))]
    cells = list(zip(*(row for row in sample[header:] if len(row) == len(names)), strict=True)) or [()] * len(names)
    is_text = {name for name, some in zip(names, cells, strict=True) if as_text or not plain_numbers(some)}
    options: dict[str, Any] = {
        "sep": delimiter, "quotechar": quote, "header": None, "skiprows": int(header), "keep_default_na": False,
        "na_values": {name: list(MISSING) for name in names if name not in is_text}, "index_col": False,
        "skipinitialspace": True,
    }  # fmt: skip
    try:
        most_rows = text.count("\n") + 1 if lines is None else lines
        columns = csv_columns(lambda: path if lines else io.StringIO(text), names, is_text, most_rows, options)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise GtzanError(
            f"{path}: cannot be read as CSV with delimiter {delimiter!r} ({str(error).strip()}).\n"
            "Correct the line, or download the table again."
        ) from error
    shown = {"\t": "tab", " ": "blank"}.get(delimiter, f"'{delimiter}'")
    form = f"CSV, {encoding}, delimiter {shown}"
    if not header:
        form += ", no header"
    table = TableFile(path, columns, form, has_header=header)
    return table if as_text else _with_numbers(table)


def _delimiter(text: str, quote: str) -> str:
    """The delimiter that splits most of the first lines into the same number of fields, two or more.

    csv.Sniffer takes a letter for the delimiter of a list with one column.
    """
    best, score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        sizes = [len(row) for row in _sample(text, delimiter, quote, 30)]
        if not sizes:
            continue
        size, lines = Counter(sizes).most_common(1)[0]
        if size > 1 and (lines / len(sizes), size) > score:
            best, score = delimiter, (lines / len(sizes), size)
    blanks = _sample(text, " ", quote)
    if (
        not score[1]
        and blanks
        and {len(row) for row in blanks} == {2}
        and not any(_FILE_LIKE.fullmatch(row[1]) for row in blanks)
    ):
        return " "  # `blues.00000 train`, but not `My Song.wav`
    return best


def _sample(text: str, delimiter: str, quote: str, rows: int = SAMPLE_ROWS) -> list[list[str]]:
    lines = io.StringIO(text[:SAMPLE_CHARACTERS], newline="")
    found: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True):
            if row:
                found.append([cell.strip() for cell in row])
            if len(found) > rows:
                return found
    except csv.Error:
        return found
    return found[:-1] if len(text) > SAMPLE_CHARACTERS else found  # the last line of the sample may be cut


def _has_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: no cell is an audio file, or of the form of most cells below it."""
    for place, cell in enumerate(sample[0]):
        form = _form(cell)
        below = [_form(row[place]) for row in sample[1:] if len(row) > place and row[place] not in MISSING]
        alike = below.count(form) * 2 >= len(below) > 0 or len(sample) == 1
        if form and (form in MUSIC_SUFFIXES or alike):
            return False
    return True


def _form(cell: str) -> str:
    """Whether a cell is a number or like a file, by its suffix: "number", ".wav", ".0", "/"; "" for other text."""
    if NUMBER.fullmatch(cell):
        return "number"
    like = _FILE_LIKE.fullmatch(cell)
    if like is None:
        return ""
    suffix = like[1] or ""
    return ".0" if suffix.isdecimal() else f".{suffix.lower()}" if suffix else "/"


def _header(names: Sequence[str]) -> list[str]:
    """Stripped, unique names of columns; a blank one is numbered."""
    seen: Counter[str] = Counter()
    unique = []
    for number, name in enumerate(names, start=1):
        text = re.sub(r"^Unnamed: \d+$", "", name.strip("\ufeff \t\"'")) or f"column {number}"
        seen[text] += 1
        unique.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return unique


def _with_numbers(table: TableFile) -> TableFile:
    """Converts columns of text that hold numbers with a decimal comma, separators of thousands or brackets."""
    text = {name: values.tolist() for name, values in table.columns.items() if not is_numeric(values)}
    decimal_commas = any(DECIMAL_COMMA.fullmatch(cell) for cells in text.values() for cell in cells[:SAMPLE_ROWS])
    changed, notes, commas = {}, list(table.notes), []
    for name, cells in text.items():
        read = numbers_of(cells, decimal_commas)
        if read is None:
            continue
        changed[name], how = read
        if how == "decimal comma":
            commas.append(name)
        elif how:
            notes.append(f"{table.path.name}: column {name} has {how}, such as {_first_odd(cells)}; read as numbers")
    form = table.form + (f", decimal comma in {len(commas)} columns" if commas else "")
    return replace(table, columns={**table.columns, **changed}, form=form, notes=tuple(notes))


def _first_odd(cells: Sequence[str]) -> str:
    return next((cell for cell in cells if cell and not NUMBER.fullmatch(cell)), "")
