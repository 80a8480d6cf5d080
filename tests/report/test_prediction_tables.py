"""Predictions as CSV and on the console."""

import csv
import io
from pathlib import Path

import numpy as np
from rich.console import Console

from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.report.prediction_tables import predictions_csv, print_predictions
from gtzan_lightning.utils.files import text_of_cell


def prediction(path, genres, warnings=()):
    return FilePrediction(
        Path(path), genres, np.array([0.0]), np.array([3.0]), np.array([[0.75, 0.25]], np.float32), warnings
    )


def test_no_cell_is_a_formula_and_the_texts_are_read_back():
    genres = ("=cmd|'x'!A1", "+pop")
    text = predictions_csv(
        [prediction("-a/=b.wav", genres, ("=odd",)), FilePrediction(Path("@c"), genres, skipped="-no")], True
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    first, slice_, last = ({name: text_of_cell(cell) for name, cell in row.items()} for row in rows)
    assert (first["file"], first["genre"], first["runner_up"], first["warnings"]) == ("-a/=b.wav", *genres, "=odd")
    assert (slice_["file"], slice_["genre"], slice_["p_+pop"]) == ("-a/=b.wav", genres[0], "0.25")
    assert (last["file"], last["error"]) == ("@c", "-no")
    assert list(rows[0])[-2:] == ["p_=cmd|'x'!A1", "p_+pop"]  # begins with a letter


def test_control_characters_of_names_are_visible():
    shown = io.StringIO()
    console = Console(file=shown, width=200)
    print_predictions(
        [prediction("a\x1b[31m.wav", ("\x1b[2Jrock", "[bold]pop"), ("low level: \x1b[0m",))], False, console
    )
    assert "\x1b" not in shown.getvalue()
    for name in ("a\\x1b[31m.wav", "\\x1b[2Jrock", "[bold]pop", "low level: \\x1b[0m"):
        assert name in shown.getvalue()
