"""Base class of all models: loss, optimizer, augmentation of training batches and epoch scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from lightning import LightningModule
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import Tensor, nn
from torch.distributions import Beta
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassStatScores
from torchmetrics.utilities import dim_zero_cat

from gtzan_lightning.datamodule.examples import Batch, BatchList
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.optimization import Optimization

CONTENTS = "gtzan_lightning"  # key of `GenreModule.contents` in a checkpoint
MERGED = 32  # batches whose rows become one tensor: small tensors between freed large ones keep these from being reused


class GenreModule(LightningModule):
    """Base class of models that map `(batch, steps, features)` to logits `(batch, genres)`.

    A subclass creates its layers in `__init__` and implements `forward`. Its constructor names only its own keywords,
    and passes the shape and the other keywords on to the base. Batches are tuples `(x, y, track)`: standardised
    features, genre, and index of the track in the corpus.

    `train/...` scores are computed during training: with dropout, noise and mixup (a mixed example counts as its
    dominant genre), and while the weights change. They are slightly lower than those of the same weights in evaluation.
    """

    monitor: str = "val/window_accuracy"  # selects the best epoch
    mode: ClassVar[str] = "max"
    validation_parts: tuple[str, ...] = ("val", "test")  # the part of each validation dataloader

    def __init__(
        self,
        n_steps: int = 2,
        n_features: int = 55,
        n_genres: int = 10,
        *,
        lr: float = 0.005,
        weight_decay: float = 0.01,
        label_smoothing: float = 0.1,
        mixup: float = 0.0,
        feature_noise: float = 0.0,
    ) -> None:
        """Set the shape of an example and the training hyperparameters.

        Args:
            n_steps: time steps per example; the defaults are those of `GenreDataModule`.
            n_features: features per step.
            n_genres: number of classes.
            lr: peak learning rate of the default `optimization`, AdamW with a one-cycle schedule.
            weight_decay: weight decay of the default `optimization`, applied to weight matrices only.
            label_smoothing: share of the target spread over all genres.
            mixup: alpha of mixup's beta distribution; 0 disables mixup.
            feature_noise: standard deviation of the noise on standardised features; 0 disables it.
        """
        super().__init__()
        self.n_steps, self.n_features, self.n_genres = n_steps, n_features, n_genres
        self.optimization = Optimization.default(lr, weight_decay)
        self.label_smoothing = label_smoothing
        self.mixup = Mixup(mixup) if mixup > 0 else None
        self.feature_noise = feature_noise
        self.seed = torch.initial_seed()  # of `seed_everything`
        self.patience = 20
        self.gradient_clip_val: float | None = 1.0
        self.contents: dict[str, Any] = {}  # tensors and plain data saved in every checkpoint
        self.train_scores, self.val_scores, self.test_scores = EpochScores(), EpochScores(), EpochScores()
        self.test_metrics = MetricCollection([WindowScores(n_genres)], prefix="window_")

    @property
    def name(self) -> str:
        """Name of the model in run cards and reports."""
        return type(self).__name__

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the hook name without `nn.Module.__setattr__`: Lightning sets it 50 times per step, 3 % of an epoch."""
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:  # noqa: ARG002
        """Return the loss of one batch, `()`; with manual optimization, take a step for each of a list of batches."""
        if self.automatic_optimization:
            return self.training_loss(batch)
        self._take_steps(batch)
        return None

    def _take_steps(self, batches: BatchList) -> None:
        """The steps that Lightning's automatic optimization takes, without its work between two batches."""
        optimizer: Any = self.optimizers()
        schedule: Any = self.lr_schedulers()
        by_step = self.optimization.interval == "step"
        parameters = [each for group in optimizer.optimizer.param_groups for each in group["params"]]
        for number, batch in enumerate(batches, start=1):
            for parameter in parameters:
                parameter.grad = None  # faster than `zero_grad`
            self.training_loss(batch).backward()
            if self.gradient_clip_val:
                nn.utils.clip_grad_norm_(parameters, self.gradient_clip_val)
            # Lightning's wrapper counts a step of the trainer: one for each list.
            (optimizer if number == len(batches) else optimizer.optimizer).step()
            if by_step:
                schedule.step()
        if self.trainer.is_last_batch and not by_step:
            schedule.step()

    def training_loss(self, batch: Batch) -> Tensor:
        """Return the loss of one batch with noise and mixup, `()`, and add it to the training scores."""
        x, y, track = batch
        if self.feature_noise > 0:
            x = add_noise(x, self.feature_noise)
        if self.mixup is None:
            logits = self(x)
            loss = self.loss(logits, y)
        else:
            x, partner, weight = self.mixup(x)
            logits = self(x)
            loss = weight * self.loss(logits, y) + (1.0 - weight) * self.loss(logits, y[partner])
        self.train_scores.update(loss, logits, y, track)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:  # noqa: ARG002
        """Return the loss of one batch, `()`, of the part that `validation_parts` names for the dataloader."""
        x, y, track = batch
        logits = self(x)
        loss = self.loss(logits, y)
        scores = self.test_scores if self.validation_parts[dataloader_idx] == "test" else self.val_scores
        scores.update(loss, logits, y, track)
        return loss

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Return the loss of one batch, `()`."""
        x, y, track = batch
        logits = self(x)
        loss = self.loss(logits, y)
        self.test_scores.update(loss, logits, y, track)
        self.test_metrics.update(logits, y)
        return loss

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Return the probabilities of one batch, `(batch, genres)`."""
        return self(batch[0]).softmax(dim=1)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Mean cross entropy with label smoothing of logits `(batch, genres)`, `()`."""
        return nn.functional.cross_entropy(logits, y, label_smoothing=self.label_smoothing)

    def configure_callbacks(self) -> list[Callback]:
        """Return a checkpoint of the best epoch and early stopping, unless the trainer selects an epoch itself."""
        trainer: Any = self.trainer
        callbacks = [each for each in trainer.callbacks if isinstance(each, ModelCheckpoint)]
        if any(each.monitor for each in callbacks) or trainer.fast_dev_run or not callbacks:
            return []
        best = ModelCheckpoint(monitor=self.monitor, mode=self.mode, filename="best")
        return [best, EarlyStopping(self.monitor, patience=self.patience, mode=self.mode)]

    def on_train_epoch_start(self) -> None:
        """Seed dropout, noise and mixup of the epoch, so that a resumed run draws the same numbers."""
        seed = self.seed * 1_000_003 + self.trainer.current_epoch * 1_009 + self.trainer.global_rank
        torch.manual_seed(seed % 2**63)

    def on_train_epoch_end(self) -> None:
        """Log the training scores and the learning rate of the epoch."""
        self._log_scores("train", self.train_scores)
        self.log("train/lr", self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the parts that were evaluated."""
        if self.val_scores.update_called:
            self._log_scores("val", self.val_scores)
        if self.test_scores.update_called:
            self._log_scores("test", self.test_scores)

    def on_test_epoch_end(self) -> None:
        """Log the scores of the test part: loss and accuracy, macro precision, recall and F1 of windows."""
        self._log_scores("test", self.test_scores, self.test_metrics)

    def _log_scores(self, part: str, *metrics: EpochScores | MetricCollection) -> None:
        exact = torch.float32 if self.device.type == "mps" else torch.float64  # Apple's GPU has no float64
        values = {
            f"{part}/{name}": value.to(self.device, exact) for each in metrics for name, value in each.compute().items()
        }
        # `compute` has gathered the rows of all processes, so the mean over processes changes nothing.
        self.log_dict(values, sync_dist=True)
        for each in metrics:
            each.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add `contents`; unlike those of callbacks, this hook also runs for weights-only checkpoints."""
        checkpoint[CONTENTS] = self.contents

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip the gradients by the value of the trainer, else by the `gradient_clip_val` of the model."""
        value = self.gradient_clip_val if gradient_clip_val is None else gradient_clip_val
        self.clip_gradients(optimizer, value, gradient_clip_algorithm)

    def configure_optimizers(self) -> Any:
        """Return the optimizer and the schedule of `optimization`."""
        return self.optimization.configure(self, self.monitor, self.mode)


