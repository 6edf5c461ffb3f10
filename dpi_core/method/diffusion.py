"""The diffusion arithmetic that every sampler shares; no networks, no state.

A noisy image at training timestep t is ``x_t = sqrt(ab_t) x0 + sqrt(1 - ab_t) eps`` with eps ~ N(0, I) and
``ab`` (alpha_bar) the cumulated product of ``1 - beta``. One DDIM step from t to t_prev (Song et al. 2021, eq. 12) is

    sigma = eta sqrt((1 - ab_prev) / (1 - ab_t)) sqrt(1 - ab_t / ab_prev)
    x_prev = sqrt(ab_prev) x0 + sqrt(1 - ab_prev - sigma^2) eps + sigma z,    z ~ N(0, I)

so eta = 0 is deterministic and eta = 1 over all T steps is ancestral DDPM sampling (Ho et al. 2020).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dpi_core.method.timesteps import TRAIN_TIMESTEPS


def linear_alpha_bar(num_timesteps: int = TRAIN_TIMESTEPS, beta_start: float = 1e-4, beta_end: float = 0.02) -> Tensor:
    """Compute the schedule of DDPM, betas linear from `beta_start` to `beta_end`; returns alpha_bar, (T,) float64 in (0, 1)."""
    betas = torch.linspace(beta_start, beta_end, num_timesteps, dtype=torch.float64)
    return torch.cumprod(1.0 - betas, dim=0)


@dataclass(frozen=True)
class StepCoefficients:
    """The scalars of one DDIM step: x_t = sqrt_ab x0 + sqrt_1mab eps; x_prev = a x0 + b eps + sigma z."""

    sqrt_ab: float
    sqrt_1mab: float
    a: float
    b: float
    sigma: float


def step_coefficients(alpha_bar: Tensor, t: int, t_prev: int, eta: float) -> StepCoefficients:
    """Compute the scalars for t -> t_prev; `t_prev` = -1 means the clean image (alpha_bar 1). `eta` in [0, 1]."""
    ab = float(alpha_bar[t])
    ab_prev = float(alpha_bar[t_prev]) if t_prev >= 0 else 1.0
    sigma = eta * ((1 - ab_prev) / (1 - ab)) ** 0.5 * (1 - ab / ab_prev) ** 0.5
    return StepCoefficients(ab**0.5, (1 - ab) ** 0.5, ab_prev**0.5, max(1 - ab_prev - sigma**2, 0.0) ** 0.5, sigma)


def predict_x0(x_t: Tensor, eps: Tensor, c: StepCoefficients) -> Tensor:
    """Estimate the clean x0 of `x_t` given its noise `eps`, clipped to [-1, 1]; same shape."""
    return ((x_t - c.sqrt_1mab * eps) / c.sqrt_ab).clamp(-1.0, 1.0)


def eps_from_x0(x_t: Tensor, x0: Tensor, c: StepCoefficients) -> Tensor:
    """Compute the noise that makes `x_t` out of `x0`: what eps becomes once x0 has been clipped; same shape."""
    return (x_t - c.sqrt_ab * x0) / c.sqrt_1mab


def ddim_step(x0: Tensor, eps: Tensor, z: Tensor, c: StepCoefficients) -> Tensor:
    """Compute x at t_prev from the clean estimate, its noise and fresh noise `z`; shapes alike."""
    return c.a * x0 + c.b * eps + c.sigma * z


class SeededNoise:
    """One CPU generator per seed, so that a seed's numbers depend neither on its batch-mates nor on device or precision.

    A generator spends another part of its numbers on float64, so all draws are float32.
    """

    def __init__(self, seeds: Sequence[int]):
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Draw (N, *shape) standard normals, one sample per seed, moved to `like`'s device and dtype."""
        return self._drawn(Tensor.normal_, shape, like).to(like.dtype)

    def bernoulli(self, p: Tensor) -> Tensor:
        """Draw (N, ...) bools that are True with probability `p` in [0, 1]; `p` is (N, ...), one row per seed."""
        # what torch.bernoulli does with the same generator, but `p` stays where it is: to fetch it, the CPU would have
        # to wait for the device
        return self._drawn(Tensor.uniform_, p.shape[1:], p) < p

    def _drawn(self, fill: Callable[..., Tensor], shape: Sequence[int], like: Tensor) -> Tensor:
        # drawn where they stay: a GPU copies from pinned memory later, and nobody waits for it
        draws = torch.empty((len(self._generators), *shape), dtype=torch.float32, pin_memory=like.is_cuda)
        for row, generator in zip(draws, self._generators, strict=True):
            fill(row, generator=generator)
        return draws.to(like.device, non_blocking=like.is_cuda)
