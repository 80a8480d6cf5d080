"""Commands that train nothing start without torch, and without other packages that are slow to import."""

import subprocess
import sys

import pytest
from made_runs import made_run

pytestmark = pytest.mark.slow

SLOW = ("torch", "lightning", "sklearn", "matplotlib", "scipy.stats")


def loaded(*arguments):
    """The slow packages that a command has imported at its end."""
    code = f"import sys; from gtzan_lightning.cli import main; status = main({list(arguments)}); "
    code += f"print(sorted(set({SLOW}) & set(sys.modules)), file=sys.stderr); sys.exit(status)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1]


@pytest.fixture
def names(tmp_path):
    data = {"corpus": "made", "sha256": "made", "tracks": 60, "tracks_without_slice": [], "notes": []}
    training = {"epochs": 4, "best_epoch": 2, "monitor": "val/loss", "overfit_gap": 0.1}
    return [made_run(tmp_path / "outputs", seed=seed, data=data, training=training).name for seed in range(2)]


@pytest.mark.parametrize("command", ["runs ls", "runs show NAME", "runs diff NAME NAME", "report"])
def test_commands_about_runs_import_nothing_slow(names, command):
    words = iter(names)
    assert loaded(*(next(words) if word == "NAME" else word for word in command.split())) == "[]"


def test_a_comparison_imports_no_torch(names):
    assert "torch" not in loaded("compare", *names)


def test_the_check_of_tables_imports_nothing_slow(tables_root):
    assert loaded("data", "check", f"data.root={tables_root}") == "[]"
