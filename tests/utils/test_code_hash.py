"""Hashes of source code: what changes them, and which files they cover."""

import pytest

from gtzan_lightning.config.composition import compose, plain_config
from gtzan_lightning.config.identity import code_files
from gtzan_lightning.utils import code_hash
from gtzan_lightning.utils.code_hash import changed_files, code_hashes

MODEL = '''"""A module."""
import math
import mine_helper
from . import layers

class Model:
    """A class."""
    size = 1

    def forward(self, x):
        """A method."""
        return x * 2
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A user's package with a model, and a module beside it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").touch()
    (tmp_path / "mine" / "model.py").write_text(MODEL)
    (tmp_path / "mine" / "layers.py").write_text("WIDTH = 3\n")
    (tmp_path / "mine" / "unused.py").write_text("")
    (tmp_path / "mine_helper.py").write_text("import numpy\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def hashes(*modules, **options):
    code_hash._read.cache_clear()
    code_hash._file_of.cache_clear()
    return code_hashes(modules, **options)


def test_the_files_that_a_module_imports_are_covered_without_installed_ones(package):  # noqa: ARG001
    assert list(hashes("mine.model")) == ["mine/__init__.py", "mine/layers.py", "mine/model.py", "mine_helper.py"]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("x * 2", "x * 0", True),
        ("size = 1", "size = None", True),
        ("size = 1", "size = True", True),
        ("forward(self, x)", "forward(self, x=1)", True),
        ('"""A method."""', '"""Another text."""', False),
        ('        """A method."""\n', "", False),
        ("import math\n", "import math  # a comment\n\n\n", False),
        ("x * 2", "(x  *  2)", False),
    ],
)
def test_the_hash_changes_with_the_code_and_not_with_comments_and_docstrings(package, old, new, changes):
    before = hashes("mine.model")
    (package / "mine" / "model.py").write_text(MODEL.replace(old, new))
    assert changed_files(before, hashes("mine.model")) == ["mine/model.py"] * changes


def test_a_file_that_cannot_be_parsed_has_a_hash_too(package):
    (package / "mine" / "model.py").write_text("def")
    assert list(hashes("mine.model")) == ["mine/model.py"]


def test_a_run_covers_its_model_split_and_features_but_no_figures_and_reports():
    files = code_files(plain_config(compose(["model=lstm", "features=mfcc", "split=artist"])))
    inside = {name.removeprefix("gtzan_lightning/") for name in files}
    assert inside >= {
        "models/bilstm.py", "models/base.py", "features/kinds/mfcc.py", "features/spectrum.py",
        "datamodule/split_rules/artist.py", "datamodule/scaling.py", "evaluation/metrics.py", "training/train.py",
    }  # fmt: skip
    assert inside.isdisjoint({"evaluation/figures.py", "training/tensorboard_logging.py", "runs/run_card.py"})
    assert not {name.partition("/")[0] for name in files} - {"gtzan_lightning"}
