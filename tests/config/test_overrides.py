"""Overrides that are refused before anything is composed: jobs in several processes, and plugins that are missing."""

import pytest

from gtzan_lightning.config import overrides
from gtzan_lightning.errors import GtzanError


@pytest.mark.parametrize(
    "words", [["trainer=ddp"], ["trainer=cpu,ddp"], ["trainer.devices=1,2"], ["trainer.devices=2"]]
)
def test_a_multirun_of_distributed_jobs_is_refused(command, tables_root, words):
    ended = command("-m", f"data.root={tables_root}", "seed=0,1", *words)
    assert ended.status == 2
    assert ended.err.strip().startswith(
        "trainer.devices=2: a job of a multirun cannot train in several processes. Run such jobs one by one"
    )
    assert ended.cards() == {}


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
    monkeypatch.setattr(overrides, "_is_installed", lambda _: False)
    ended = command("-m", words, "model=mlp,lstm")
    assert ended.status == 2
    assert f"{words}: " in ended.err
    assert f'is not installed. pip install "gtzan-lightning[{extra}]"' in ended.err
    assert ended.cards() == {}


def test_paths_are_expanded_and_numbers_among_them_are_names(monkeypatch):
    from gtzan_lightning.config.composition import compose, with_plain_paths

    monkeypatch.setenv("HOME", "/home/me")
    given = ["outputs=2024", "cache_dir=~/cache", "+split.manifest=~/a.csv", "-m", "outputs=2024-runs"]
    assert with_plain_paths(given) == [
        "outputs='2024'", "cache_dir=/home/me/cache", "+split.manifest=/home/me/a.csv", "-m", "outputs=2024-runs"
    ]  # fmt: skip
    cfg = compose(["outputs=2024", "cache_dir=~/cache", "data.metadata=7"])  # as of `gtzan` and of Python
    assert (cfg.outputs, cfg.cache_dir, cfg.data.metadata) == ("2024", "/home/me/cache", "7")


def test_keys_of_open_sections_are_known():
    overrides.check_overrides(
        ["features.columns.id=name", "data.genres.aliases.bluse=blues", "split.manifest.test=a.csv"]
    )


def test_keys_of_the_chosen_experiment_are_known():
    overrides.check_overrides(["experiment=ladder", "study.other_corpus=/music"])
    with pytest.raises(GtzanError, match=r"there is no key 'study\.other_corpus'"):
        overrides.check_overrides(["study.other_corpus=/music"])
    with pytest.raises(GtzanError, match=r"Did you mean study\.other_corpus"):
        overrides.check_overrides(["experiment=ladder", "study.other_corpu=/music"])
