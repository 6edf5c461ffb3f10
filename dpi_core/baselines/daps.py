"""DAPS: decoupled annealing posterior sampling (Zhang et al., CVPR 2025, arXiv 2407.01521, algorithm 1).

From each of the falling noise levels sigma_i (100 to 0.1, spaced as EDM's with rho 7) an ODE is run down to a clean
estimate x^, Langevin dynamics move that to where the measurement wants it, and the next level's noise is added:

    x^ = ODE(x, sigma_i);   x0 ~ Langevin from x^ on |x0 - x^|^2 / 2 sigma_i^2 + |y - A x0|^2 / 2 beta^2;   x = x0 + sigma_i+1 z

The energy is quadratic, so n Langevin steps of length h are a sum in closed form, coefficient by coefficient; with the
precision p = 1 / sigma_i^2 + s^2 / beta^2, the energy's lowest point m, and q = 1 - h p:

    x0 = x^ + (1 - q^n) (m - x^) + sqrt(2 h (1 - q^2n) / (1 - q^2)) z,    m - x^ = s^2 / (beta^2 p) (y / s - x^)

Published: 200 levels of 5 calls each, beta 0.01, n 100, h from 1e-4 down to 1e-6.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from dpi_core.baselines.problem import Problem, Step, repeats_within
from dpi_core.method.diffusion import ddim_step, eps_from_x0, step_coefficients
from dpi_core.method.sampler import StepEvent

HIGHEST, LOWEST, RHO = 100.0, 0.1, 7
BETA = 0.01  # whatever the noise of y is: with more of it so many steps of that length would not arrive


@torch.no_grad()
def daps(
    problem: Problem, steps: int = 1000, ode_steps: int = 5, langevin_steps: int = 100, length: float = 1e-4
) -> Iterator[StepEvent]:
    """Restore by DAPS in `steps` calls of the prior, `ode_steps` a level as long as that leaves ten levels."""
    reduction, alpha_bar = problem.reduction, problem.prior.alpha_bar
    noises = (1 / alpha_bar.double() - 1).sqrt()
    times = repeats_within(steps, ode_steps)
    levels = steps // times
    ends = torch.tensor([HIGHEST, LOWEST], dtype=torch.float64) ** (1 / RHO)
    sigmas = [float(ends[0].lerp(ends[1], i / max(levels - 1, 1))) ** RHO for i in range(levels)]
    measured = reduction.measured(problem.low_res)
    x = sigmas[0] * problem.z()
    for level, sigma in enumerate(sigmas):
        top = int((noises - sigma).abs().argmin())
        ts = [top * (times - i) // times for i in range(times)]
        clean = at = x * float(alpha_bar[top]) ** 0.5
        for call, (t, t_prev) in enumerate(zip(ts, [*ts[1:], -1], strict=True)):
            step = Step(level * times + call, levels * times, t, step_coefficients(alpha_bar, t, t_prev, 0.0))
            clean = problem.denoised(at, step)
            at = ddim_step(clean, eps_from_x0(at, clean, step.c), torch.zeros_like(at), step.c)
            if call < times - 1:
                yield problem.event(step, at, clean)
        h = length * (1 - 0.99 * level / levels)
        mine, z = reduction.coefficients(clean), problem.z()
        share, spread = langevin(reduction.singular / BETA, sigma, h, langevin_steps)
        seen = mine + share * (measured - mine) + spread * reduction.coefficients(z)
        _, spread = langevin(torch.zeros(1), sigma, h, langevin_steps)
        x0 = reduction.unseen(clean + spread.to(z) * z) + reduction.from_coefficients(seen)
        x = x0 if level == levels - 1 else x0 + sigmas[level + 1] * problem.z()
        yield problem.event(step, x, x0)


def langevin(certainty: Tensor, sigma: float, h: float, steps: int) -> tuple[Tensor, Tensor]:
    """Tell how much of the way to y, and how much noise, that many Langevin steps add to x^.

    The energy is |x - x^|^2 / 2 sigma^2 + certainty^2 |x - y|^2 / 2. Both answers have the shape of `certainty`; they are
    computed in double precision, as q may be 1 - 1e-8.
    """
    pull = certainty.double().cpu().square()
    precision = 1 / sigma**2 + pull
    q = 1 - h * precision
    share = (1 - q**steps) * pull / precision
    spread = (2 * h * (1 - q ** (2 * steps)) / (1 - q.square())).sqrt()
    return share.to(certainty), spread.to(certainty)
