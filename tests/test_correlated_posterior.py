"""DPI on a Gaussian prior with correlated pixels, whose posterior given the grid is known: the method interpolates."""

import pytest
import torch

from dpi_core.method.config import DPIConfig
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.sampler import sample

SIDE, MEAN, STD, REACH, SEEDS = 8, 0.1, 0.15, 3.0, 128


def covariance() -> torch.Tensor:
    """exp(-distance / reach) between the pixels of a channel, times the variance."""
    axis = torch.arange(SIDE, dtype=torch.float64)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
    return STD**2 * torch.exp(-torch.cdist(places, places) / REACH)


class CorrelatedPrior:
    """Channels are independent N(mean, C): eps(x, t) = sqrt(1-ab) (ab C + (1-ab) I)^-1 (x - sqrt(ab) mean)."""

    image_size = SIDE

    def __init__(self):
        self.alpha_bar = linear_alpha_bar()
        self.values, self.vectors = torch.linalg.eigh(covariance())

    def predict_eps(self, x_t, t):
        ab = self.alpha_bar[t].double().view(-1, 1, 1)
        off = x_t.double().flatten(2) - ab.sqrt() * MEAN
        weighed = (off @ self.vectors) * (1 - ab).sqrt() / (ab * self.values + 1 - ab)
        return (weighed @ self.vectors.T).reshape(x_t.shape).to(x_t)


@pytest.mark.parametrize(("steps", "eta"), [(1000, 0.0), (1000, 1.0)])
def test_between_the_grid_pixels_the_samples_are_those_of_the_posterior(steps, eta):
    c, k = covariance(), 2
    noise = torch.randn(3, SIDE**2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    truth = MEAN + noise @ torch.linalg.cholesky(c).T
    held = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    held[::k, ::k] = True
    on, off = held.flatten(), ~held.flatten()
    gain = c[off][:, on] @ torch.linalg.inv(c[on][:, on])
    mean = MEAN + (truth[:, on] - MEAN) @ gain.T
    std = (c[off][:, off] - gain @ c[on][:, off]).diagonal().sqrt()

    condition = truth.reshape(1, 3, SIDE, SIDE).float()
    config = DPIConfig(steps=steps, tau=0, sparsity=k, eta=eta)
    found = sample(CorrelatedPrior(), condition, config, seeds=range(SEEDS)).double().flatten(2)

    assert (found[..., on] - truth[:, on]).abs().mean() < 0.01
    free = found[..., off]
    error = (free.mean(dim=0) - mean).square().mean().sqrt()
    assert error < 1.3 * std.mean() / SEEDS**0.5  # the standard error of a mean of so many
    assert (mean - MEAN).square().mean().sqrt() > 10 * error
    assert float((free.std(dim=0) / std).mean()) == pytest.approx(1.0, abs=0.06)
