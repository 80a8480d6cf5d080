"""Trains one model on one split: `python train.py model=lstm slice=6s split=grouped`; see `--help`.

The same as `gtzan train`, whose job is `main` of gtzan_lightning/cli/train_command.py.
"""

import sys

try:
    from gtzan_lightning.cli.train_command import main
    from gtzan_lightning.sweeps.launch import launch
except ModuleNotFoundError as error:
    sys.exit(
        f"train.py: {sys.executable} has no module {error.name!r}.\n"
        "Install the packages with `make train` or `make demo` and use .venv/bin/python train.py, "
        "or install them for this Python: pip install ."
    )

if __name__ == "__main__":
    sys.exit(launch(main))
