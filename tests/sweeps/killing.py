"""Sweeps that are killed at a chosen moment, in processes of their own."""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from lightning.pytorch.callbacks import Callback

from gtzan_lightning.sweeps.launch import launch
from gtzan_lightning.training import train
from gtzan_lightning.utils import files as atomic


class At(Callback):
    """Does something at a moment of the training of one seed: at the start of an epoch, or of one of its steps."""

    def __init__(self, what, epoch, step=None):
        self.what, self.epoch, self.step = what, epoch, step

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch and self.step is None:
            self.what()
        elif trainer.current_epoch == self.epoch:
            loss, steps = pl_module.training_loss, count()

            def counted(batch):
                if next(steps) == self.step:
                    self.what()
                return loss(batch)

            pl_module.training_loss = counted


def send(number):
    """Sends this process a signal."""
    os.kill(os.getpid(), number)


def kill():
    """Sends SIGKILL."""
    send(signal.SIGKILL)


def in_training(seed, epoch, step=None, what=kill):
    """Makes `what` happen in the training of the job with this seed."""
    own = train._callbacks

    def callbacks(config, *rest):
        return [*own(config, *rest), *([At(what, epoch, step)] if config.seed == seed else [])]

    train._callbacks = callbacks


def in_writing(name, times=1):
    """Kills when a file of this name is written for the given number of times; the temporary file stays."""
    replace, seen = os.replace, []

    def counted(source, target):
        if Path(target).name == name:
            seen.append(target)
            if len(seen) == times:
                kill()
        replace(source, target)

    atomic.os.replace = counted


def forked(job, arguments, prepare=lambda: None, folder=Path()):
    """Starts a sweep in a child of this process, which has everything imported already; returns its number.

    What it prints is in `out` and `err` of the folder that it runs in.
    """
    folder.mkdir(exist_ok=True)
    child = os.fork()
    if child == 0:
        status = 99
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background and Lightning ignore it
            os.chdir(folder)
            with Path("out").open("w") as sys.stdout, Path("err").open("w") as sys.stderr:
                prepare()
                status = launch(job, arguments)
        finally:
            os._exit(status)
    return child


def status_of(child):
    """Waits for a child: its exit status, or the signal that killed it as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
