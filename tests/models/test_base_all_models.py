import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader, TensorDataset

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models import MLP, BiLSTM, ConvLSTM, PublishedLSTM, PublishedMLP, ResLSTM
from gtzan_lightning.models.optimization import decay_groups

RECIPE = {"lr": 0.01, "weight_decay": 0.01, "label_smoothing": 0.0, "mixup": 0.0, "feature_noise": 0.0, "dropout": 0.0}
CONV = {"kernel_size": 3, "dense_size": 8, "peephole": True, "batch_norm": True, "residual": True}
MODELS = {
    "mlp": (MLP, {}),
    "lstm": (BiLSTM, {"bidirectional": True}),
    "lstm-forward": (BiLSTM, {"bidirectional": False}),
    "reslstm": (ResLSTM, {"bidirectional": True}),
    "reslstm-forward": (ResLSTM, {"bidirectional": False}),
    "convlstm": (ConvLSTM, {"bidirectional": True, **CONV}),
    "convlstm-plain": (
        ConvLSTM,
        {
            "bidirectional": False,
            "kernel_size": 5,
            "dense_size": 8,
            "peephole": False,
            "batch_norm": False,
            "residual": False,
        },
    ),
    "published-mlp": (PublishedMLP, {}),
    "published-lstm": (PublishedLSTM, {"bidirectional": False}),
}
SHAPES = [(64, 1, 58), (64, 3, 58), (16, 129, 13), (4, 86, 128), (8, 10, 58), (2, 2, 1)]


def build(name, steps, features, *, genres=10, hidden_size=8, num_layers=2, **changes):
    model, keywords = MODELS[name]
    torch.manual_seed(0)
    return model(
        steps, features, genres, hidden_size=hidden_size, num_layers=num_layers, **{**keywords, **RECIPE, **changes}
    )


def batches(examples, steps, features, genres, batch_size):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(examples, steps, features, generator=generator)
    y = torch.arange(examples) % genres
    return DataLoader(TensorDataset(x, y, torch.arange(examples) // 2), batch_size=batch_size)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_shape_gives_one_logit_per_genre_and_every_weight_a_gradient(name, shape):
    model = build(name, *shape[1:], genres=7, num_layers=3 if shape == SHAPES[0] else 1)
    logits = model(torch.randn(shape))
    assert logits.shape == (shape[0], 7)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())  # required by DDP


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_model_overfits_one_batch(name):
    loader = batches(32, 3, 12, 4, batch_size=32)
    model = build(name, 3, 12, genres=4, hidden_size=64, **({"dense_size": 64} if "conv" in name else {}))
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = Trainer(max_epochs=60, accelerator="cpu", **quiet)
    trainer.fit(model, loader, loader)
    assert trainer.callback_metrics["val/window_accuracy"] == 1.0
    assert trainer.callback_metrics["val/loss"] < 0.1
    names = {f"{part}/{score}" for part in ("train", "val") for score in ("loss", "window_accuracy", "clip_accuracy")}
    assert set(trainer.callback_metrics) == names | {"train/lr"}


@pytest.mark.parametrize("name", MODELS)
def test_checkpoints_hold_only_plain_data_and_restore_the_model(name, tmp_path):
    loader = batches(8, 3, 5, 4, batch_size=4)
    model = build(name, 3, 5, genres=4, mixup=0.4, feature_noise=0.1)
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=tmp_path
    )
    trainer.fit(model, loader, loader)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    saved = torch.load(tmp_path / "model.ckpt", weights_only=True)
    other = build(name, 3, 5, genres=4)
    other.load_state_dict(saved["state_dict"])
    x = torch.randn(6, 3, 5)
    assert torch.equal(model.eval()(x), other.eval()(x))


def test_predictions_are_probabilities_of_the_logits():
    model = build("lstm", 3, 5).eval()
    x = torch.randn(6, 3, 5)
    probabilities = model.predict_step((x, torch.zeros(6), torch.zeros(6)), 0)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(probabilities.log() - probabilities.log()[:, :1], model(x) - model(x)[:, :1])


@pytest.mark.parametrize("name", MODELS)
def test_biases_and_normalisation_scales_are_not_decayed(name):
    model = build(name, 3, 5)
    decayed, not_decayed = decay_groups(model, 0.25)
    assert decayed["weight_decay"] == 0.25
    assert not_decayed["weight_decay"] == 0.0
    assert sorted(map(id, decayed["params"] + not_decayed["params"])) == sorted(map(id, model.parameters()))
    names = {id(parameter): key for key, parameter in model.named_parameters()}
    assert all("bias" not in names[id(parameter)] for parameter in decayed["params"])
    norms = [module for module in model.modules() if "Norm" in type(module).__name__]
    assert {id(norm.weight) for norm in norms} <= {id(parameter) for parameter in not_decayed["params"]}


def test_an_even_kernel_size_is_an_error():
    with pytest.raises(GtzanError, match=r"model\.kernel_size=4"):
        build("convlstm", 3, 5, kernel_size=4)
