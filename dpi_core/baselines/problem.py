"""What every method is given, and what they share: the schedule, the prior's clean estimate, the event.

Every method clips the clean estimate to [-1, 1] and derives eps from it again, as guided-diffusion's samplers do (Dhariwal
& Nichol 2021), and visits `timestep_pairs`. In the equations y is the low-resolution face, A its bicubic reduction
(`dpi_core.method.reduction`), ab = alpha_bar, ab' that of the next timestep, z fresh noise of the seed's generator.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.method.config import MAX_SEED, check_int
from dpi_core.method.diffusion import SeededNoise, StepCoefficients, predict_x0, step_coefficients
from dpi_core.method.interfaces import Corrector, Prior
from dpi_core.method.reduction import Reduction
from dpi_core.method.sampler import StepEvent
from dpi_core.method.timesteps import timestep_pairs

LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]


@dataclass(frozen=True)
class Step:
    """One call of the prior, at timestep `t`; `c.a` is sqrt(ab')."""

    index: int
    total: int
    t: int
    c: StepCoefficients

    @property
    def last(self) -> bool:
        """Is the next image the clean one?"""
        return self.index == self.total - 1


@dataclass(frozen=True, eq=False)
class Problem:
    """Faces to restore.

    Attributes:
        prior: the face prior.
        condition: (N,3,H,W) float in [-1, 1], the low-resolution faces upsampled, one for each seed.
        low_res: (N,3,h,w) in [-1, 1], the low-resolution faces.
        seeds: N, one for each sample; each has a generator of its own.
        noise_level: the standard deviation of the noise in `low_res`, in 8-bit levels; only some methods heed it.
        corrector: only the corrector alone needs it.
        sparsity: the k of the grid that masking, and the corrector, take the condition on.
        spacing: of the timesteps; 1 = evenly, as all of them are published.
    """

    prior: Prior
    condition: Tensor
    low_res: Tensor
    seeds: tuple[int, ...] = (0,)
    noise_level: float = 0.0
    corrector: Corrector | None = None
    sparsity: int = 2
    spacing: float = 1.0

    def __post_init__(self) -> None:
        count = len(self.seeds)
        for seed in self.seeds:
            check_int("seed", seed, 0, MAX_SEED)
        if count == 0 or len(self.condition) not in (1, count) or len(self.low_res) not in (1, count):
            raise DPIError(
                f"{count} seeds for {len(self.condition)} conditions and {len(self.low_res)} low-resolution faces; "
                "expected as many, or one of these."
            )
        object.__setattr__(self, "condition", self.condition.expand(count, -1, -1, -1))
        object.__setattr__(self, "low_res", self.low_res.expand(count, -1, -1, -1).to(self.condition))

    @cached_property
    def reduction(self) -> Reduction:
        """The operator A from the face to `low_res`."""
        return Reduction.between(self.condition, self.low_res)

    @cached_property
    def _noise(self) -> SeededNoise:
        return SeededNoise(self.seeds)

    def z(self) -> Tensor:
        """Draw standard normal noise (N,3,H,W), each sample's from its own generator."""
        return self._noise.normal(self.condition.shape[1:], like=self.condition)

    def steps(self, count: int, eta: float = 0.0) -> Iterator[Step]:
        """List the steps of a run of `count` calls, with the coefficients of DDIM steps of that `eta` in [0, 1].

        Raises:
            ValueError: if `count` is not in 1..T.
        """
        pairs = timestep_pairs(count, len(self.prior.alpha_bar), self.spacing)
        for index, (t, t_prev) in enumerate(pairs):
            yield Step(index, count, t, step_coefficients(self.prior.alpha_bar, t, t_prev, eta))

    def denoised(self, x: Tensor, step: Step) -> Tensor:
        """Ask the prior for the clean estimate of `x` (N,3,H,W) at this step, in [-1, 1]."""
        timesteps = torch.full((len(x),), step.t, device=x.device, dtype=torch.long)
        return predict_x0(x, self.prior.predict_eps(x, timesteps), step.c)

    def event(self, step: Step, x: Tensor, x0: Tensor, mask: Tensor | None = None) -> StepEvent:
        """Tell what a step did: the sample after it, its clean estimate, the pixels that were given (default: none)."""
        none = torch.zeros_like(x[:, :1], dtype=torch.bool) if mask is None else mask
        x0 = x0.clamp(-1.0, 1.0)
        if step.last:
            return StepEvent(step.index, step.total, step.t, "final", x0, x0, torch.zeros_like(none), self.condition)
        return StepEvent(step.index, step.total, step.t, "guided", x, x0, none, self.condition)


def at_call(step: Step, index: int, total: int) -> Step:
    """Make a step call number `index` of `total`, for methods that call the prior more than once a timestep."""
    return replace(step, index=index, total=total)


def repeats_within(calls: int, repeats: int) -> int:
    """Tell how often each timestep is visited: as often as published, unless that leaves fewer than ten of `calls`."""
    return max(1, min(repeats, calls // 10))
