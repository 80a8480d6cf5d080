"""Optimizers and learning-rate schedules of the config groups."""

import pytest
import torch
from hydra.utils import get_class
from lightning import Trainer
from torch.utils.data import DataLoader, TensorDataset

from gtzan_lightning.config.composition import compose, conf_dir
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models import MLP
from gtzan_lightning.training.construction import make_optimization

QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
OPTIMIZERS = sorted(path.stem for path in (conf_dir() / "optimizer").glob("[!_]*.yaml"))
SCHEDULERS = sorted(path.stem for path in (conf_dir() / "scheduler").glob("[!_]*.yaml"))


def optimization(*overrides):
    config = validate_config(compose(overrides))
    return make_optimization(config.optimizer, config.scheduler)


def rates(*overrides, epochs=30, **of_trainer):
    """The optimizer, and the learning rate of each step of a training with 4 steps an epoch."""
    torch.manual_seed(0)
    model, found = MLP(2, 3, 4, hidden_size=8), []
    model.optimization = optimization(*overrides)
    model.on_train_batch_start = lambda *_: found.append(model.trainer.optimizers[0].param_groups[0]["lr"])
    rows = TensorDataset(torch.randn(16, 2, 3), torch.arange(16) % 4, torch.arange(16))
    trainer = Trainer(max_epochs=epochs, accelerator="cpu", **QUIET, **of_trainer)
    trainer.fit(model, DataLoader(rows, batch_size=4), DataLoader(rows, batch_size=16))
    assert float(trainer.callback_metrics["train/loss"]) < 10
    return trainer.optimizers[0], found


def test_the_members():
    assert OPTIMIZERS == ["adam", "adamw", "rmsprop", "sgd"]
    assert SCHEDULERS == ["constant", "cosine", "onecycle", "plateau", "step"]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_every_optimizer_trains_with_clipping_in_every_precision(name, precision):
    optimizer, _ = rates(f"optimizer={name}", epochs=1, precision=precision, gradient_clip_val=1.0)
    assert type(optimizer) is get_class(compose([f"optimizer={name}"]).optimizer["_target_"])
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.0]
    assert bool(optimizer.param_groups[0].get("fused")) == (precision == "32-true" and name != "rmsprop")


@pytest.mark.slow
def test_the_schedules_have_their_published_forms():
    lr = 0.008
    words = [f"model.lr={lr}"]
    assert set(rates("scheduler=constant", *words)[1]) == {lr}
    one_cycle = rates(*words)[1]
    assert max(one_cycle) == pytest.approx(lr, rel=0.01)
    assert one_cycle[0] == pytest.approx(lr / 25)  # div_factor of torch
    half = rates("scheduler=cosine", *words)[1]
    assert half[60] == pytest.approx(lr / 2)  # step 60 of 120: (1 + cos(pi / 2)) / 2
    assert half[-1] < lr / 1000
    step = rates("scheduler=step", *words)[1]
    assert (step[0], step[59], step[60], step[-1]) == (lr, lr, lr / 2, lr / 2)  # epoch 15
    assert rates("scheduler=cosine", "scheduler.interval=epoch", *words)[1][60] == pytest.approx(lr / 2)


def test_the_plateau_schedule_follows_the_validation_accuracy():
    # with a learning rate of almost zero the score never improves
    found = rates("scheduler=plateau", "optimizer=sgd", "optimizer.lr=1e-12", epochs=8)[1]
    assert found[0] == 1e-12
    assert found[-1] == pytest.approx(0.5e-12)


def test_any_class_of_torch_by_target():
    optimizer, found = rates("optimizer._target_=torch.optim.NAdam", "scheduler=constant", epochs=1)
    assert type(optimizer) is torch.optim.NAdam
    assert set(found) == {0.005}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer._target_=torch.optim.Adm"], "optimizer._target_=torch.optim.Adm: cannot be imported"),
        (["+optimizer.momentun=0.9", "optimizer=sgd"], "optimizer.momentun: SGD has no such argument."),
        (["scheduler=step", "+scheduler.T_max=3"], "scheduler.T_max: StepLR has no such argument."),
        (["optimizer._target_=torch.optim.Rprop"], "optimizer.weight_decay: Rprop has no such argument."),
        (["scheduler._target_=torch.optim.lr_scheduler.StepLR", "~scheduler.max_lr", "~scheduler.total_steps"],
         "scheduler.step_size: StepLR needs a value."),
        (["optimizer=sgd", "optimizer.momentum=abc"],
         "optimizer, scheduler: torch.optim.SGD with torch.optim.lr_scheduler.OneCycleLR cannot be built: '<' not "
         "supported between instances of 'str' and 'float'.\nCorrect their values."),
        (["scheduler=onecycle", "+scheduler.pct_start=2.0"],
         "optimizer, scheduler: torch.optim.AdamW with torch.optim.lr_scheduler.OneCycleLR cannot be built: Expected "),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(overrides, message):
    with pytest.raises(GtzanError) as caught:
        optimization(*overrides)
    assert str(caught.value).startswith(message)


def test_the_published_networks_train_with_adam_at_a_constant_rate():
    for preset in ("replication_mlp_3s", "replication_mlp_30s", "replication_lstm_9s", "paper_lstm_6s"):
        made = optimization(f"experiment={preset}")
        assert made.optimizer is torch.optim.Adam
        assert made.scheduler is torch.optim.lr_scheduler.ConstantLR
        assert made.optimizer_options["weight_decay"] == 0.0
        assert made.optimizer_options["lr"] == (0.01 if "mlp" in preset else 0.001)
