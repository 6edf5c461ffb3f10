"""DDNM+: DDNM for a noisy measurement (Wang et al., ICLR 2023, arXiv 2212.00490, eq. 17 to 19 and appendix I).

With noise of deviation sigma in y, coefficient i of A^+ y has noise of sigma / s_i. Each step moves it towards the
measurement only as far as the noise that this brings in does not exceed the step's own, sqrt(1 - ab'):

    x0^_i = x0_i + lambda_i (y_i - x0_i)                        where A sees; x0 where it does not
    x_i   = sqrt(ab') x0^_i + gamma_i z_i                       where A sees
    x     = sqrt(ab') x0 + sqrt(1 - ab') (eta z + sqrt(1 - eta^2) eps)    where it does not

    sqrt(1 - ab') >= sqrt(ab') sigma / s_i:   lambda_i = 1,  gamma_i^2 = 1 - ab' - ab' sigma^2 / s_i^2
    else:   lambda_i = sqrt(1 - eta^2) sqrt(1 - ab') / (sqrt(ab') sigma / s_i),  gamma_i = eta sqrt(1 - ab')

Published: 100 steps, eta 0.85.
"""

from collections.abc import Iterator

import torch

from dpi_core.baselines.problem import LEVELS, Problem
from dpi_core.method.diffusion import eps_from_x0
from dpi_core.method.sampler import StepEvent


@torch.no_grad()
def ddnm_plus(problem: Problem, steps: int = 100, eta: float = 0.85) -> Iterator[StepEvent]:
    """Restore by DDNM+ in `steps` calls of the prior; it heeds the problem's noise level."""
    reduction = problem.reduction
    measured = reduction.measured(problem.low_res)
    brought = problem.noise_level / LEVELS / reduction.singular
    fresh = (1 - eta**2) ** 0.5
    x = problem.z()
    for step in problem.steps(steps):
        a, b = step.c.a, (1 - step.c.a**2) ** 0.5
        x0, z = problem.denoised(x, step), problem.z()
        eps = eps_from_x0(x, x0, step.c)
        quiet = b >= a * brought
        ones = torch.ones_like(brought)
        pull = torch.where(quiet, ones, fresh * b / (a * brought).clamp(min=1e-12))
        gamma = torch.where(quiet, (b**2 - (a * brought) ** 2).clamp(min=0).sqrt(), eta * b * ones)
        x0 = x0 + reduction.from_coefficients(pull * (measured - reduction.coefficients(x0)))
        hidden = reduction.unseen(b * (eta * z + fresh * eps))
        x = a * x0 + hidden + reduction.from_coefficients(gamma * reduction.coefficients(z))
        yield problem.event(step, x, x0)
