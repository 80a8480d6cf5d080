"""A trained model on examples, without training machinery.

MERGED: Noise on the input of the training batches: mixup and feature noise. | Loss and accuracy of one epoch, at both levels, gathered without a reduction in the training loop. | What all models share: loss, optimiser, schedule, mixup, noise and epoch scores.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import torch
from lightning import LightningModule
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Beta
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from gtzan_lightning.datamodule.examples import Batch


class Mixup:
    """Mixes every example of a batch with another one (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").

    The share of the own example is drawn once a batch from `Beta(alpha, alpha)` and reflected to `[0.5, 1]`, so that
    the own genre stays the dominant one and training scores have a meaning. Random numbers come from torch's global
    generator alone: seeding it repeats a run.
    """

    def __init__(self, alpha: float) -> None:
        self._beta = Beta(torch.tensor(alpha), torch.tensor(alpha), validate_args=False)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor, float]:
        """Mix `(batch, steps, features)`; also the partner of each example, `(batch,)`, and the own example's share."""
        share = float(self._beta.sample())
        share = max(share, 1.0 - share)
        partner = torch.randperm(len(x), device=x.device)
        return torch.lerp(x[partner], x, share), partner, share


def add_noise(x: Tensor, scale: float) -> Tensor:
    """Gaussian noise on standardised features `(batch, steps, features)`; `scale` in their standard deviations."""
    return x + scale * torch.randn_like(x)


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


CONTENTS = "gtzan_lightning"  # the key of a checkpoint's own contents


class GenreModule(LightningModule):
    """A model that reads `(batch, steps, features)` and gives logits `(batch, genres)`.

    A new model sets its layers in `__init__` and writes `forward`; the rest is here. Batches are tuples
    `(x, y, track)`: standardised features, genre, and position of the track in the corpus.

    Scores named `train/...` are those of training itself: with dropout, noise and mixup at work (a mixed example
    counts as its dominant genre) and weights that change during the epoch. They cost nothing, and are a little lower
    than the same weights would score in evaluation.
    """

    monitor: str = "val/window_accuracy"  # picks the best epoch
    mode: ClassVar[str] = "max"

    def __init__(
        self,
        n_steps: int,
        n_features: int,
        n_genres: int,
        *,
        lr: float,
        weight_decay: float,
        label_smoothing: float,
        mixup: float,
        feature_noise: float,
    ) -> None:
        """Take the shape of an example and the recipe of training.

        Args:
            n_steps: steps of an example.
            n_features: features of a step.
            n_genres: classes.
            lr: peak of the one-cycle schedule.
            weight_decay: of AdamW, on weight matrices only.
            label_smoothing: share of the target spread over all genres.
            mixup: alpha of mixup's beta distribution; 0 is off.
            feature_noise: standard deviation of the noise on standardised features; 0 is off.
        """
        super().__init__()
        self.n_steps, self.n_features, self.n_genres = n_steps, n_features, n_genres
        self.lr, self.weight_decay, self.label_smoothing = lr, weight_decay, label_smoothing
        self.mixup = Mixup(mixup) if mixup > 0 else None
        self.feature_noise = feature_noise
        self.contents: dict[str, Any] = {}  # tensors and plain data that every checkpoint carries
        self.train_scores, self.val_scores, self.test_scores = EpochScores(), EpochScores(), EpochScores()

    def __setattr__(self, name: str, value: Any) -> None:
        """Lightning notes the name of each hook here, fifty times a step; torch's own way takes 3 % of an epoch."""
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Loss of one batch, `()`."""
        x, y, track = batch
        if self.feature_noise > 0:
            x = add_noise(x, self.feature_noise)
        if self.mixup is None:
            logits = self(x)
            loss = self.loss(logits, y)
        else:
            x, partner, share = self.mixup(x)
            logits = self(x)
            loss = share * self.loss(logits, y) + (1.0 - share) * self.loss(logits, y[partner])
        self.train_scores.update(loss, logits, y, track)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:  # noqa: ARG002
        """Loss of one batch, `()`; the second loader, where there is one, has the test part."""
        x, y, track = batch
        logits = self(x)
        loss = self.loss(logits, y)
        scores = self.test_scores if dataloader_idx else self.val_scores
        scores.update(loss, logits, y, track)
        return loss

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Probabilities of one batch, `(batch, genres)`."""
        return self(batch[0]).softmax(dim=1)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Cross entropy with label smoothing of `(batch, genres)` logits, mean over the batch, `()`."""
        return nn.functional.cross_entropy(logits, y, label_smoothing=self.label_smoothing)

    def on_train_epoch_end(self) -> None:
        """Log the training scores of the epoch."""
        self._log_scores("train", self.train_scores)

    def on_validation_epoch_end(self) -> None:
        """Log the validation scores of the epoch."""
        self._log_scores("val", self.val_scores)
        if self.test_scores.update_called:
            self._log_scores("test", self.test_scores)

    def _log_scores(self, part: str, scores: EpochScores) -> None:
        values = {f"{part}/{name}": value for name, value in scores.compute().items()}
        # The scores are those of all processes already; their mean over processes is the same number.
        self.log_dict(values, sync_dist=True)
        scores.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is needed to use the weights without the run; Lightning asks callbacks for full checkpoints only."""
        checkpoint[CONTENTS] = self.contents

    def configure_optimizers(self) -> Any:
        """AdamW on a one-cycle schedule over all steps of the run (Smith & Topin 2018, "Super-Convergence")."""
        optimizer = torch.optim.AdamW(decay_groups(self, self.weight_decay), lr=self.lr, fused=True)
        schedule = OneCycleLR(optimizer, max_lr=self.lr, total_steps=int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def decay_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for an optimiser: weights with decay; biases and the scales of norms, which are vectors, without."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


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
