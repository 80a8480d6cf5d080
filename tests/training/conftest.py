"""Runs on generated tables that the tests of the training share."""

import pytest
from run_folder import FAST

from gtzan_lightning.config.composition import compose
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train


@pytest.fixture(scope="module")
def requested(tables_root, tmp_path_factory):
    """The command line of the first run, which the tests share."""
    return [f"data.root={tables_root}", f"outputs={tmp_path_factory.mktemp('outputs')}", *FAST]


@pytest.fixture(scope="module")
def first(requested):
    return train(compose(requested), overrides=requested)


@pytest.fixture
def without_figures(monkeypatch):
    """Figures take longer than the training; the first run of the module draws them."""
    monkeypatch.setattr(results, "run_figures", lambda *_: {})


@pytest.fixture
def trained(tables_root, tmp_path, without_figures):  # noqa: ARG001
    """Trains with a separate outputs folder."""

    def train_with(*overrides, root=tables_root):
        command = [f"data.root={root}", f"outputs={tmp_path / 'outputs'}", *FAST, *overrides]
        return train(compose(command), overrides=command)

    return train_with
