"""What all models share: loss, optimiser, schedule, mixup, noise and epoch scores."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from gtzan_lightning.datamodule.batches import Batch
from gtzan_lightning.models.augment import Mixup, add_noise
from gtzan_lightning.models.scores import EpochScores

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
