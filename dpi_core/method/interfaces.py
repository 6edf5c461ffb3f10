"""What the sampler needs of its two networks. Anything of this shape can be plugged in."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Prior(Protocol):
    """What the samplers need of a face prior."""

    image_size: int
    alpha_bar: Tensor  # (T,)

    def predict_eps(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Predict the noise in `x_t` (N,3,H,W) at integer timesteps `t` (N,); same shape as `x_t`."""
        ...


@runtime_checkable
class Corrector(Protocol):
    """What the sampler needs of a corrector."""

    def __call__(self, noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
        """Refine `condition_grid` given `noisy_grid` (both (N,3,h,w)) at integer timesteps `t` (N,); same shape."""
        ...
