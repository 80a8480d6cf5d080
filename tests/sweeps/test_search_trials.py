"""The tables of the trials of a search."""

import math

from gtzan_lightning.sweeps.search import Fold, Trial, best_first, tidy_trials, trials_markdown, write_trials

TRIALS = [
    Trial(("model=lstm", "model.lr=0.001"), (Fold("a0", 0.5), Fold("a1", 0.7)), 0, (("model.lr", 0.001),)),
    Trial(("model=lstm", "model.lr=0.002"), (Fold("b0", 0.8), Fold("b1", 0.6)), 1, (("model.lr", 0.002),)),
    Trial(("model=lstm", "model.lr=0.004"), (Fold("c0", 0.7), Fold("c1", 0.7)), 3, (("model.lr", 0.004),)),
]


def test_the_best_comes_first_and_of_equals_the_earlier_one():
    assert [trial.number for trial in best_first(TRIALS)] == [1, 3, 0]


def test_the_document_has_all_trials_and_the_command_of_the_test():
    lines = trials_markdown(TRIALS, failed=2).splitlines()
    assert lines[2] == "| trial | model.lr | mean | sd | fold 0 | fold 1 |"
    assert lines[4] == "| 1 | 0.002 | 0.700 | 0.141 | 0.800 | 0.600 |"  # sd: 0.2 / sqrt(2)
    assert lines[8:] == [
        "2 more failed; the same command tries them again.",
        "",
        "The validation accuracy 0.700 of the best of 3 trials is optimistic, because it was selected by it. "
        "The folds contain no test clips; to evaluate it once on the test part:",
        "",
        "train.py model=lstm model.lr=0.002",
    ]


def test_the_tidy_table_has_a_row_for_each_fold():
    table = tidy_trials(TRIALS)
    assert list(table["run"]) == ["a0", "a1", "b0", "b1", "c0", "c1"]
    assert list(table["val_clip_accuracy"]) == [0.5, 0.7, 0.8, 0.6, 0.7, 0.7]
    assert list(table["trial"]) == [0, 0, 1, 1, 3, 3]


def test_a_trial_survives_its_record():
    again = Trial.from_json(TRIALS[0].to_json())
    assert again.folds == TRIALS[0].folds
    assert again.overrides == TRIALS[0].overrides
    assert math.isclose(again.accuracy, 0.6)


def test_the_written_table_has_no_formulas(tmp_path):
    trial = Trial(("x=1",), (Fold("-run", 0.5),), 0, (("=key", "@value"), ("model.lr", -0.5)))
    write_trials(tmp_path, [trial], failed=0)
    assert (tmp_path / "trials.csv").read_text() == (
        "trial,'=key,model.lr,mean_val_clip_accuracy,fold,val_clip_accuracy,run\n0,'@value,-0.5,0.5,0,0.5,'-run\n"
    )
