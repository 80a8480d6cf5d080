"""Export form of a model: from raw features to calibrated probabilities in one graph.

The graph consists of operations that ONNX has. It has none for `torch.special.ndtri` and `torch.searchsorted`, which
the quantile scaling would need; their replacements here run in double precision.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gtzan_lightning.datamodule.scaling import LARGEST_SCORE, Standardisation
from gtzan_lightning.models.base import GenreModule

# M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988),
# PPND16: numerators and denominators, the constant term first, for |p - 1/2| <= 0.425 and for the tails.
CENTRE = (
    (3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
TAIL = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
SMALLEST_SHARE = 1e-10  # its score exceeds LARGEST_SCORE in size, and AS 241's near tail is valid there


class PortableModel(nn.Module):
    """Standardisation, model, temperature and softmax as one graph, independent of the code of this package."""

    def __init__(self, model: GenreModule, standardisation: Standardisation, temperature: float = 1.0) -> None:
        """Combine a trained model, the standardisation of its features and its temperature (Guo et al. 2017)."""
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


class MeanAndScale(nn.Module):
    """`(x - mean) / scale` of each feature."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        """Raw features `(batch, steps, features)` to standardised ones of the same shape."""
        return (x - self.mean) / self.scale


class NormalScores(nn.Module):
    """Normal score of each feature's position among the quantiles of the training part."""

    quantiles: Tensor

    def __init__(self, quantiles: Tensor) -> None:
        """Set the quantiles, `(quantiles, features)` float64, ascending in each column."""
        super().__init__()
        self.register_buffer("quantiles", quantiles)

    def forward(self, x: Tensor) -> Tensor:
        """Raw features `(batch, steps, features)` to standardised ones of the same shape, float32."""
        rows = x.flatten(0, 1).double()
        # A value equal to several quantiles gets the middle of their range.
        upper, lower = _cdf(rows, self.quantiles), 1 - _cdf(-rows, -self.quantiles.flip(0))
        scores = normal_quantile((upper + lower) / 2).clamp(-LARGEST_SCORE, LARGEST_SCORE)
        is_constant = self.quantiles[0] == self.quantiles[-1]
        return torch.where(is_constant, 0.0, scores).float().unflatten(0, x.shape[:2])


def normal_quantile(p: Tensor) -> Tensor:
    """Quantile function of the standard normal distribution (AS 241), float64; `p` is clipped to [1e-10, 1 - 1e-10]."""
    q = p - 0.5
    centre = 0.180625 - q * q
    tail = (torch.minimum(p, 1 - p).clamp_min(SMALLEST_SHARE).log().neg()).sqrt() - 1.6
    outside = torch.sign(q) * _polynomial(tail, TAIL[0]) / _polynomial(tail, TAIL[1])
    inside = q * _polynomial(centre, CENTRE[0]) / _polynomial(centre, CENTRE[1])
    return torch.where(q.abs() <= 0.425, inside, outside)


def _cdf(rows: Tensor, quantiles: Tensor) -> Tensor:
    """Cumulative probability of each value, by linear interpolation between quantiles (as `numpy.interp`).

    Args:
        rows: `(rows, features)`.
        quantiles: `(quantiles, features)`, ascending.

    Returns:
        `(rows, features)`, 0 to 1; a value equal to several quantiles gets the largest probability.
    """
    last = quantiles.shape[0] - 1
    inside = torch.minimum(torch.maximum(rows, quantiles[0]), quantiles[-1])
    index = torch.zeros_like(rows, dtype=torch.int64)  # of the last quantile not above the value
    for power in reversed(range(last.bit_length())):  # branch-free binary search
        higher = (index + 2**power).clamp_max(last)
        index = torch.where(quantiles.gather(0, higher) <= inside, higher, index)
    low, high = quantiles.gather(0, index), quantiles.gather(0, (index + 1).clamp_max(last))
    gap = torch.where(high > low, high - low, 1.0)
    probability = (index + (inside - low) / gap) / last
    return torch.where(rows < quantiles[0], 0.0, probability)  # even if the lowest quantile is repeated


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """Evaluate a polynomial by Horner's rule; the constant term comes first."""
    total = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total
