"""A search with Optuna from its command to its tables."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training import train as training

pytest.importorskip("optuna", reason="needs the extra [optuna]")

FAST = ("debug=fast", "trainer.progress=false", "hydra.sweeper.sampler.n_startup_trials=2")


@pytest.fixture
def search(command, tables_root):
    """`train.py -m experiment=search` with two folds a trial; returns what ended, and its folder."""

    def run(n_trials, *words, outputs="outputs"):
        fixed = (f"data.root={tables_root}", f"outputs={outputs}", "search.folds=2", *FAST, *words)
        ended = command("-m", "experiment=search", f"hydra.sweeper.n_trials={n_trials}", *fixed)
        return ended, next(iter(Path(outputs, "sweeps").glob("*")), None)

    return run


def interrupted_in_job(monkeypatch, number):
    """Ctrl-C while the so-maniest model is made."""
    whole, made = training.make_model, []

    def stops(*arguments):
        made.append(arguments)
        if len(made) == number:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(training, "make_model", stops)


def test_the_score_of_a_trial_is_the_mean_validation_accuracy_of_clips_over_folds(search):
    ended, folder = search(3)
    assert ended.status == 0, ended.err
    cards = ended.cards()
    assert len(cards) == 6
    table = pd.read_csv(folder / "trials.csv")
    assert list(table["trial"]) == [0, 0, 1, 1, 2, 2]
    for _, row in table.iterrows():
        assert row["val_clip_accuracy"] == cards[row["run"]]["metrics"]["val"]["clip"]["accuracy"]
        assert cards[row["run"]]["model"]["name"] == "MLP"
        assert re.fullmatch(f"mlp-trial-0{row['trial']}-fold{row['fold']}-[0-9a-f]{{8}}", row["run"])
    means = table.groupby("trial")["val_clip_accuracy"].mean()
    assert table.groupby("trial")["mean_val_clip_accuracy"].first().tolist() == pytest.approx(means.tolist(), abs=1e-12)
    assert len({card["split"]["sha256"] for card in cards.values()}) == 2
    best = table.iloc[table["mean_val_clip_accuracy"].argmax()]
    document = (folder / "trials.md").read_text()
    assert f"model.lr={float(best['model.lr'])!r}" in document.splitlines()[-1]
    assert "test accuracy" not in ended.out
    records = [json.loads(path.read_text()) for path in Path("outputs/trials").glob("*/trial.json")]
    assert {fold["run"] for record in records for fold in record["folds"]} == set(cards)


def test_the_same_command_repeats_no_trial_and_a_larger_one_adds_trials(search):
    search(2)
    ended, folder = search(2)
    assert "2 trials of 2 folds, 2 finished before" in ended.out
    assert len(ended.cards()) == 4
    ended, folder = search(3)
    assert len(ended.cards()) == 6
    assert pd.read_csv(folder / "trials.csv")["trial"].nunique() == 3


def test_an_interrupted_search_ends_like_an_uninterrupted_one(search, monkeypatch):
    _, alone = search(4, outputs="alone")
    with monkeypatch.context() as patch:
        interrupted_in_job(patch, 6)  # the second fold of the third trial
        ended, _ = search(4, outputs="stopped")
        assert ended.status == 130
    ended, folder = search(4, outputs="stopped")
    assert ended.status == 0, ended.err
    one, other = (pd.read_csv(path / "trials.csv") for path in (alone, folder))  # run folders have the same names
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert len(list(Path("stopped/runs").glob("*/run.json"))) == 8  # no fold of other settings was begun


def test_a_failed_trial_is_reported_and_tried_again(search, monkeypatch):
    whole, made = training.make_model, []

    def fails(*arguments):
        made.append(arguments)
        if len(made) == 1:
            raise ZeroDivisionError("a bug")
        return whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "make_model", fails)
        ended, folder = search(3)
    assert "failed:\nTraceback" in ended.err
    assert "1 more failed; the same command tries them again." in (folder / "trials.md").read_text()
    ended, folder = search(3)
    assert pd.read_csv(folder / "trials.csv")["trial"].nunique() == 3
    assert "more failed" not in (folder / "trials.md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("split=leaky", "A search assigns the tracks outside the test part to validation folds of its own."),
        ("trainer.best_epoch_on=test", "A search compares validation scores: leave trainer.best_epoch_on=test out."),
        ("search.folds=1", "search.folds = 1: should be greater than or equal to 2"),
    ],
)
def test_settings_that_would_use_the_test_part_are_refused(search, words, message):
    ended, _ = search(2, words)
    assert ended.status == 2
    assert message in ended.err
    assert ended.cards() == {}


def test_a_search_without_a_score_ends_with_a_message(search, monkeypatch):
    def fails(*_):
        raise GtzanError("no such model today")

    monkeypatch.setattr(training, "make_model", fails)
    ended, _ = search(1)
    assert ended.status == 2
    assert "no such model today" in ended.err
    assert ended.err.endswith("No trial of the search has a score; the reasons are printed above.\n")
