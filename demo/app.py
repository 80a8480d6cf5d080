"""The page of `gtzan demo` as a hosted space: put a run's folder or `best.ckpt` beside this file.

The space needs `gtzan-lightning[demo]` in its requirements. RUN names the run (default: `best.ckpt`), and
GRADIO_SERVER_NAME the address, as elsewhere in Gradio.
"""

import os
import sys

from gtzan_lightning.cli import main

if __name__ == "__main__":
    address = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    sys.exit(main(["demo", os.environ.get("RUN", "best.ckpt"), "--host", address]))
