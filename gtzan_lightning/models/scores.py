"""Loss and accuracy of one epoch, at both levels, gathered without a reduction in the training loop."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class EpochScores(Metric):
    """Mean loss, window accuracy and clip accuracy of everything seen since the last `reset`.

    A step only keeps references to its tensors; softmax, argmax and the sums over a track run once an epoch. That is
    exact, costs a few microseconds a step, and makes no accelerator wait. Under DDP the rows of all processes are
    gathered before they are scored.

    A clip's prediction is the genre of highest mean probability over the slices of its track in this part.
    """

    full_state_update = False
    logits: list[Tensor]
    targets: list[Tensor]
    tracks: list[Tensor]
    loss_sum: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in ("logits", "targets", "tracks"):
            self.add_state(name, default=[], dist_reduce_fx="cat")
        self.add_state("loss_sum", default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, loss: Tensor, logits: Tensor, target: Tensor, track: Tensor) -> None:
        """Take one batch.

        Args:
            loss: mean loss of the batch, `()`.
            logits: `(batch, genres)`.
            target: genre of each slice, `(batch,)`.
            track: position of each slice's track in the corpus, `(batch,)`.
        """
        self.loss_sum += loss.detach() * len(target)
        self.logits.append(logits.detach())
        self.targets.append(target)
        self.tracks.append(track)

    def compute(self) -> dict[str, Tensor]:
        """`loss`, `window_accuracy` and `clip_accuracy`, each `()`."""
        probabilities = dim_zero_cat(self.logits).float().softmax(dim=1)
        target, track = dim_zero_cat(self.targets), dim_zero_cat(self.tracks)
        return {
            "loss": (self.loss_sum / len(target)).float(),
            "window_accuracy": (probabilities.argmax(dim=1) == target).float().mean(),
            "clip_accuracy": _clip_accuracy(probabilities, target, track),
        }


def _clip_accuracy(probabilities: Tensor, target: Tensor, track: Tensor) -> Tensor:
    """Share of tracks whose summed `(slices, genres)` probabilities are highest at the track's genre, `()`."""
    _, position = track.unique(return_inverse=True)
    n_tracks = int(position.max()) + 1
    sums = probabilities.new_zeros(n_tracks, probabilities.shape[1], dtype=torch.float64)
    sums.index_add_(0, position, probabilities.double())
    track_target = target.new_zeros(n_tracks).scatter_(0, position, target)  # equal for all slices of a track
    return (sums.argmax(dim=1) == track_target).float().mean()
