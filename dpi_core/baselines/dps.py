"""DPS: diffusion posterior sampling (Chung et al., ICLR 2023, arXiv 2209.14687, algorithm 1).

A DDPM step, then a step down the slope of the misfit, through the prior:

    x = ddpm_step(x, x0) - scale grad_x |y - A x0(x)|

Published: 1000 steps, scale 0.3 for super-resolution of faces. With fewer steps the scale grows as they get fewer, so that
all steps together go as far. Each call also takes the prior's gradient, which costs about two more.
"""

from collections.abc import Iterator

import torch

from dpi_core.baselines.problem import Problem
from dpi_core.method.diffusion import ddim_step, eps_from_x0
from dpi_core.method.sampler import StepEvent

PUBLISHED = 1000  # steps that `scale` was chosen for


@torch.no_grad()
def dps(problem: Problem, steps: int = PUBLISHED, scale: float = 0.3) -> Iterator[StepEvent]:
    """Restore by DPS in `steps` calls of the prior, which must be differentiable."""
    x = problem.z()
    for step in problem.steps(steps, eta=1.0):
        with torch.enable_grad():
            before = x.detach().requires_grad_()
            x0 = problem.denoised(before, step)
            misfit = (problem.low_res - problem.reduction.apply(x0)).flatten(1).norm(dim=1)
            slope = torch.autograd.grad(misfit.sum(), before)[0]
        x0 = x0.detach()
        x = ddim_step(x0, eps_from_x0(x, x0, step.c), problem.z(), step.c) - scale * PUBLISHED / steps * slope
        yield problem.event(step, x, x if step.last else x0)
