"""The OOD score of a run: neighbours from the training part, the limit from the validation part."""

import numpy as np
import pandas as pd
import pytest
import torch

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.evaluation.ood import OodScore, fit_ood
from gtzan_lightning.training import ood_fitting
from gtzan_lightning.training.construction import make_datamodule, make_model
from gtzan_lightning.training.ood_fitting import fit_run_ood, represented
from gtzan_lightning.training.split_data import open_data

WORDS = ["model=mlp", "split.ratios={train: 0.5, val: 0.25, test: 0.25}"]


@pytest.fixture
def fitted(own_tables):
    def of(*words):
        config = validate_config(compose([f"data.root={own_tables}", *WORDS, *words]))
        torch.manual_seed(0)
        datamodule = make_datamodule(config, open_data(config))
        model = make_model(config, datamodule.shape, len(datamodule.genres)).eval()
        return datamodule, model, OodScore.from_plain(fit_run_ood(config, datamodule, model))

    return of


def rows_of(datamodule, model, part):
    return represented(model, datamodule.examples, np.flatnonzero(datamodule.parts == part))


def test_rows_are_those_of_the_training_slices(fitted):
    datamodule, model, score = fitted()
    want = fit_ood(rows_of(datamodule, model, "train"))
    np.testing.assert_array_equal(score.rows, want.rows)
    assert score.rows.shape[1] == 256  # the second layer has half of 512


@pytest.mark.parametrize(("words", "part"), [((), "val"), (("split.ratios.train=0.75", "split.ratios.val=0"), "train")])
def test_the_limit_is_a_quantile_of_the_median_distances_of_held_out_tracks(fitted, words, part):
    datamodule, model, score = fitted(*words, *(["trainer.best_epoch_on=last"] if words else []))
    distances = score.distances(rows_of(datamodule, model, part))
    medians = pd.Series(distances).groupby(datamodule.slices.track_index[datamodule.parts == part]).median()
    assert score.limit == pytest.approx(np.quantile(medians, 0.95))


def test_least_s_is_a_low_quantile_of_the_ends_of_training_tracks(fitted):
    datamodule, _, score = fitted()
    training = datamodule.parts == "train"
    ends = pd.Series(datamodule.slices.stop_s[training]).groupby(datamodule.slices.track_index[training]).max()
    assert score.least_s == pytest.approx(np.quantile(ends, 0.01))


def test_a_large_training_part_is_subsampled(fitted, monkeypatch):
    monkeypatch.setattr(ood_fitting, "MAX_SLICES", 10)
    datamodule, model, score = fitted()
    training = np.flatnonzero(datamodule.parts == "train")
    used = training[:: -(-len(training) // 10)]
    assert len(score.rows) == len(used) < len(training)
    np.testing.assert_array_equal(score.rows, fit_ood(represented(model, datamodule.examples, used)).rows)
