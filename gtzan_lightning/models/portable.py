"""A model together with what stands before and after it: raw features in, calibrated probabilities out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gtzan_lightning.datamodule.standardisation import Standardisation
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.normal_scores import NormalScores


class MeanAndScale(nn.Module):
    """`(x - mean) / scale` of each feature."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` in the features' units to the same shape in standard deviations."""
        return (x - self.mean) / self.scale


class PortableModel(nn.Module):
    """Standardisation, the model, its temperature and a softmax, as one graph without any code of this project.

    Whoever takes the model away cannot leave one of them out.
    """

    def __init__(self, model: GenreModule, standardisation: Standardisation, temperature: float = 1.0) -> None:
        """Take a trained model, the scale of its features, and the temperature of its logits (Guo et al. 2017)."""
        super().__init__()
        self.scaling: nn.Module
        if len(standardisation.quantiles):
            self.scaling = NormalScores(torch.from_numpy(standardisation.quantiles))
        else:
            self.scaling = MeanAndScale(torch.from_numpy(standardisation.mean), torch.from_numpy(standardisation.scale))
        self.model = model
        self.temperature = temperature
        self.eval()

    def forward(self, features: Tensor) -> Tensor:
        """Raw features `(batch, steps, features)` to probabilities `(batch, genres)`."""
        return (self.model(self.scaling(features)) / self.temperature).softmax(dim=1)
