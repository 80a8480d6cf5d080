"""Lightning without Hydra: the public classes give the numbers of `train.py`."""

import re

import lightning as L
import numpy as np
import pytest
import torch

from gtzan_lightning import MLP, BiLSTM, GenreDataModule, compose, train
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.training import results

pytestmark = pytest.mark.slow

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def assert_equal(found, card):
    """The result of `trainer.test` has the numbers of a run card to the last digit."""
    window = {name: found[f"test/window_{name}"] for name in ("accuracy", "precision", "recall", "f1")}
    assert window == {name: card["metrics"]["test"]["window"][name] for name in window}
    assert found["test/clip_accuracy"] == card["metrics"]["test"]["clip"]["accuracy"]


def test_the_script_of_the_quickstart_gives_the_numbers_of_a_run_on_the_real_tables(
    gtzan_root, tmp_path, monkeypatch, checkout
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    page = (checkout / "docs" / "quickstart.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(import lightning.*?)```", page, re.DOTALL)
    assert "max_epochs=60)" in script
    names = {}
    exec(script.replace("/path/to/gtzan", str(gtzan_root)).replace("max_epochs=60)", "max_epochs=2)"), names)
    (written,) = re.findall(r"`python train.py (.*?)`", page.partition("## 6.")[2])
    words = [*written.split(), f"data.root={gtzan_root}", "trainer.max_epochs=2", "trainer.progress=false"]
    run = train(compose(words), overrides=words)
    assert_equal(names["scores"][0], run.card)
    stored = read_predictions(run.folder / "predictions.csv")
    assert np.sort(torch.cat(names["probabilities"]).numpy(), axis=0).tolist() == (
        np.sort(stored.probabilities, axis=0).tolist()
    )


@pytest.mark.parametrize(("model", "name"), [(BiLSTM, "lstm"), (MLP, "mlp")])
def test_fit_test_and_predict_give_the_numbers_of_a_run(tables_root, tmp_path, monkeypatch, model, name):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    words = [f"data.root={tables_root}", f"model={name}", "slice=6s", "trainer.max_epochs=3", "trainer.progress=false"]
    run = train(compose(words), overrides=words)

    L.seed_everything(0)
    network, data = model(), GenreDataModule(tables_root)
    trainer = L.Trainer(max_epochs=3, default_root_dir=tmp_path / "plain", **QUIET)
    trainer.fit(network, data)
    (found,) = trainer.test(network, data, ckpt_path="best", verbose=False)
    predicted = torch.cat(trainer.predict(network, data, ckpt_path="best")).numpy()

    assert_equal(found, run.card)
    stored = read_predictions(run.folder / "predictions.csv")
    order = np.concatenate([np.flatnonzero(data.parts[data.kept] == part) for part in ("train", "val", "test")])
    assert (predicted[order] == stored.probabilities).all()


def test_the_constructor_is_cheap_and_its_arguments_are_plain(tables_root, tmp_path):
    data = GenreDataModule(tmp_path / "nowhere", slice_s=9, split="leaky")
    assert not hasattr(data, "examples")
    assert data.hparams["root"] == str(tmp_path / "nowhere")
    data = GenreDataModule(tables_root)
    data.prepare_data()
    data.setup("fit")
    examples = data.examples
    data.setup("test")
    assert data.examples is examples


def test_own_callbacks_of_the_model_yield_to_those_of_the_trainer(tables_root, tmp_path):
    best = L.pytorch.callbacks.ModelCheckpoint(tmp_path, monitor="val/loss")
    trainer = L.Trainer(max_epochs=1, callbacks=[best], **QUIET)
    trainer.fit(MLP(2), GenreDataModule(tables_root))
    assert trainer.checkpoint_callback is best
    assert trainer.early_stopping_callback is None
