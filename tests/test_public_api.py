"""The public API: seven names, whatever was imported before."""

import subprocess
import sys

import pytest

import gtzan_lightning

NAMES = ("audit", "compare", "compose", "load_run", "open_corpus", "predict", "train")


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_names_are_those_of_the_documentation():
    assert tuple(gtzan_lightning.__all__) == NAMES


@pytest.mark.parametrize("before", ["", "import gtzan_lightning.audit.findings; "])
def test_every_name_is_a_function(before):
    code = f"{before}import gtzan_lightning as g; print(*(type(getattr(g, name)).__name__ for name in {NAMES}))"
    assert printed(code).split() == ["function"] * len(NAMES)


def test_composing_does_not_import_torch():
    code = "import sys; from gtzan_lightning import compose; compose(['model=lstm']); print('torch' in sys.modules)"
    assert printed(code) == "False\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gtzan_lightning' has no attribute 'tarin'"):
        gtzan_lightning.tarin  # noqa: B018
