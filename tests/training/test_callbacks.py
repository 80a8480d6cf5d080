"""The progress of a single run on a terminal and in a log file."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from gtzan_lightning.training.callbacks import EpochProgress, LastCheckpoint
from gtzan_lightning.utils.terminal import NOTEBOOK


@pytest.fixture
def trainer():
    return SimpleNamespace(
        is_global_zero=True, max_epochs=60, current_epoch=0, callback_metrics={"val/window_accuracy": 0.73}
    )


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_numbers_of_the_line_on_a_terminal_are_whole(trainer, width, monkeypatch):
    monkeypatch.delenv(NOTEBOOK, raising=False)
    callback = EpochProgress("lstm-6s-grouped-none-regularization-seed1-fold2-n-folds5-0123abcd")
    callback.console = Console(file=io.StringIO(), force_terminal=True, width=width)
    callback.on_train_start(trainer, None)
    trainer.current_epoch = 11
    callback.on_train_epoch_end(trainer, None)
    plain = Console(file=io.StringIO(), width=width)
    plain.print(callback.progress.get_renderable())
    callback.teardown(trainer, None, "fit")
    (line,) = plain.file.getvalue().splitlines()
    assert line.startswith("epoch 12/60 val 0.730 ")
    assert "…" not in line
    assert line.count(":") == 2  # the time left
    assert len(line) <= width


def test_a_log_file_gets_five_lines(trainer, capsys):
    callback = EpochProgress("lstm-6s")
    callback.on_train_start(trainer, None)
    for trainer.current_epoch in range(60):
        callback.on_train_epoch_end(trainer, None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lstm-6s  val window accuracy 0.730  epoch 12/60"
    assert [line.split()[-1] for line in lines] == [f"{epoch}/60" for epoch in (12, 24, 36, 48, 60)]


@pytest.mark.parametrize("first_process", [True, False])
def test_the_first_process_decides_when_all_write_the_last_checkpoint(trainer, first_process, tmp_path):
    written, own = [], []
    trainer.should_stop = False
    trainer.save_checkpoint = written.append
    trainer.strategy = SimpleNamespace(broadcast=lambda due: own.append(due) or first_process)
    for every_s in (0.0, 1e9):
        LastCheckpoint(tmp_path / "last.ckpt", every_s).on_train_epoch_end(trainer, None)
    assert own == [True, False]
    assert written == [tmp_path / "last.ckpt"] * 2 * first_process
