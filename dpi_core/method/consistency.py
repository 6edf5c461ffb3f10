"""Data consistency: the images nearest to x that, reduced, agree with the low-resolution face.

Hard, the null-space projection (DDNM, Wang et al. 2023, eq. 9); soft, DiffPIR's proximal step (Zhu et al. 2023, eq. 12),
for an input that is noisy itself:

    hard    x' = x + A^+ (low - A x)
    soft    x' = argmin_z |low - A z|^2 + weight |z - x|^2

What they add is smooth, and only what contradicts the input is changed: detail between the low-resolution pixels stays.
Where that leaves [-1, 1] the image is clipped and, if hard, projected again, a few times over.
"""

from torch import Tensor

from dpi_core.method.reduction import Reduction

ROUNDS = 8


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
