"""Optimizer and learning-rate schedule of a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning import LightningModule
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from gtzan_lightning.datamodule.examples import ListLoader

WHOLE_TRAINING = "whole_training"  # value of an argument: the number of steps or epochs of the training
HAVE_FUSED = (torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD)  # one kernel for all parameters: faster


@dataclass(frozen=True)
class Optimization:
    """An optimizer and a schedule: their classes with arguments.

    An argument of the schedule with the value `whole_training` becomes the number of `interval`s of the training.
    """

    optimizer: type[torch.optim.Optimizer]
    optimizer_options: Mapping[str, Any]  # among them lr and weight_decay
    scheduler: Callable[..., Any]
    scheduler_options: Mapping[str, Any] = field(default_factory=dict)
    interval: str = "step"  # step or epoch

    @property
    def needs_closure(self) -> bool:
        """Whether a step of the optimizer computes the loss again, as that of `LBFGS`."""
        closure = inspect.signature(self.optimizer.step).parameters.get("closure")
        return closure is not None and closure.default is closure.empty

    @classmethod
    def default(cls, lr: float, weight_decay: float) -> Optimization:
        """AdamW with a one-cycle schedule over the whole training (Smith & Topin 2018, "Super-Convergence")."""
        schedule = {"max_lr": lr, "total_steps": WHOLE_TRAINING}
        return cls(torch.optim.AdamW, {"lr": lr, "weight_decay": weight_decay}, OneCycleLR, schedule)

    def build_once(self) -> None:
        """Builds both for two small parameters, to check their arguments; raises whatever their constructors raise."""
        options = {key: value for key, value in self.optimizer_options.items() if key != "weight_decay" or self._decays}
        optimizer = self.optimizer([nn.Parameter(torch.zeros(2, 2))], **options)
        self.scheduler(optimizer, **self._schedule_options(length=2))

    def configure(self, module: LightningModule, monitor: str, mode: str) -> dict[str, Any]:
        """The result of `configure_optimizers`.

        Args:
            module: the model, attached to its trainer.
            monitor: the score that a schedule such as `ReduceLROnPlateau` follows.
            mode: `max` or `min` of that score.
        """
        needs_length = WHOLE_TRAINING in self.scheduler_options.values()
        length = _steps(module.trainer) if needs_length and self.interval == "step" else module.trainer.max_epochs
        arguments = self._schedule_options(length)
        if self.scheduler is torch.optim.lr_scheduler.ReduceLROnPlateau:
            arguments.setdefault("mode", mode)
        optimizer = self._optimizer(module)
        schedule = {"scheduler": self.scheduler(optimizer, **arguments), "interval": self.interval, "monitor": monitor}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    @property
    def _decays(self) -> bool:
        """Whether the optimizer takes a weight decay."""
        return "weight_decay" in inspect.signature(self.optimizer).parameters

    def _schedule_options(self, length: float | None) -> dict[str, Any]:
        return {key: length if value == WHOLE_TRAINING else value for key, value in self.scheduler_options.items()}

    def _optimizer(self, module: LightningModule) -> torch.optim.Optimizer:
        options = dict(self.optimizer_options)
        decay = options.pop("weight_decay")
        if not self._decays:
            return self.optimizer([p for p in module.parameters() if p.requires_grad], **options)
        if self.optimizer in HAVE_FUSED and "mixed" not in module.trainer.precision:
            options.setdefault("fused", True)  # with mixed precision, Lightning cannot clip gradients before it
        return self.optimizer(decay_groups(module, decay), **options)


def _steps(trainer: Any) -> float:
    """Number of optimizer steps of the training; Lightning counts one for each list of batches."""
    steps: float = trainer.estimated_stepping_batches  # also sets up the loader
    loader = trainer.train_dataloader
    return len(loader.loader) * trainer.max_epochs if isinstance(loader, ListLoader) else steps


def decay_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Optimizer parameter groups: weight matrices with decay; vectors (biases, normalisation scales) without."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not weight_decay:
        return [{"params": parameters, "weight_decay": 0.0}]  # one group is faster than two
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
