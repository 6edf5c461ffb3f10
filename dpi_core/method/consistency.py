"""The exact data-consistency step: the image nearest to x that, reduced, is the low-resolution face again.

Reduction is linear and separable, ``low = A x B^T``, so the least change is the null-space projection (DDNM, Wang et
al. 2023, eq. 9) with the pseudo-inverses of two small matrices:

    x' = x + A^+ (low - A x B^T) (B^+)^T

What it adds is smooth, and only what contradicts the input is changed: detail between the low-resolution pixels stays.
Where that leaves [-1, 1] the image is clipped and projected again, a few times over.
"""

import torch
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.method.resampling import resize

ROUNDS = 8


def project(x: Tensor, low_res: Tensor) -> Tensor:
    """Project images (N,3,H,W) in [-1, 1] onto those that reduce bicubically to `low_res` (N or 1,3,h,w).

    Exact where nothing had to be clipped to [-1, 1], as good as exact elsewhere.

    Raises:
        ValueError: if `low_res` is larger than `x`, or its batch does not fit.
    """
    (height, width), (low_height, low_width) = x.shape[2:], low_res.shape[2:]
    if low_height > height or low_width > width or low_res.shape[0] not in (1, x.shape[0]):
        raise DPIError(
            f"low_res has shape {tuple(low_res.shape)} for images {tuple(x.shape)}; it must be no larger, "
            "and one for each image or one for all."
        )
    rows, columns = _reduction(height, low_height).to(x), _reduction(width, low_width).to(x)
    rows_back, columns_back = torch.linalg.pinv(rows), torch.linalg.pinv(columns)
    for _ in range(ROUNDS):
        x = (x + rows_back @ (low_res - rows @ x @ columns.T) @ columns_back.T).clamp(-1.0, 1.0)
    return x


def _reduction(size: int, reduced: int) -> Tensor:
    """Make the (reduced, size) matrix of the bicubic reduction of a line."""
    return resize(torch.eye(size)[None, None], reduced, size)[0, 0]
