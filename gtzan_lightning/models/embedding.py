"""The representation of an example in front of the last linear layer of a network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule


def representations(model: GenreModule, batches: Iterable[Tensor]) -> NDArray[np.float32]:
    """`embed` of batches of standardised examples, `(examples, n)`."""
    return torch.cat([embed(model, x) for x in batches]).numpy()


def embed(model: GenreModule, x: Tensor) -> Tensor:
    """Input of the layer that gives the logits, `(batch, n)`, for standardised examples `(batch, steps, features)`.

    That is the last `nn.Linear` with one output per genre that the model applies. A model without such a layer, such as
    an estimator of scikit-learn, has no representation: the mean of the example over its steps is returned instead.
    """
    inputs: list[Tensor] = []
    heads = [each for each in model.modules() if isinstance(each, nn.Linear) and each.out_features == model.n_genres]
    if not heads:
        return x.mean(dim=1)
    hooks = [each.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0])) for each in heads]
    try:
        with torch.inference_mode():
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    last = inputs[-1] if inputs else x
    return last.mean(dim=1) if last.ndim == 3 else last
