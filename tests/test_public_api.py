"""The public API: the same names, whatever was imported before."""

import subprocess
import sys

import pytest

import gtzan_lightning

FUNCTIONS = ("audit", "compare", "compose", "load_run", "open_corpus", "predict", "train")
CLASSES = ("BiLSTM", "ConvLSTM", "GenreDataModule", "GenreModule", "MLP", "ResLSTM")


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_names_are_those_of_the_documentation():
    assert set(gtzan_lightning.__all__) == {*FUNCTIONS, *CLASSES}
    assert all(isinstance(getattr(gtzan_lightning, name), type) for name in CLASSES)


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
