"""Protocols of published studies: no validation part, the last or the best test epoch, steps taken in lists."""

import csv
from types import SimpleNamespace

import pytest
import torch
from run_folder import predictions
from torch.optim.lr_scheduler import StepLR

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.datamodule.examples import ListLoader
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models import MLP
from gtzan_lightning.models.optimization import Optimization
from gtzan_lightning.report.console import print_run
from gtzan_lightning.training import train as train_module

NO_VALIDATION = ("split.ratios.train=0.8", "split.ratios.val=0", "split.ratios.test=0.2", "regularization=none")
IN_LISTS = ("trainer.gradient_clip_val=null", "optimizer=adam", "scheduler=step", "scheduler.step_size=2")


def history(run):
    with (run.folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(run, name="best.ckpt"):
    return torch.load(run.folder / name, weights_only=True)["state_dict"]


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_the_last_epoch_without_a_validation_part(trained, capsys):
    run = trained(*NO_VALIDATION, "trainer.best_epoch_on=last", "split=leaky")
    training, split = run.card["training"], run.card["split"]
    assert (training["monitor"], training["best_epoch"], training["epochs"]) == ("last epoch", 6, 6)
    assert split["slices"] == {"train": 800, "val": 0, "test": 200}
    assert set(run.card["metrics"]) == {"test"}
    assert "calibration" not in run.card
    assert training["overfit_gap"] is None
    assert same(weights(run), weights(run, "last.ckpt"))
    assert not any(key.startswith(("val/", "test/")) for key in history(run)[0])
    assert "missing parts" not in {finding["check"] for finding in run.card["audit"]["findings"]}
    capsys.readouterr()
    print_run(run.card, run.folder)
    assert "Last epoch 6 of 6, not selected." in capsys.readouterr().out


def test_the_best_test_epoch_and_the_last_one_from_one_run(trained):
    run = trained(*NO_VALIDATION, "trainer.best_epoch_on=test")
    scores = [float(row["test/window_accuracy"]) for row in history(run)]
    training = run.card["training"]
    assert training["best_epoch"] == scores.index(max(scores)) + 1
    assert run.card["metrics"]["test"]["window"]["accuracy"] == pytest.approx(max(scores), abs=1e-6)
    last = training["last_epoch"]["test"]
    assert last["window"] == {"accuracy": pytest.approx(scores[-1], abs=1e-6), "n": 200}
    assert last["clip"]["accuracy"] == pytest.approx(float(history(run)[-1]["test/clip_accuracy"]), abs=1e-6)
    assert last["clip_vote"]["n"] == 20


def test_the_last_epoch_is_the_same_whatever_was_selected(trained):
    selected, last = (trained(*NO_VALIDATION, f"trainer.best_epoch_on={epoch}") for epoch in ("test", "last"))
    scores = {level: entry["accuracy"] for level, entry in last.card["metrics"]["test"].items()}
    recorded = selected.card["training"]["last_epoch"]["test"]
    assert {level: entry["accuracy"] for level, entry in recorded.items()} == scores
    assert same(weights(selected, "last.ckpt"), weights(last))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "split.ratios.val=0 leaves no validation part, and trainer.best_epoch_on=val needs one."),
        (("trainer.best_epoch_on=last", "regularization.patience=5"),
         "split.ratios.val=0 leaves no validation part, and regularization.patience=5 needs one."),
        (("trainer.best_epoch_on=test", "scheduler=plateau"),
         "split.ratios.val=0 leaves no validation part, and scheduler=plateau needs one."),
        (("trainer.best_epoch_on=last", "split.fold=0", "split.n_folds=5"),
         "split.ratios.val=0: only a random split by ratios can do without a validation part."),
    ],
)  # fmt: skip
def test_without_a_validation_part_nothing_is_selected_on_it(trained, overrides, message):
    with pytest.raises(GtzanError) as caught:
        trained(*NO_VALIDATION, *overrides)
    assert str(caught.value).splitlines()[0] == message


