"""Bicubic upsampling: x = up(y), anti-aliased, pixel centres aligned. No prior, no seeds; the floor of every comparison."""

from collections.abc import Iterator

from dpi_core.baselines.problem import Problem, Step
from dpi_core.method.diffusion import step_coefficients
from dpi_core.method.sampler import StepEvent


def bicubic(problem: Problem, steps: int = 0) -> Iterator[StepEvent]:
    """Yield the condition as it is, in one event; `steps` is not heeded."""
    step = Step(0, 1, 0, step_coefficients(problem.prior.alpha_bar, 0, -1, 0.0))
    yield problem.event(step, problem.condition, problem.condition)
