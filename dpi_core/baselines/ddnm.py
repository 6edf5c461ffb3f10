"""DDNM: the denoising diffusion null-space model (Wang et al., ICLR 2023, arXiv 2212.00490, algorithm 1).

What A sees of the clean estimate is replaced by the measurement, what it does not see (the null space) is the prior's:

    x0^ = A^+ y + (I - A^+ A) x0
    x   = sqrt(ab') x0^ + sqrt(1 - ab') (eta z + sqrt(1 - eta^2) eps)

Published: 100 steps, eta 0.85, without the time travel that the paper adds for harder problems.
"""

from collections.abc import Iterator

import torch

from dpi_core.baselines.problem import Problem
from dpi_core.method.diffusion import eps_from_x0
from dpi_core.method.sampler import StepEvent


@torch.no_grad()
def ddnm(problem: Problem, steps: int = 100, eta: float = 0.85) -> Iterator[StepEvent]:
    """Restore by DDNM in `steps` calls of the prior; `eta` in [0, 1] is the share of fresh noise."""
    x = problem.z()
    for step in problem.steps(steps):
        a, b = step.c.a, (1 - step.c.a**2) ** 0.5
        estimate = problem.denoised(x, step)
        eps = eps_from_x0(x, estimate, step.c)
        x0 = problem.reduction.proximal(estimate, problem.low_res, 0.0)
        x = a * x0 + b * (eta * problem.z() + (1 - eta**2) ** 0.5 * eps)
        yield problem.event(step, x, x0)
