"""Data consistency: images near x that, reduced, agree with the low-resolution face.

Hard, the null-space projection (DDNM, Wang et al. 2023, eq. 9); soft, DiffPIR's proximal step (Zhu et al. 2023, eq. 12),
for an input that is noisy itself:

    hard    x' = x + A^+ (low - A x)
    soft    x' = argmin_z |low - A z|^2 + weight |z - x|^2

What they add is smooth, and only what contradicts the input is changed: detail between the low-resolution pixels stays.
Where that leaves [-1, 1] the image is clipped and, if hard, projected again, a few times over: alternating projections end in
an image that satisfies both, which is the nearest such image only where nothing had to be clipped.
"""

from torch import Tensor

from dpi_core.method.diffusion import StepCoefficients
from dpi_core.method.interfaces import Corrector
from dpi_core.method.reduction import Reduction

ROUNDS = 8
LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]


def project(x: Tensor, low_res: Tensor, reduction: Reduction | None = None) -> Tensor:
    """Project images (N,3,H,W) in [-1, 1] onto those that reduce bicubically to `low_res` (N or 1,3,h,w).

    Exact where nothing had to be clipped to [-1, 1], as good as exact elsewhere. `reduction`: that between the two, if
    it is at hand.

    Raises:
        ValueError: if `low_res` is larger than `x`, or its batch does not fit.
    """
    reduction = reduction or Reduction.between(x, low_res)
    for _ in range(ROUNDS):
        x = reduction.proximal(x, low_res, 0.0).clamp(-1.0, 1.0)
    return x


def agreed(x0: Tensor, low_res: Tensor, reduction: Reduction, noise_level: float, c: StepCoefficients) -> Tensor:
    """Make the clean estimate (N,3,H,W) of a step agree with `low_res` (N,3,h,w).

    Hard without noise in `low_res`; with noise of deviation `noise_level` (8-bit levels) soft, the weight being DiffPIR's
    ``sigma^2 ab / (1 - ab)``: the input decides while the image is noisier than it is, the prior after that.
    """
    if noise_level == 0:
        return project(x0, low_res, reduction)
    weight = (noise_level / LEVELS * c.sqrt_ab / c.sqrt_1mab) ** 2
    return reduction.proximal(x0, low_res, weight).clamp(-1.0, 1.0)


def corrected(corrector: Corrector, noise: Tensor, t: Tensor, condition: Tensor, sparsity: int) -> Tensor:
    """Let the corrector look at every shifted grid of `condition` (N,3,H,W), put together: what it knows without the prior.

    `noise` (N,3,H,W) stands for the running sample at the noisiest timestep `t` (N,).
    """
    x = condition.clone()
    for i in range(sparsity):
        for j in range(sparsity):
            grid = (..., slice(i, None, sparsity), slice(j, None, sparsity))
            x[grid] = corrector(noise[grid].contiguous(), t, condition[grid].contiguous())
    return x.clamp(-1.0, 1.0)
