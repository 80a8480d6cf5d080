import pytest
import torch
from scipy.stats import beta, kstest

from gtzan_lightning.models.base import Mixup, add_noise


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_the_weight_follows_the_reflected_beta_distribution(alpha):
    torch.manual_seed(0)
    mixup = Mixup(alpha)
    weights = [mixup(torch.zeros(2, 1, 1))[2] for _ in range(2000)]
    assert min(weights) >= 0.5
    distribution = beta(alpha, alpha)
    assert kstest(weights, lambda w: distribution.cdf(w) - distribution.cdf(1 - w)).pvalue > 0.01


def test_an_example_is_mixed_with_its_partner():
    torch.manual_seed(0)
    x = torch.randn(5, 3, 4)
    mixed, partner, weight = Mixup(1.0)(x)
    assert sorted(partner.tolist()) == [0, 1, 2, 3, 4]
    torch.testing.assert_close(mixed, weight * x + (1 - weight) * x[partner])


def test_the_global_seed_reproduces_mixup_and_noise():
    x = torch.randn(5, 3, 4)
    results = []
    for _ in range(2):
        torch.manual_seed(7)
        results.append((Mixup(0.4)(x)[0], add_noise(x, 0.3)))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_the_noise_has_the_given_scale():
    torch.manual_seed(0)
    noise = add_noise(torch.zeros(100, 10, 10), 0.3)
    assert float(noise.std()) == pytest.approx(0.3, rel=0.03)
    assert float(noise.mean()) == pytest.approx(0.0, abs=0.01)
