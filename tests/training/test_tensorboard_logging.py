"""The TensorBoard events of a run, read back from its files."""

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2

from gtzan_lightning.config.composition import compose
from gtzan_lightning.training.train import train


@pytest.fixture(scope="module")
def first(tables_root, tmp_path_factory):
    """A run of six epochs with its figures."""
    requested = [
        f"data.root={tables_root}",
        f"outputs={tmp_path_factory.mktemp('outputs')}",
        "trainer.max_epochs=6",
        "trainer.progress=false",
        "model.hidden_size=32",
    ]
    return train(compose(requested), overrides=requested)


def test_tensorboard_shows_curves_final_scores_figures_and_one_hparams_session(first):
    shown = EventAccumulator(str(first.folder), size_guidance={"images": 0, "scalars": 0}).Reload()
    tags = set(shown.Tags()["scalars"])
    curves = {f"{part}/{name}" for part in ("train", "val") for name in ("loss", "window_accuracy", "clip_accuracy")}
    final = {f"final_{part}/{level}_{metric}" for part in ("val", "test") for level in ("window", "clip", "clip_vote")
             for metric in ("accuracy", "f1")}  # fmt: skip
    assert curves | final <= tags
    assert "hp_metric" not in tags
    for tag in curves:
        assert [event.step for event in shown.Scalars(tag)] == [1, 2, 3, 4, 5, 6]
    assert "epoch" not in tags
    assert "train/lr" in tags
    by_epoch = pd.read_csv(first.folder / "history.csv")["train/loss"].tolist()
    assert [event.value for event in shown.Scalars("train/loss")] == pytest.approx(by_epoch)
    accuracy = first.card["metrics"]["test"]["clip"]["accuracy"]
    assert [event.value for event in shown.Scalars("final_test/clip_accuracy")] == pytest.approx([accuracy])
    images = shown.Tags()["images"]
    assert {f"figures/{path.stem}" for path in first.folder.glob("figures/*.png")} == set(images)
    png = shown.Images("figures/confusion_window")[0]
    assert png.encoded_image_string == (first.folder / "figures" / "confusion_window.png").read_bytes()
    assert png.width > 300


def test_hparams_hold_the_configuration_and_real_scores(first):
    sessions = []
    for path in first.folder.glob("events.out.tfevents.*"):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tag == "_hparams_/session_start_info":
                    content = value.metadata.plugin_data.content
                    sessions.append(plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams)
    (session,) = sessions
    assert session["slice_s"].number_value == 3
    assert session["model"].string_value == "mlp"
    assert session["split"].string_value == "grouped"
    assert session["hidden_size"].number_value == 32
    assert session["trainer.max_epochs"].number_value == 6
    assert set(session) == {"model", "split", "slice_s", "features", "lr", "hidden_size", "dropout", "weight_decay",
                            "seed", "split_seed", "trainer.max_epochs"}  # fmt: skip
