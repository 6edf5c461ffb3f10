"""RePaint's masking (Lugmayr et al., CVPR 2022, arXiv 2201.09865, algorithm 1) of the grid that DPI takes the condition on.

The grid m (one pixel in every k x k) is known, the rest is painted; each timestep is gone through U times, so that known and
painted pixels agree:

    x' = m (sqrt(ab') c + sqrt(1 - ab') z) + (1 - m) ddpm_step(x, prior(x, t))       c: the upsampled low-resolution face
    x  = sqrt(ab / ab') x' + sqrt(1 - ab / ab') z    and once more, U - 1 times;    x = x' the last time

That is DPI without a corrector, without RACM and with renewed noise. Published: 250 timesteps, each gone through 10 times.
"""

from collections.abc import Iterator

import torch

from dpi_core.baselines.problem import Problem, at_call, repeats_within
from dpi_core.method.diffusion import ddim_step, eps_from_x0
from dpi_core.method.masks import fixed_mask
from dpi_core.method.sampler import StepEvent


@torch.no_grad()
def repaint(problem: Problem, steps: int = 2500, resamplings: int = 10) -> Iterator[StepEvent]:
    """Restore by masking in `steps` calls of the prior, `resamplings` a timestep as long as that leaves ten timesteps."""
    known = problem.condition
    mask = fixed_mask(len(known), problem.sparsity, known.shape[2], known.shape[3], known.device)
    times = repeats_within(steps, resamplings)
    total = steps // times * times
    x = problem.z()
    for step in problem.steps(steps // times, eta=1.0):
        c = step.c
        for time in range(times):
            now = at_call(step, step.index * times + time, total)
            x0 = problem.denoised(x, step)
            painted = ddim_step(x0, eps_from_x0(x, x0, c), problem.z(), c)
            noised = c.a * known + (1 - c.a**2) ** 0.5 * problem.z()
            x = torch.where(mask, noised, painted)
            yield problem.event(now, x, x if now.last else x0, mask)
            if time < times - 1:
                kept = c.sqrt_ab / c.a
                x = kept * x + (1 - kept**2) ** 0.5 * problem.z()
