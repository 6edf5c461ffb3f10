"""Where the condition touches the image: pure functions over grids.

The grid of sparsity k is one pixel in every k x k, ``G(x) = x[..., ::k, ::k]``. The fixed condition mask (FCM) is the
whole grid. The randomly adaptive one (RACM) keeps each grid pixel with a probability that follows the edges of the
current condition, ``p = minmax(|Laplace(gray(y))|) ** s``: structure stays tied to the condition while flat skin is
left to the prior.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

GRAY_WEIGHTS = (0.2989, 0.587, 0.114)  # ITU-R BT.601 luma, the reference's rounding
LAPLACE_KERNEL = (0.0, 1.0, 0.0, 1.0, -4.0, 1.0, 0.0, 1.0, 0.0)  # row by row


def on_grid(x: Tensor, sparsity: int) -> Tensor:
    """Return the grid pixels of (..., H, W): a view (..., ceil(H/k), ceil(W/k)); writing to it writes to `x`."""
    return x[..., ::sparsity, ::sparsity]


def dense_mask(grid_mask: Tensor, sparsity: int, height: int, width: int) -> Tensor:
    """Spread a bool mask (N,1,h,w) over the grid of a full-size image; returns (N,1,H,W) bool, False off the grid."""
    mask = torch.zeros((grid_mask.shape[0], 1, height, width), dtype=torch.bool, device=grid_mask.device)
    on_grid(mask, sparsity).copy_(grid_mask)
    return mask


def fixed_mask(batch: int, sparsity: int, height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Make FCM's mask, every grid pixel: (N,1,H,W) bool whose mean is 1/k^2 where k divides H and W."""
    ones = torch.ones((batch, 1, -(-height // sparsity), -(-width // sparsity)), dtype=torch.bool, device=device)
    return dense_mask(ones, sparsity, height, width)


def edge_probability(condition_grid: Tensor, exponent: float) -> Tensor:
    """Compute RACM's keep probability from a condition (N,3,h,w): (N,1,h,w) in [0, 1], higher on edges.

    The absolute 4-neighbour Laplacian of the grey image, scaled to [0, 1] per sample, to the power `exponent`. A flat
    condition has no edges to keep and gives zeros.
    """
    weights = _constant(GRAY_WEIGHTS, condition_grid).view(1, 3, 1, 1)
    gray = (condition_grid * weights).sum(dim=1, keepdim=True)
    kernel = _constant(LAPLACE_KERNEL, condition_grid).view(1, 1, 3, 3)
    edges = F.conv2d(F.pad(gray, (1, 1, 1, 1), mode="reflect"), kernel).abs()
    low, high = edges.amin(dim=(2, 3), keepdim=True), edges.amax(dim=(2, 3), keepdim=True)
    span = high - low
    flat = span <= 1e-6  # rounding in the weighted sum, not structure: 8-bit edges are at least 0.001
    normalised = torch.where(
        flat, torch.zeros_like(edges), (edges - low) / torch.where(flat, torch.ones_like(span), span)
    )
    return normalised**exponent


def evenly(probability: Tensor) -> Tensor:
    """Spread a keep probability (N,1,h,w) evenly: as many pixels of each sample on average, but anywhere."""
    return probability.mean(dim=(2, 3), keepdim=True).expand_as(probability)


def _constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """`values` (n,) on the device of `like`, filled in there: a copy would make the CPU wait for the device."""
    return torch.stack([torch.full((), value, dtype=like.dtype, device=like.device) for value in values])