class Network(GenreModule):
    """Any `nn.Module` that maps `(batch, steps, features)` to logits `(batch, genres)`."""

    def __init__(self, *shape: int, network: nn.Module, **recipe: Any) -> None:
        super().__init__(*shape, **recipe)
        self.network = network

    @property
    def name(self) -> str:
        """Name of the class of the network."""
        return type(self.network).__name__

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        return self.network(x)


def check_output(model: GenreModule, target: str, shape: tuple[int, int], n_genres: int) -> None:
    """Check that a user's network has parameters, and returns one logit for each genre.

    Args:
        model: the model; one of this package is not checked.
        target: `model._target_`, for the message.
        shape: of an example, (steps, features).
        n_genres: number of genres.

    Raises:
        GtzanError: it does not.
    """
    if type(model) is not Network and type(model).__module__.startswith(f"{__package__}."):
        return
    if not any(each.requires_grad for each in model.parameters()):
        raise GtzanError(f"model._target_={target}: it has no parameters to train.")
    expected = f"model._target_={target}: forward takes (batch, {shape[0]}, {shape[1]}) and returns (batch, {n_genres})"
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found = model.eval()(torch.zeros(2, *shape))
    except Exception as error:  # whatever the network raises
        raise GtzanError(f"{expected}, and for two examples it fails: {error}.") from error
    finally:
        model.train()
    if not isinstance(found, Tensor) or found.shape != (2, n_genres):
        what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise GtzanError(f"{expected}, one logit for each genre; for two examples it returns {what}.")


