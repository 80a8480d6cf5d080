"""Loggers, callbacks, arguments of Lightning's trainer, initial weights, and variables that launchers leave behind."""

import csv
import inspect
import json

import lightning as L
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gtzan_lightning import compose, train
from gtzan_lightning.config.composition import TRAINER_ARGUMENTS
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training import results
from gtzan_lightning.training.construction import OF_THE_RUN

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})


@pytest.fixture
def trained(tables_root):
    def run(*words, **options):
        words = [f"data.root={tables_root}", "debug=fast", "trainer.progress=false", *words]
        return train(compose(words), overrides=words, **options)

    return run


def test_the_loggers_show_the_same_final_scores(trained):
    run = trained("logger=[tensorboard,csv]")
    wanted = run.card["metrics"]["test"]["clip"]["accuracy"]
    events = EventAccumulator(str(run.folder)).Reload()
    assert events.Scalars("final_test/clip_accuracy")[0].value == pytest.approx(wanted)
    with (run.folder / "csv" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["final_test/clip_accuracy"]]
    assert float(rows[-1]["final_test/clip_accuracy"]) == pytest.approx(wanted)
    assert any(row["train/lr"] for row in csv.DictReader((run.folder / "csv" / "metrics.csv").open(newline="")))
    assert trained("logger=none", "tags=[a]", "task_name=x").reused


def test_mlflow_shows_the_same_final_scores(trained):
    pytest.importorskip("mlflow", exc_type=ImportError)
    run = trained("logger=[tensorboard,csv,mlflow]")
    events = EventAccumulator(str(run.folder)).Reload()
    with (run.folder / "csv" / "metrics.csv").open(newline="") as file:
        (row,) = (row for row in csv.DictReader(file) if row["final_test/clip_accuracy"])
    for score in ("window_accuracy", "window_f1", "clip_accuracy", "clip_f1"):
        level, _, name = score.partition("_")
        wanted = run.card["metrics"]["test"][level][name]
        (found,) = run.folder.parents[1].glob(f"mlruns/*/*/metrics/final_test/{score}")
        assert float(found.read_text().split()[1]) == wanted
        assert float(row[f"final_test/{score}"]) == pytest.approx(wanted)
        assert events.Scalars(f"final_test/{score}")[0].value == pytest.approx(wanted)
    assert (found.parents[2] / "tags" / "mlflow.runName").read_text() == run.folder.name
    assert "status: 3\n" in (found.parents[2] / "meta.yaml").read_text()  # finished
    assert trained("logger=mlflow").reused


def test_wandb_offline_writes_its_folder(trained):
    pytest.importorskip("wandb", exc_type=ImportError)
    run = trained("logger=wandb", "logger.wandb.offline=true")
    (folder,) = run.folder.glob("wandb/offline-run-*")
    assert list(folder.glob("run-*.wandb"))
    assert trained("logger=none").reused


def test_arguments_of_lightning_s_trainer(trained):
    assert set(TRAINER_ARGUMENTS) <= set(inspect.signature(L.Trainer).parameters) - OF_THE_RUN
    run = trained("trainer.accumulate_grad_batches=2", "trainer.min_epochs=1")
    assert run.card["status"] == "done"
    with pytest.raises(GtzanError, match="gradient_clip_algorithm"):
        trained("trainer.gradient_clip_algorithm=nom")
    with pytest.raises(GtzanError, match=r"trainer\.nonsense: no argument of Lightning's Trainer"):
        trained("+trainer.nonsense=1")
    with pytest.raises(GtzanError, match=r"trainer\.precison: .*Did you mean trainer\.precision\?"):
        trained("+trainer.precison=32")
    with pytest.raises(GtzanError, match=r"trainer\.callbacks"):
        trained("+trainer.callbacks=1")


def test_fast_dev_run(trained):
    assert trained("trainer.fast_dev_run=true").card["status"] == "done"


def test_callbacks_by_target_and_in_python(trained):
    class Counts(L.Callback):
        epochs = 0

        def on_train_epoch_end(self, trainer, pl_module):  # noqa: ARG002
            self.epochs += 1

    counts = Counts()
    words = ["+callbacks.timer._target_=lightning.pytorch.callbacks.Timer", "+callbacks.timer.duration=00:00:10:00"]
    run = trained(*words, callbacks=[counts])
    assert (counts.epochs, run.card["status"]) == (1, "done")
    monitor = "+callbacks.lr._target_=lightning.pytorch.callbacks.LearningRateMonitor"
    assert trained(*words, monitor).reused
    with pytest.raises(GtzanError, match=r"callbacks\.x\._target_=mypkg\.No: cannot be imported"):
        trained("+callbacks.x._target_=mypkg.No")


def test_initial_weights_are_part_of_the_hash(trained):
    first = trained()
    second = trained(f"ckpt_path={first.folder / 'best.ckpt'}")
    assert second.card["config_hash"] != first.card["config_hash"]
    assert second.card["metrics"] != first.card["metrics"]
    with pytest.raises(GtzanError, match=r"ckpt_path=.*its weights do not fit the model"):
        trained(f"ckpt_path={first.folder / 'best.ckpt'}", "model=lstm")
    with pytest.raises(GtzanError, match=r"ckpt_path=nowhere: there is no such file"):
        trained("ckpt_path=nowhere")
    assert json.loads((second.folder / "run.json").read_text())["tags"] == []


@pytest.mark.parametrize(
    "variables",
    [
        {"LOCAL_RANK": "1"},
        {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "1"},
        {"NODE_RANK": "1"},
        {"SLURM_NTASKS": "4"},
        {"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODEID": "0"},
    ],
)
def test_variables_of_launchers_have_no_effect_on_one_process(trained, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    run = trained()
    assert run.scored
    assert (run.folder / "best.ckpt").is_file()


@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed"])
def test_mixed_precision_trains_with_clipping(trained, precision):
    assert trained(f"trainer.precision={precision}").card["status"] == "done"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_reported_before_a_folder_is_made(trained, tmp_path):
    with pytest.raises(GtzanError, match=r"trainer\.accelerator=gpu: there is no such device here"):
        trained("trainer=gpu")
    assert not (tmp_path / "outputs").exists() or not list((tmp_path / "outputs").rglob("*gpu*"))
