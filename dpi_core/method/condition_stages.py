"""The two stages of DPI: what each puts on the grid of the next sample (Yang et al. 2025, FCM and RACM).

FCM    G(x) = y                                      the whole grid follows the condition
RACM   G(x) = A (w y + (1 - w) G(x)) + (1 - A) G(x)  only where A ~ Bernoulli(edges^s), and less and less: w = min(1, t / omega)
"""

import torch
from torch import Tensor

from dpi_core.method.masks import on_grid


def fcm(x: Tensor, y: Tensor, sparsity: int) -> Tensor:
    """Put the condition `y` (N,3,H/k,W/k), noised to the level of `x` (N,3,H,W), on the whole grid of `x`, in place.

    Returns:
        the grid of `x` (N,3,H/k,W/k), a view.
    """
    return on_grid(x, sparsity).copy_(y)


def racm(x: Tensor, y: Tensor, kept: Tensor, weight: float, sparsity: int) -> Tensor:
    """Mix the condition `y` (N,3,H/k,W/k) into the grid of `x` (N,3,H,W) with `weight`, where `kept` (N,1,H/k,W/k), in place.

    Returns:
        the grid of `x` (N,3,H/k,W/k), a view.
    """
    grid = on_grid(x, sparsity)
    return grid.copy_(torch.where(kept, weight * y + (1 - weight) * grid, grid))
