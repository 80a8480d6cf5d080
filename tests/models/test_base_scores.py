import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

from gtzan_lightning.models.base import EpochScores


def example(seed, rows=200, tracks=30, genres=10):
    rng = np.random.default_rng(seed)
    track = rng.integers(tracks, size=rows) * 7  # most tracks of the corpus belong to other parts
    target = rng.integers(genres, size=tracks)[track // 7]
    logits = rng.normal(size=(rows, genres)) + 1.2 * np.eye(genres)[target]
    return logits, target, track


def update(scores, logits, target, track, sizes):
    parts = [torch.split(torch.tensor(array), sizes) for array in (logits, target, track)]
    for x, y, t in zip(*parts, strict=True):
        scores.update(torch.nn.functional.cross_entropy(x, y), x, y, t)


@pytest.mark.parametrize(
    "sizes", [[200], [64, 64, 64, 8], [1] * 200], ids=["one batch", "smaller last batch", "single rows"]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_scores_are_those_of_scikit_learn(sizes, seed):
    logits, target, track = example(seed)
    scores = EpochScores()
    update(scores, logits, target, track, sizes)
    values = scores.compute()

    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = pd.DataFrame(probabilities).assign(track=track, target=target)
    clips = table.groupby("track").mean()
    assert float(values["loss"]) == pytest.approx(log_loss(target, probabilities, labels=range(10)), rel=1e-6)
    assert float(values["window_accuracy"]) == pytest.approx(accuracy_score(target, probabilities.argmax(axis=1)))
    expected = accuracy_score(clips["target"], clips[list(range(10))].to_numpy().argmax(axis=1))
    assert 0.5 < expected < 1.0
    assert float(values["clip_accuracy"]) == pytest.approx(expected)


def test_reset_discards_the_previous_epoch():
    scores, fresh = EpochScores(), EpochScores()
    update(scores, *example(0), [200])
    scores.compute()
    scores.reset()
    for metric in (scores, fresh):
        update(metric, *example(1), [200])
    assert scores.compute() == fresh.compute()


def test_batches_are_merged():
    scores, whole = EpochScores(), EpochScores()
    update(scores, *example(0), [2] * 100)
    update(whole, *example(0), [200])
    for rows in (scores.logits, scores.targets, scores.tracks):
        assert [len(each) for each in rows] == [64, 64, 64, 2, 2, 2, 2]
    assert [len(each) for each in scores.losses] == [32, 32, 32, 1, 1, 1, 1]
    scores.reset()
    update(scores, *example(0), [5] * 40)
    assert [len(each) for each in scores.logits] == [160, 5, 5, 5, 5, 5, 5, 5, 5]
    assert scores.compute()["clip_accuracy"] == whole.compute()["clip_accuracy"]


def test_half_precision_logits_are_scored_in_float32():
    scores = EpochScores()
    logits = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.bfloat16)
    scores.update(torch.tensor(0.5), logits, torch.tensor([0, 1]), torch.tensor([3, 4]))
    assert {name: float(value) for name, value in scores.compute().items()} == {
        "loss": 0.5,
        "window_accuracy": 0.5,
        "clip_accuracy": 0.5,
    }


def test_scores_are_not_part_of_a_checkpoint():
    scores = EpochScores()
    update(scores, *example(0), [200])
    assert scores.state_dict() == {}
