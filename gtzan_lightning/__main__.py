"""`python -m gtzan_lightning` is the command `gtzan`."""

import sys

from gtzan_lightning.cli import main

if __name__ == "__main__":
    sys.exit(main())
