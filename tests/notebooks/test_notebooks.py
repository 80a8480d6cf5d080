"""Each notebook runs from top to bottom on generated tables with few epochs, and is committed without outputs."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

FEW_EPOCHS = "EPOCHS = 2"


def notebook(checkout, name):
    return nbformat.read(checkout / "notebooks" / name, as_version=4)


def executed(book, folder):
    """The notebook, executed in `folder` with `FEW_EPOCHS` after its cell of parameters."""
    place = next(i for i, cell in enumerate(book.cells) if "parameters" in cell.metadata.get("tags", ()))
    book.cells.insert(place + 1, new_code_cell(FEW_EPOCHS))
    NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return book


def printed(book):
    """The text output of all cells."""
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(output.get("text", output.get("data", {}).get("text/plain", "")) for output in outputs)


def pictures(book):
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_the_replication_trains_compares_and_draws(checkout, tables_root, tmp_path, monkeypatch):
    monkeypatch.setenv("GTZAN_ROOT", str(tables_root))
    book = executed(notebook(checkout, "replication.ipynb"), tmp_path)
    runs = sorted(path.name.rpartition("-")[0] for path in (tmp_path / "outputs" / "runs").iterdir() if path.is_dir())
    assert runs == [
        f"{model}-6s-{split}-max-epochs2" for model in ("lstm", "mlp") for split in ("artist", "grouped", "leaky")
    ]
    assert "p_permutation" in printed(book)
    assert pictures(book) == 3


def test_own_music_is_predicted_drawn_and_exported(checkout, tables_root, tmp_path, monkeypatch):
    monkeypatch.setenv("GTZAN_ROOT", str(tables_root))
    book = executed(notebook(checkout, "own_music.ipynb"), tmp_path)
    text = printed(book)
    assert "band, by telephone.flac: " in text
    assert "   very quiet: -51 dBFS" in text
    assert "Largest difference from the original: " in text
    assert "on 256 slices of the run's own validation and test parts" in text
    assert pictures(book) == 1
    assert {path.name for path in (tmp_path / "outputs").glob("own_music.*")} == {
        f"own_music.{suffix}" for suffix in ("pt2", "json", "md")
    }
    assert str(tmp_path) not in text


@pytest.mark.parametrize("name", ["replication.ipynb", "own_music.ipynb"])
def test_committed_without_outputs(checkout, name):
    cells = [cell for cell in notebook(checkout, name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [None] * len(cells)
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
