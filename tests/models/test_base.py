from types import SimpleNamespace

import pytest
import torch
from lightning import Trainer
from sklearn.metrics import log_loss
from torch.utils.data import DataLoader, TensorDataset

from gtzan_lightning.models import MLP

RECIPE = {
    "hidden_size": 16,
    "num_layers": 1,
    "dropout": 0.0,
    "lr": 0.05,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "feature_noise": 0.0,
}


def build(**changes):
    torch.manual_seed(0)
    return MLP(2, 3, 4, **{**RECIPE, **changes})


def batch(rows=12):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(rows, 2, 3, generator=generator), torch.arange(rows) % 4, torch.arange(rows) // 2


def test_the_loss_smooths_labels_as_their_expected_log_loss():
    model, logits, y = build(label_smoothing=0.2), torch.randn(50, 4, dtype=torch.float64), torch.arange(50) % 4
    p = logits.softmax(dim=1)
    hard = log_loss(y, p, labels=range(4))
    uniform = sum(log_loss(torch.full_like(y, genre), p, labels=range(4)) for genre in range(4)) / 4
    assert float(model.loss(logits, y)) == pytest.approx(0.8 * hard + 0.2 * uniform)


def test_mixup_weighs_the_losses_of_both_genres(monkeypatch):
    model, (x, y, track) = build(mixup=0.5).eval(), batch()
    partner = torch.roll(torch.arange(len(y)), 1)
    monkeypatch.setattr(model, "mixup", lambda x: (x, partner, 0.7))
    logits = model(x)
    expected = 0.7 * model.loss(logits, y) + 0.3 * model.loss(logits, y[partner])
    torch.testing.assert_close(model.training_step((x, y, track), 0), expected)


@pytest.mark.parametrize("key", ["mixup", "feature_noise"])
def test_noise_is_added_in_training_only(key):
    model, plain = build(**{key: 0.5}).eval(), build().eval()
    torch.manual_seed(3)
    assert model.training_step(batch(), 0) != plain.training_step(batch(), 0)
    assert model.validation_step(batch(), 0) == plain.validation_step(batch(), 0)


def test_the_learning_rate_follows_the_one_cycle_schedule(monkeypatch):
    loader = DataLoader(TensorDataset(*batch(40)), batch_size=4)
    model, rates = build(), []
    monkeypatch.setattr(
        model, "on_train_batch_start", lambda *_: rates.append(model.optimizers().param_groups[0]["lr"])
    )
    Trainer(
        max_epochs=10,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(model, loader)
    assert len(rates) == 100
    assert max(rates) == pytest.approx(0.05, rel=0.01)
    assert rates[0] < 0.05 / 20
    assert rates[-1] < 0.05 / 1000
    assert model.monitor.startswith("val/")


def test_the_random_state_of_an_epoch_depends_on_seed_epoch_and_process():
    def draws(seed, epoch, rank):
        torch.manual_seed(seed)
        model = MLP(2, 3, 4, **RECIPE)
        model._trainer = SimpleNamespace(current_epoch=epoch, global_rank=rank)
        model.on_train_epoch_start()
        return tuple(torch.rand(4).tolist())

    cases = [(seed, epoch, rank) for seed in (0, 1) for epoch in (0, 1, 7) for rank in (0, 1)]
    assert len({draws(*case) for case in cases}) == len(cases)
    assert draws(1, 7, 0) == draws(1, 7, 0)
