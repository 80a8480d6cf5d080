"""scikit-learn estimators behind the interface of the models.

A fitted estimator is converted to tensors: its checkpoint holds no code, and its graph can be exported. Estimators
without such a form are kept as a pickle, which is only loaded from a trusted checkpoint.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.ensemble._forest import ForestClassifier
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from torch import Tensor, nn

from gtzan_lightning.datamodule.examples import Batch
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepPooling

SMALLEST = 1e-7  # probability: the logarithm of 0 is not finite
ABSENT = float(np.log(SMALLEST))  # logit of a genre without training examples


class Estimator(GenreModule):
    """An estimator of scikit-learn, fitted on the slices of the first epoch, after which the training stops.

    Args:
        n_steps: time steps per example.
        n_features: features per step.
        n_genres: number of classes.
        estimator: with `fit` and `predict_proba` or `decision_function`.
        pooling: statistics of `layers.StepPooling` over the steps, each scaled to unit deviation in training; None, or
            examples of a single step: the steps side by side.
    """

    def __init__(
        self,
        n_steps: int = 2,
        n_features: int = 55,
        n_genres: int = 10,
        *,
        estimator: BaseEstimator,
        pooling: Sequence[str] | None = None,
    ) -> None:
        super().__init__(n_steps, n_features, n_genres, label_smoothing=0.0)
        self.estimator = estimator
        self.pool = StepPooling(pooling, n_steps) if pooling and n_steps > 1 else None
        self.scale = Buffer(torch.ones(1))  # of the pooled inputs
        self.classifier = _form_of(estimator)()
        self.place = Buffer(torch.eye(n_genres))  # (classes, genres), column of each fitted class
        self._rows: list[Batch] = []

    @property
    def name(self) -> str:
        """Name of the class of the estimator."""
        return type(self.estimator).__name__

    @property
    def is_code(self) -> bool:
        """Whether the fitted estimator is a pickle."""
        return isinstance(self.classifier, Pickled)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        inputs = self._inputs(x) / self.scale.value
        place = self.place.value
        return (self.classifier(inputs) @ place.double() + ABSENT * (1 - place.sum(dim=0))).float()

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect a batch; after the last one, fit the estimator and score it on the training rows."""
        self._rows.append(batch)
        if batch_idx + 1 < self.trainer.num_training_batches:
            return
        x, y, track = (torch.cat(parts) for parts in zip(*self._rows, strict=True))
        self._rows = []
        self.fit(x.cpu(), y.cpu())
        self.classifier.to(x.device)
        self.place.to(x.device)
        self.scale.to(x.device)
        logits = torch.cat([self(rows) for rows in x.split(512)])
        self.train_scores.update(self.loss(logits, y), logits, y, track)

    def _inputs(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to the unscaled inputs of the estimator `(batch, inputs)`."""
        return x.flatten(1) if self.pool is None else self.pool(x)

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Fit on `(slices, steps, features)` and genres `(slices,)`."""
        inputs = self._inputs(x)
        if self.pool is not None:
            deviation = inputs.std(dim=0, correction=0)
            self.scale.value = torch.where(deviation > 0, deviation, 1.0)
            inputs = inputs / self.scale.value
        try:
            self.estimator.fit(inputs.numpy(), y.numpy())
        except ValueError as error:  # an argument with a wrong value, or one that does not fit the data
            raise GtzanError(f"model: {type(self.estimator).__name__} cannot be fitted: {error}") from error
        self.classifier.take(self.estimator)
        self.place.value = torch.eye(self.n_genres)[torch.from_numpy(np.asarray(self.estimator.classes_))]

    def on_train_epoch_end(self) -> None:
        """Log the training scores and end the training."""
        self._log_scores("train", self.train_scores)
        self.trainer.should_stop = True

    def configure_optimizers(self) -> None:
        """Return None: there is nothing to optimise."""


class Fitted(nn.Module):
    """Tensors of a fitted estimator; a state that is loaded sets their shapes."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        for name in self._buffers:
            if isinstance(state_dict.get(prefix + name), Tensor):
                self._buffers[name] = state_dict[prefix + name].clone()
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def set(self, **values: NDArray[Any]) -> None:
        """Set buffers."""
        for name, value in values.items():
            self.register_buffer(name, torch.from_numpy(np.array(value)))


class Buffer(Fitted):
    """One tensor."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)


class Constant(Fitted):
    """Probabilities that do not depend on the input: `DummyClassifier`."""

    probabilities: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set(probabilities=np.zeros(1))

    def take(self, estimator: Any) -> None:
        """Take the fitted state."""
        self.set(probabilities=estimator.predict_proba(np.zeros((1, 1)))[0].astype(np.float64))

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs)` to the logarithms of probabilities `(batch, classes)`, as in the other forms."""
        return x.new_zeros((x.shape[0], 1)).double() + self.probabilities.clamp_min(SMALLEST).log()


class Linear(Fitted):
    """Softmax of a linear function: logistic regression, discriminant analysis, ridge, linear SVM."""

    coef: Tensor
    intercept: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set(coef=np.zeros((1, 1)), intercept=np.zeros(1))

    def take(self, estimator: Any) -> None:
        """Take the fitted state; two classes have one decision value, the logit of the second."""
        coef, intercept = (
            np.atleast_2d(estimator.coef_).astype(np.float64),
            np.asarray(estimator.intercept_, np.float64),
        )
        if len(estimator.classes_) == 2:
            coef, intercept = np.stack([0 * coef[0], coef[0]]), np.array([0.0, intercept.reshape(-1)[0]])
        self.set(coef=coef, intercept=intercept)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs)` to `(batch, classes)`."""
        return x.double() @ self.coef.T + self.intercept


class Kernel(Fitted):
    """RBF support vector machine: the softmax of its decision values, one-vs-rest as in scikit-learn."""

    support: Tensor
    weight: Tensor
    intercept: Tensor
    gamma: Tensor
    first: Tensor
    second: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set(support=np.zeros((1, 1)), weight=np.zeros((1, 1)), intercept=np.zeros(1), gamma=np.zeros(()))
        self.set(first=np.zeros((1, 1)), second=np.zeros((1, 1)))

    def take(self, estimator: Any) -> None:
        """Take the fitted state: the weight of each support vector in the decision between each pair of classes."""
        count = len(estimator.classes_)
        pairs = list(combinations(range(count), 2))
        owner = np.repeat(np.arange(count), estimator.n_support_)
        weight = np.zeros((len(owner), len(pairs)))
        for number, (i, j) in enumerate(pairs):
            weight[owner == i, number] = estimator.dual_coef_[j - 1, owner == i]
            weight[owner == j, number] = estimator.dual_coef_[i, owner == j]
        sign = -1.0 if count == 2 else 1.0  # scikit-learn turns the sign around for two classes
        self.set(
            support=np.asarray(estimator.support_vectors_, np.float64),
            weight=sign * weight,
            intercept=sign * np.asarray(estimator.intercept_, np.float64),
            gamma=np.asarray(estimator._gamma, np.float64),
            first=np.eye(count)[[i for i, _ in pairs]],
            second=np.eye(count)[[j for _, j in pairs]],
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs)` to `(batch, classes)`: votes of the pairs, and their confidence as a fraction."""
        kernel = (-self.gamma * _squared_distances(x.double(), self.support)).exp()
        decision = kernel @ self.weight + self.intercept  # (batch, pairs), positive for the first class
        if self.first.shape[1] == 2:  # one pair, whose decision value scikit-learn keeps
            return decision @ self.first
        is_first = (decision >= 0).double()
        votes = is_first @ self.first + (1 - is_first) @ self.second
        confidence = decision @ (self.first - self.second)
        return votes + confidence / (3 * (confidence.abs() + 1))


