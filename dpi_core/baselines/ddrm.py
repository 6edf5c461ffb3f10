"""DDRM: denoising diffusion restoration models (Kawar et al., NeurIPS 2022, arXiv 2201.11793, eq. 7 and 8).

Written for x / sqrt(ab), whose noise is sigma_t = sqrt((1 - ab) / ab), coefficient by coefficient in the basis of A's
singular vectors; y_i = (U^T y)_i / s_i carries noise of sigma / s_i:

    start               y_i + sqrt(sigma_T^2 - sigma^2 / s_i^2) z_i           where A sees and that is quieter; else sigma_T z
    A does not see      x0 + sigma' (eta z + sqrt(1 - eta^2) eps)
    sigma' < sigma/s_i  x0_i + sigma' (sqrt(1 - eta^2) (y_i - x0_i) / (sigma / s_i) + eta z_i)
    else                (1 - eta_b) x0_i + eta_b y_i + sqrt(sigma'^2 - eta_b^2 sigma^2 / s_i^2) z_i

Published: 20 steps, eta 0.85, eta_b 1.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from dpi_core.baselines.problem import LEVELS, Problem
from dpi_core.method.diffusion import eps_from_x0
from dpi_core.method.sampler import StepEvent


@torch.no_grad()
def ddrm(problem: Problem, steps: int = 20, eta: float = 0.85, eta_b: float = 1.0) -> Iterator[StepEvent]:
    """Restore by DDRM in `steps` calls of the prior; it heeds the problem's noise level."""
    reduction = problem.reduction
    measured = reduction.measured(problem.low_res)
    brought = problem.noise_level / LEVELS / reduction.singular
    old = (1 - eta**2) ** 0.5

    def left(sigma: float, share: float) -> Tensor:
        return (sigma**2 - (share * brought) ** 2).clamp(min=0).sqrt()

    x = problem.z()
    for step in problem.steps(steps):
        c = step.c
        if step.index == 0:
            sigma = c.sqrt_1mab / c.sqrt_ab
            seen = torch.where(brought < sigma, measured, torch.zeros_like(measured))
            noise = torch.where(brought < sigma, left(sigma, 1.0), torch.full_like(brought, sigma))
            noisy = seen + noise * reduction.coefficients(x)
            x = c.sqrt_ab * (sigma * reduction.unseen(x) + reduction.from_coefficients(noisy))
        x0, z = problem.denoised(x, step), problem.z()
        eps = eps_from_x0(x, x0, c)
        sigma = (1 - c.a**2) ** 0.5 / c.a
        mine, fresh = reduction.coefficients(x0), reduction.coefficients(z)
        noisier = mine + sigma * (old * (measured - mine) / brought.clamp(min=1e-12) + eta * fresh)
        quieter = (1 - eta_b) * mine + eta_b * measured + left(sigma, eta_b) * fresh
        seen = torch.where(sigma < brought, noisier, quieter)
        hidden = reduction.unseen(x0 + sigma * (eta * z + old * eps))
        x = c.a * (hidden + reduction.from_coefficients(seen))
        yield problem.event(step, x, x if step.last else x0)
