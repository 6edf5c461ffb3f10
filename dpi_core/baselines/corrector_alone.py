"""The corrector alone: one look at every shifted grid, put together; what it knows without the prior.

    x[i::k, j::k] = corrector(z, T - 1, condition[i::k, j::k])    for all i, j < k

At the noisiest timestep the running sample is noise and the condition all there is to see.
"""

from collections.abc import Iterator

import torch

from dpi_core.baselines.problem import Problem, Step
from dpi_core.errors import DPIError
from dpi_core.method.consistency import corrected
from dpi_core.method.diffusion import step_coefficients
from dpi_core.method.sampler import StepEvent


@torch.no_grad()
def corrector_alone(problem: Problem, steps: int = 0) -> Iterator[StepEvent]:
    """Yield what the corrector makes of the condition, in one event; `steps` is not heeded.

    Raises:
        ValueError: if there is no corrector.
    """
    if problem.corrector is None:
        raise DPIError("the method is corrector, but no corrector is given.")
    alpha_bar = problem.prior.alpha_bar
    t = torch.full((len(problem.seeds),), len(alpha_bar) - 1, device=problem.condition.device)
    x = corrected(problem.corrector, problem.z(), t, problem.condition, problem.sparsity)
    step = Step(0, 1, len(alpha_bar) - 1, step_coefficients(alpha_bar, 0, -1, 0.0))
    yield problem.event(step, x, x)