class Mixup:
    """Mix each example of a batch with another one (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").

    The weight of the original example is drawn once per batch from `Beta(alpha, alpha)` and reflected to `[0.5, 1]`:
    the original genre stays dominant, so training accuracy remains meaningful. All random numbers come from torch's
    global generator.
    """

    def __init__(self, alpha: float) -> None:
        self._beta = Beta(torch.tensor(alpha), torch.tensor(alpha), validate_args=False)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor, float]:
        """Mix a batch.

        Args:
            x: `(batch, steps, features)`.

        Returns:
            The mixed batch, the index of each example's partner, `(batch,)`, and the weight of the original examples.
        """
        weight = float(self._beta.sample())
        weight = max(weight, 1.0 - weight)
        partner = torch.randperm(len(x), device=x.device)
        return torch.lerp(x[partner], x, weight), partner, weight


def add_noise(x: Tensor, scale: float) -> Tensor:
    """Add Gaussian noise of standard deviation `scale` to standardised features `(batch, steps, features)`."""
    return x + scale * torch.randn_like(x)


class EpochScores(Metric):
    """Mean loss, window accuracy and clip accuracy over all batches since the last `reset`.

    `update` only stores its tensors; softmax, argmax and the sums over tracks run once per epoch. This is exact and
    does not synchronise with an accelerator. Under DDP the rows of all processes are gathered first. The predicted
    genre of a clip is the one with the highest mean probability over its slices.

    The results are in double precision, as the scores of a run card, and on the CPU.
    """

    full_state_update = False
    logits: list[Tensor]
    targets: list[Tensor]
    tracks: list[Tensor]
    losses: list[Tensor]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in ("logits", "targets", "tracks", "losses"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, loss: Tensor, logits: Tensor, target: Tensor, track: Tensor) -> None:
        """Add one batch.

        Args:
            loss: mean loss of the batch, `()`.
            logits: `(batch, genres)`.
            target: genre of each slice, `(batch,)`.
            track: index of each slice's track in the corpus, `(batch,)`.
        """
        self.losses.append(loss.detach().reshape(1) * len(target))
        self.logits.append(logits.detach())
        self.targets.append(target)
        self.tracks.append(track)
        if self.update_count % MERGED == 0:
            for rows in (self.losses, self.logits, self.targets, self.tracks):
                rows[-MERGED:] = [torch.cat(rows[-MERGED:])]

    def compute(self) -> dict[str, Tensor]:
        """Return `loss`, `window_accuracy` and `clip_accuracy`, each `()`."""
        target, track, losses = (dim_zero_cat(rows).cpu() for rows in (self.targets, self.tracks, self.losses))
        tracks, position = track.unique(return_inverse=True)
        track_target = target.new_zeros(len(tracks)).scatter_(0, position, target)  # equal for all slices of a track
        hits, first, sums = 0, 0, torch.zeros(len(tracks), self.logits[0].shape[-1], dtype=torch.float64)
        for probabilities in self._probabilities():
            rows = slice(first, first + len(probabilities))
            hits += int((probabilities.argmax(dim=1) == target[rows]).sum())
            sums.index_add_(0, position[rows], probabilities.double())
            first = rows.stop
        return {
            "loss": (losses.double().sum() / len(target)).float(),
            "window_accuracy": torch.tensor(hits / len(target), dtype=torch.float64),
            "clip_accuracy": (sums.argmax(dim=1) == track_target).double().mean(),
        }

    def _probabilities(self) -> Iterator[Tensor]:
        """Probabilities `(slices, genres)` of some slices at a time, on the CPU."""
        several = self.logits if isinstance(self.logits, list) else [self.logits]  # gathered from all processes
        for logits in several:
            yield logits.cpu().float().softmax(dim=1)


class WindowScores(MulticlassStatScores):
    """Accuracy, macro precision, recall and F1 of windows.

    In double precision, where torchmetrics' own averages are in single precision, and with macro averages over the
    genres that occur: the numbers of `evaluation.metrics.scores` in a run card.
    """

    def __init__(self, n_genres: int) -> None:
        super().__init__(n_genres, average=None)

    def compute(self) -> Any:
        """Return a dictionary of `accuracy`, `precision`, `recall` and `f1`, each `()`."""
        counts = super().compute().cpu().double().numpy()  # (genres, 5)
        hits, wrong, _, missed, support = counts[counts[:, 4] > 0].T
        scores = {
            "accuracy": hits.sum() / support.sum(),
            "precision": (hits / (hits + wrong).clip(min=1)).mean(),
            "recall": (hits / support).mean(),
            "f1": (2 * hits / (2 * hits + wrong + missed)).mean(),
        }
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in scores.items()}
