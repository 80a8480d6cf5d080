"""A multi-layer perceptron over all numbers of an example."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.head import genre_head


class MLP(GenreModule):
    """Flattens the steps, then `num_layers` of linear, batch normalisation, ReLU and dropout, each half as wide."""

    def __init__(
        self,
        n_steps: int,
        n_features: int,
        n_genres: int,
        *,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        lr: float,
        weight_decay: float,
        label_smoothing: float,
        mixup: float,
        feature_noise: float,
    ) -> None:
        super().__init__(
            n_steps,
            n_features,
            n_genres,
            lr=lr,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            mixup=mixup,
            feature_noise=feature_noise,
        )
        widths = [n_steps * n_features, *(max(hidden_size >> layer, n_genres) for layer in range(num_layers))]
        blocks = [_block(before, after, dropout) for before, after in pairwise(widths)]
        self.layers = nn.Sequential(nn.Flatten(), *blocks)
        self.head = genre_head(widths[-1], n_genres, dropout=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        return self.head(self.layers(x))


def _block(n_inputs: int, n_outputs: int, dropout: float) -> nn.Sequential:
    """One layer, `(batch, n_inputs)` to `(batch, n_outputs)`; the normalisation brings its own bias."""
    return nn.Sequential(
        nn.Linear(n_inputs, n_outputs, bias=False), nn.BatchNorm1d(n_outputs), nn.ReLU(), nn.Dropout(dropout)
    )
