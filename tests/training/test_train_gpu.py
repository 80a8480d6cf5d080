"""Training on a GPU: the same run as on the CPU, up to rounding. Skipped where there is none."""

import numpy as np
import pytest
import torch
from run_folder import checked_card

from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.inference.trained_run import load_run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.mark.parametrize("model", ["mlp", "lstm", "reslstm", "convlstm"])
def test_a_model_trains_on_a_gpu_and_predicts_the_same_on_the_cpu(trained, model):
    run = trained(f"model={model}", "trainer=gpu")
    card = checked_card(run.folder)
    assert card["training"]["device"] != "cpu"
    loaded = load_run(run.folder)  # on the CPU
    steps, features = card["features"]["shape"]
    assert loaded.probabilities(np.zeros((3, steps, features), np.float32)).shape == (3, 10)


def test_few_epochs_agree_with_those_on_the_cpu(trained):
    tables = [read_predictions(trained(f"trainer={name}", "trainer.max_epochs=2").folder / "predictions.csv")
              for name in ("cpu", "gpu")]  # fmt: skip
    np.testing.assert_allclose(tables[1].probabilities, tables[0].probabilities, atol=0.02)


@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed"])
def test_mixed_precision_trains(trained, precision):
    assert checked_card(trained("trainer=gpu", f"trainer.precision={precision}").folder)["status"] == "done"
