"""A trained model on examples, without training machinery."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.datamodule.batches import Batch
from gtzan_lightning.models.base import GenreModule


@torch.inference_mode()
def probabilities(model: GenreModule, batches: Iterable[Batch], limit: int | None = None) -> NDArray[np.float32]:
    """Genre probabilities `(slices, genres)` in the order of the batches, at most `limit` of them."""
    was_training = model.training
    model.eval()
    rows = [
        model.predict_step(batch, index).float().cpu().numpy() for index, batch in enumerate(islice(batches, limit))
    ]
    model.train(was_training)
    return np.concatenate(rows)
