"""Notebooks are committed without outputs; tests/docs/test_site.py executes them."""

import nbformat
import pytest


@pytest.mark.parametrize("name", ["replication.ipynb", "own_music.ipynb"])
def test_committed_without_outputs(checkout, name):
    book = nbformat.read(checkout / "notebooks" / name, as_version=4)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [None] * len(cells)
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
