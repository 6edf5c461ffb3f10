"""DiffPIR: plug-and-play restoration with a diffusion denoiser (Zhu et al., CVPRW 2023, arXiv 2305.08995, algorithm 1).

Half-quadratic splitting: the prior denoises, a proximal step agrees with the measurement, noise is added again:

    x0^  = argmin_z |y - A z|^2 + rho |z - x0|^2,    rho = lambda sigma^2 ab / (1 - ab)
    eps^ = (x - sqrt(ab) x0^) / sqrt(1 - ab)
    x    = sqrt(ab') x0^ + sqrt(1 - ab') (sqrt(1 - zeta) eps^ + sqrt(zeta) z)

It starts from the upsampled face, noised, and returns the last x0 without a proximal step. Published: 100 steps, lambda 1,
zeta 0.1; sigma is that of pixels in [0, 1], at least 0.001. (Its timesteps lie denser near 0 than these.)
"""

from collections.abc import Iterator

import torch

from dpi_core.baselines.problem import Problem
from dpi_core.method.diffusion import eps_from_x0
from dpi_core.method.sampler import StepEvent


@torch.no_grad()
def diffpir(problem: Problem, steps: int = 100, weight: float = 1.0, zeta: float = 0.1) -> Iterator[StepEvent]:
    """Restore by DiffPIR in `steps` calls of the prior; `weight` is lambda. It heeds the problem's noise level."""
    sigma = max(problem.noise_level / 255, 0.001)
    x = problem.z()
    for step in problem.steps(steps):
        c = step.c
        b = (1 - c.a**2) ** 0.5
        if step.index == 0:
            x = c.sqrt_ab * problem.condition + c.sqrt_1mab * x
        x0 = problem.denoised(x, step)
        if not step.last:
            rho = weight * (sigma * c.sqrt_ab / c.sqrt_1mab) ** 2
            x0 = problem.reduction.proximal(x0, problem.low_res, rho)
            x = c.a * x0 + b * ((1 - zeta) ** 0.5 * eps_from_x0(x, x0, c) + zeta**0.5 * problem.z())
        yield problem.event(step, x, x0)
