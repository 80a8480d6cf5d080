"""The workers of a Dask cluster instead of processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from joblib import parallel_config

from gtzan_lightning.errors import GtzanError

CONNECT_S = 10.0


@contextmanager
def dask_workers(scheduler: str) -> Iterator[None]:
    """While this lasts, features are computed by the workers of a Dask cluster.

    The workers need this package, and must see the audio and the cache under the paths that they have here. Any other
    backend of joblib serves as well, with `joblib.parallel_config` around whatever loads features.

    Args:
        scheduler: its address, such as `tcp://192.168.0.1:8786`.

    Raises:
        GtzanError: Dask is not installed, or no scheduler answers there.
    """
    try:
        from dask.distributed import Client  # optional: one machine does without it
    except ImportError:
        raise GtzanError('--scheduler needs Dask: pip install "gtzan-lightning[dask]".') from None
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise GtzanError(
            f"--scheduler {scheduler}: no Dask scheduler answers there.\n"
            "Start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`."
        ) from error
    with client, parallel_config(backend="dask", client=client):
        yield