RANDOM = ("data.batch_size=4", "model.dropout=0.3", "model.mixup=0.2", "augmentation.feature_masks=1")


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        (IN_LISTS, 4),  # the schedule follows the epochs
        (("trainer.gradient_clip_val=0.1", "scheduler=onecycle"), 6),
        (("model=lstm", "slice=6s", "trainer.gradient_clip_val=0.1", "scheduler=cosine", "optimizer=sgd"), 6),
    ],
    ids=["by epoch", "by step", "lstm"],
)
def test_steps_taken_in_lists_give_the_same_numbers(trained, monkeypatch, settings, rates):
    loaders = []
    make = SliceDataModule.train_dataloader
    monkeypatch.setattr(SliceDataModule, "train_dataloader", lambda self: loaders.append(make(self)) or loaders[-1])
    in_lists = trained(*settings, *RANDOM)
    one_by_one = trained(*settings, *RANDOM, "+callbacks.mine._target_=lightning.pytorch.callbacks.Timer")
    assert {type(loader) is ListLoader for loader in loaders} == {True, False}
    assert history(in_lists) == history(one_by_one)
    assert predictions(in_lists.folder) == predictions(one_by_one.folder)
    assert same(weights(in_lists, "last.ckpt"), weights(one_by_one, "last.ckpt"))
    assert len({row["train/lr"] for row in history(in_lists)}) == rates


@pytest.mark.parametrize("hook", ["training_step", "optimizer_step", "on_train_batch_end"])
def test_a_model_with_a_hook_of_its_own_gets_each_step_from_lightning(hook):
    Own = type("Own", (MLP,), {hook: lambda *_: None})
    datamodule = SimpleNamespace(batches_per_list=None)
    train_module.shorten_steps(validate_config(compose([*IN_LISTS])), model := Own(), datamodule)
    assert (datamodule.batches_per_list, model.automatic_optimization) == (None, True)


@pytest.mark.parametrize(
    ("change", "in_lists"),
    [
        (None, True),
        ("trainer.gradient_clip_val=1", True),
        ("scheduler=onecycle", True),
        ("scheduler=plateau", False),  # follows a score that Lightning passes on
        ("trainer.limit_batches=2", False),
        ("trainer.precision=bf16-mixed", False),
    ],
)
def test_steps_are_taken_in_lists_only_where_nothing_happens_between_them(change, in_lists):
    schedule = () if change and change.startswith("scheduler") else ("scheduler=step",)
    config = validate_config(compose([*IN_LISTS[:2], *schedule, *([change] if change else [])]))
    datamodule = SimpleNamespace(batches_per_list=None)
    train_module.shorten_steps(config, model := MLP(), datamodule)
    assert (datamodule.batches_per_list, model.automatic_optimization) == ((64, False) if in_lists else (None, True))


def test_an_optimizer_whose_step_takes_no_closure_needs_none():
    class Plain(torch.optim.SGD):
        def step(self):
            super().step()

    optimizers = (Plain, torch.optim.AdamW, torch.optim.LBFGS)
    assert [Optimization(each, {}, StepLR).needs_closure for each in optimizers] == [False, False, True]


def test_the_preset_is_the_protocol_and_the_fair_one_differs_in_split_scaling_and_epoch():
    presets = [compose(["experiment=replication_mlp_3s", *more]) for more in ([], ["protocol=by_artist"])]
    published, fair = ({key: cfg[group][key] for group, key in KEYS} for cfg in presets)
    assert published == {
        "name": "leaky", "seed": 0, "ratios": {"train": 0.8, "val": 0, "test": 0.2},
        "scaling_fitted_on": "all", "best_epoch_on": "test", "hidden_size": 64, "batch_size": 4,
    }  # fmt: skip
    assert fair == published | {"name": "artist", "ratios": {"train": 0.7, "val": 0.1, "test": 0.2},
                                "scaling_fitted_on": "train", "best_epoch_on": "val"}  # fmt: skip
    assert {cfg.seed for cfg in presets} == {42}


KEYS = [("split", "name"), ("split", "seed"), ("split", "ratios"), ("features", "scaling_fitted_on"),
        ("trainer", "best_epoch_on"), ("model", "hidden_size"), ("data", "batch_size")]  # fmt: skip
