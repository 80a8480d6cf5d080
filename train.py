"""Trains one model on one split: `python train.py model=lstm slice=6s split=grouped`; see `--help`.

The same as `gtzan train`, whose job is `main` of gtzan_lightning/cli/train_command.py.
"""

import sys

from gtzan_lightning.cli.train_command import main
from gtzan_lightning.sweeps.launch import launch

if __name__ == "__main__":
    sys.exit(launch(main))
