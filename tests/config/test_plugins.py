"""Launchers and sweepers that are not installed."""

import pytest

from gtzan_lightning.config import overrides as plugins


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("hydra/launcher=joblib", "joblib"),
        ("hydra/launcher=slurm", "slurm"),
        ("hydra/launcher=slurm_local", "slurm"),
        ("hydra/launcher=ray", "ray"),
        ("experiment=search", "optuna"),
        ("hydra/sweeper=optuna", "optuna"),
    ],
)
def test_a_missing_plugin_names_its_extra(command, monkeypatch, words, extra):
    monkeypatch.setattr(plugins, "_is_installed", lambda _: False)
    ended = command("-m", words, "model=mlp,lstm")
    assert ended.status == 2
    assert f"{words}: " in ended.err
    assert f'is not installed. pip install "gtzan-lightning[{extra}]"' in ended.err
    assert ended.cards() == {}
