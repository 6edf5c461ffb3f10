"""ILVR: iterative latent variable refinement (Choi et al., ICCV 2021, arXiv 2108.02938, algorithm 1).

A DDPM step, then its low frequencies are replaced by those of the reference, noised to the same level; phi reduces and
enlarges again (bicubic):

    x' = ddpm_step(x, prior(x, t));   c' = sqrt(ab') c + sqrt(1 - ab') z     c: the upsampled low-resolution face
    x  = x' + phi(c') - phi(x')

Published: all steps (T = 1000 respaced to 100), phi by the factor of the reduction.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from dpi_core.baselines.problem import Problem
from dpi_core.method.diffusion import ddim_step, eps_from_x0
from dpi_core.method.resampling import resize
from dpi_core.method.sampler import StepEvent


@torch.no_grad()
def ilvr(problem: Problem, steps: int = 100) -> Iterator[StepEvent]:
    """Restore by ILVR in `steps` calls of the prior."""
    height, width = problem.condition.shape[2:]

    def phi(x: Tensor) -> Tensor:
        return resize(problem.reduction.apply(x), height, width)

    x = problem.z()
    for step in problem.steps(steps, eta=1.0):
        c = step.c
        x0 = problem.denoised(x, step)
        proposal = ddim_step(x0, eps_from_x0(x, x0, c), problem.z(), c)
        reference = c.a * problem.condition + (1 - c.a**2) ** 0.5 * problem.z()
        x = proposal + phi(reference - proposal)
        yield problem.event(step, x, x if step.last else x0)
