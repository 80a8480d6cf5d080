"""Tables in arrays: NumPy's `.npz` and `.npy` files and HDF5. Nothing is unpickled."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.errors import GtzanError

WINDOW_COLUMN = "window"  # added for arrays of (tracks, windows, features) and archives of one array a track
ID_COLUMN = "id"


def loaded_arrays(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    """Arrays of an `.npz` or `.npy` file by name; pickled objects are refused."""
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        return {name: loaded[name] for name in loaded.files} if hasattr(loaded, "files") else {"X": loaded}
    except ValueError as error:
        reason = "holds pickled Python objects, which could run code" if "pickle" in str(error) else str(error)
        raise GtzanError(
            f"{path}: {reason}.\nStore text as arrays of strings: np.savez(FILE, X=X, ids=np.asarray(ids, dtype=str))."
        ) from error


def hdf5_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every dataset of an HDF5 file by the last part of its name; needs h5py."""
    import h5py

    arrays: dict[str, NDArray[Any]] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.shape:
            values = item.asstr()[...] if h5py.check_string_dtype(item.dtype) else item[...]
            arrays[name.rpartition("/")[2]] = values.astype(str) if values.dtype == object else values

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return arrays


def with_files_beside(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Adds ids and labels from files beside an `.npy` file: `<stem>_ids.txt`, `ids.npy`, `<stem>.labels.csv`."""
    if arrays["X"].dtype.names:
        return {name: arrays["X"][name] for name in arrays["X"].dtype.names}
    for role in ("ids", "labels"):
        for stem in (f"{path.stem}_{role}", f"{path.stem}.{role}", role):
            found = [path.with_name(stem + suffix) for suffix in (".npy", ".txt", ".csv")]
            file = next((each for each in found if each.is_file()), None)
            if file is not None:
                arrays[role] = _lines(file)
                break
    return arrays


def _lines(file: Path) -> NDArray[Any]:
    if file.suffix == ".npy":
        return next(iter(loaded_arrays(file, file.read_bytes()).values()))
    lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    return np.asarray(lines, dtype=str)


def array_columns(path: Path, arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], str]:
    """Columns of a table from arrays: one of (rows, features), and one of (rows,) for each other column.

    Returns:
        The columns, and the shapes of the arrays.

    Raises:
        GtzanError: There is no such array, there are several, or their lengths differ.
    """
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    numeric = {name: array for name, array in arrays.items() if array.dtype.kind in "fiu" and array.ndim in (2, 3)}
    if len(numeric) > 1 and len(numeric) == len(arrays) and len({a.shape[-1] for a in numeric.values()}) == 1:
        rows = [len(array) for array in numeric.values()]
        columns: dict[str, Any] = {ID_COLUMN: np.repeat(np.asarray(list(numeric), object), rows)}
        columns[WINDOW_COLUMN] = np.concatenate([np.arange(count) for count in rows]).astype(np.float64)
        values = np.concatenate([array.reshape(len(array), -1) for array in numeric.values()])
        return {**columns, **_features("X", values)}, f"one array for each of {len(numeric)} tracks"
    if len(numeric) != 1:
        listed = [name for name, array in arrays.items() if array.ndim == 1]
        if not numeric and listed and len({len(arrays[name]) for name in listed}) == 1:
            return {name: _column(arrays[name]) for name in listed}, shapes
        raise GtzanError(
            f"{path}: needs one array of (rows, features); it has {shapes or 'none'}.\n"
            "Store them as np.savez(FILE, X=X, ids=ids)."
        )
    (name, values), columns = next(iter(numeric.items())), {}
    others = {key: array for key, array in arrays.items() if key != name and array.ndim == 1}
    repeat = values.shape[1] if values.ndim == 3 else 1
    wrong = [f"{key} {array.shape}" for key, array in others.items() if len(array) != len(values)]
    if wrong:
        raise GtzanError(f"{path}: {', '.join(wrong)} do not have the {len(values)} rows of {name} {values.shape}.")
    for key, array in others.items():
        columns[key] = np.repeat(_column(array), repeat)
    if values.ndim == 3:
        columns[WINDOW_COLUMN] = np.tile(np.arange(repeat, dtype=np.float64), len(values))
        values = values.reshape(-1, values.shape[-1])
    return {**columns, **_features(name, values)}, shapes


def _features(name: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {f"{name}{number}": values[:, number].astype(np.float64) for number in range(values.shape[1])}


def _column(array: NDArray[Any]) -> NDArray[Any]:
    """Numbers as float64, text as `str` objects."""
    return (
        array.astype(np.float64) if array.dtype.kind in "fiub" else np.asarray(list(map(text_of_value, array)), object)
    )


def text_of_value(value: object) -> str:
    """A cell as text; empty if it is missing."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    missing = value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
    return "" if missing else str(value)
