"""The public API: the same names, whatever was imported before."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import gtzan_lightning
from gtzan_lightning.training import results

FUNCTIONS = ("audit", "compare", "compose", "evaluate", "load_run", "open_corpus", "predict", "train")
CLASSES = ("BiLSTM", "ConvLSTM", "GenreDataModule", "GenreModule", "MLP", "ResLSTM")


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_names_are_those_of_the_documentation():
    assert set(gtzan_lightning.__all__) == {*FUNCTIONS, *CLASSES}
    assert all(isinstance(getattr(gtzan_lightning, name), type) for name in CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "import gtzan_lightning.audit.findings; "])
def test_every_function_is_one(before):
    code = f"{before}import gtzan_lightning as g; print(*(type(getattr(g, name)).__name__ for name in {FUNCTIONS}))"
    assert printed(code).split() == ["function"] * len(FUNCTIONS)


def test_composing_does_not_import_torch():
    code = "import sys; from gtzan_lightning import compose; compose(['model=lstm']); print('torch' in sys.modules)"
    assert printed(code) == "False\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gtzan_lightning' has no attribute 'tarin'"):
        gtzan_lightning.tarin  # noqa: B018


@pytest.mark.slow
def test_the_examples_of_the_docstrings_run(tables_root, monkeypatch, tmp_path):
    """Each in a folder of its own, but that of `predict`, which needs a run."""
    monkeypatch.setenv("GTZAN_ROOT", str(tables_root))
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * 22050)
    for name in FUNCTIONS:
        folder = tmp_path / ("load_run" if name == "predict" else name)
        (folder / "music").mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "music" / "song.wav", noise, 22050)
        monkeypatch.chdir(folder)
        (example,) = doctest.DocTestFinder(recurse=False).find(getattr(gtzan_lightning, name), name, globs={})
        assert example.examples, f"{name} has no example"
        runner = doctest.DocTestRunner()
        report = []
        runner.run(example, out=report.append)
        assert not runner.failures, "".join(report)
