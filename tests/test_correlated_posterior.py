"""DPI on a Gaussian prior with correlated pixels, whose posterior given the grid is known: the method interpolates."""

import pytest
import torch
from correlated_gaussian import MEAN, SIDE, CorrelatedPrior, covariance, drawn_face

from dpi_core.method.config import DPIConfig
from dpi_core.method.sampler import sample

SEEDS = 128


@pytest.mark.parametrize(("steps", "eta"), [(1000, 0.0), (1000, 1.0)])
def test_between_the_grid_pixels_the_samples_are_those_of_the_posterior(steps, eta):
    c, k = covariance(), 2
    truth = drawn_face()
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