class Neighbours(Fitted):
    """Share of each class among the nearest training rows (Euclidean distance, equal weights)."""

    rows: Tensor
    labels: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set(rows=np.zeros((1, 1), np.float32), labels=np.zeros((1, 1)), count=np.asarray(1))
        self.n_neighbours = 1

    def take(self, estimator: Any) -> None:
        """Take the fitted state."""
        labels = np.eye(len(estimator.classes_))[estimator._y]
        self.set(rows=estimator._fit_X, labels=labels, count=np.asarray(estimator.n_neighbors))
        self.n_neighbours = estimator.n_neighbors

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *arguments)
        self.n_neighbours = int(self.count)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs)` to `(batch, classes)`."""
        nearest = _squared_distances(x.double(), self.rows.double()).topk(self.n_neighbours, dim=1, largest=False)
        return self.labels[nearest.indices].mean(dim=1).clamp_min(SMALLEST).log()


class Trees(Fitted):
    """Mean over the trees of the class shares in the leaf of an example."""

    roots: Tensor
    child: Tensor
    feature: Tensor
    threshold: Tensor
    leaf: Tensor
    shares: Tensor
    depth: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set(roots=np.zeros(1, np.int64), child=np.zeros((1, 2), np.int64), feature=np.zeros(1, np.int64))
        self.set(threshold=np.zeros(1), leaf=np.zeros(1, np.int64), shares=np.zeros((1, 1)), depth=np.asarray(0))
        self.max_depth = 0

    def take(self, estimator: Any) -> None:
        """Take the fitted state: the nodes of all trees in one table; a leaf is its own child."""
        trees = [each.tree_ for each in estimator.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
        left, right = (
            np.concatenate([getattr(tree, f"children_{side}") + root for tree, root in zip(trees, roots, strict=True)])
            for side in ("left", "right")
        )
        is_leaf = np.concatenate([tree.children_left == -1 for tree in trees])
        own = np.arange(len(is_leaf))
        shares = np.concatenate([tree.value[:, 0] for tree in trees])[is_leaf]
        self.max_depth = max(tree.max_depth for tree in trees)
        self.set(
            roots=roots,
            child=np.stack([np.where(is_leaf, own, left), np.where(is_leaf, own, right)], axis=1),
            feature=np.where(is_leaf, 0, np.concatenate([tree.feature for tree in trees])),
            threshold=np.concatenate([tree.threshold for tree in trees]),
            leaf=np.cumsum(is_leaf) - 1,
            shares=(shares / shares.sum(axis=1, keepdims=True)).astype(np.float32),
            depth=np.asarray(self.max_depth),
        )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *arguments)
        self.max_depth = int(self.depth)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs)` to `(batch, classes)`."""
        node = self.roots + torch.zeros_like(x[:, :1], dtype=torch.int64)  # (batch, trees)
        for _ in range(self.max_depth):
            goes_right = x.gather(1, self.feature[node]).double() > self.threshold[node]
            node = torch.where(goes_right, self.child[node, 1], self.child[node, 0])
        return self.shares[self.leaf[node]].double().mean(dim=1).clamp_min(SMALLEST).log()


class Pickled(Fitted):
    """Any other estimator, as a pickle. It is only loaded after `trusted` was set."""

    content: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set(content=np.zeros(0, np.uint8))
        self.trusted = False
        self._estimator: Any = None

    def take(self, estimator: Any) -> None:
        """Take the fitted state."""
        self.set(content=np.frombuffer(pickle.dumps(estimator), np.uint8))
        self._estimator = estimator

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs)` to `(batch, classes)`.

        Raises:
            GtzanError: the estimator comes from a checkpoint that is not trusted.
        """
        if self._estimator is None:
            if not self.trusted:
                raise GtzanError("The estimator is a pickle, which could run code, and its checkpoint is not trusted.")
            self._estimator = pickle.loads(self.content.cpu().numpy().tobytes())
        inputs = x.cpu().numpy()
        if hasattr(self._estimator, "predict_proba"):
            scores = self._estimator.predict_proba(inputs)
        else:
            scores = self._estimator.decision_function(inputs)
            scores = softmax(np.stack([0 * scores, scores], axis=1) if scores.ndim == 1 else scores, axis=1)
        return torch.from_numpy(np.log(np.maximum(scores, SMALLEST)).astype(np.float64)).to(x.device)


def _form_of(estimator: Any) -> type[Any]:
    """The tensor form of an estimator."""
    if isinstance(estimator, DummyClassifier) and estimator.strategy in ("most_frequent", "prior"):
        return Constant
    # `probability` is "deprecated" instead of False from scikit-learn 1.9
    if isinstance(estimator, SVC) and estimator.kernel == "rbf" and estimator.probability is not True:
        return Kernel
    if isinstance(estimator, KNeighborsClassifier) and (estimator.weights, estimator.metric, estimator.p) == (
        "uniform", "minkowski", 2,
    ):  # fmt: skip
        return Neighbours
    if isinstance(estimator, ForestClassifier):
        return Trees
    if isinstance(estimator, LinearClassifierMixin):
        return Linear
    return Pickled


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances of rows, `(rows of x, rows of y)`."""
    return (x.square().sum(dim=1)[:, None] + y.square().sum(dim=1) - 2 * x @ y.T).clamp_min(0)
