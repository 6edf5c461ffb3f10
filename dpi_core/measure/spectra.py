"""Where in the spectrum a result has too little or too much: fine detail, grain and the mask's grid.

Powers are of the grey image (ITU-R BT.601) in squared 8-bit levels, its mean taken off, under a Hann window, so that the edges
of the picture do not leak into the fine end (Harris 1978). A power means something only beside the true faces': `amplitude`
and `decibels` make the two figures of it that are told.
"""

from collections.abc import Callable
from math import log10

import torch
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.method.masks import GRAY_WEIGHTS

DETAIL_BAND = (0.2, 0.4)  # cycles a pixel, from the middle of the spectrum in any direction
GRAIN_ABOVE = 0.44  # cycles a pixel, both across and down


def detail_power(x: Tensor) -> Tensor:
    """Measure the power of fine detail, from 0.2 to 0.4 cycles a pixel in any direction: skin, hair, lashes.

    `x` is (N,3,H,W) in [-1, 1]; returns the mean power a bin of each image, (N,). Below the true faces' is soft.
    """
    low, high = DETAIL_BAND
    return _mean_power(x, lambda down, across: (torch.hypot(down, across) - (low + high) / 2).abs() <= (high - low) / 2)


def grain_power(x: Tensor) -> Tensor:
    """Measure the power where both frequencies exceed 0.44 cycles a pixel: a chequered grain that photographs lack.

    `x` is (N,3,H,W) in [-1, 1]; returns the mean power a bin of each image, (N,). Above the true faces' is grainy.
    """
    return _mean_power(x, lambda down, across: torch.minimum(down, across) > GRAIN_ABOVE)


def octave_power(x: Tensor, top: float) -> Tensor:
    """Measure the power of the octave below `top` cycles a pixel, in any direction.

    `x` is (N,3,H,W) in [-1, 1]; returns the mean power a bin of each image, (N,).
    """

    def octave(down: Tensor, across: Tensor) -> Tensor:
        radius = torch.hypot(down, across)
        return (radius >= top / 2) & (radius < top)

    return _mean_power(x, octave)


def amplitude(ratio: float) -> float:
    """Tell a ratio of powers as one of amplitudes: 1 is as much as the truth has."""
    return max(ratio, 0.0) ** 0.5


def decibels(ratio: float) -> float:
    """Tell a ratio of powers in dB: 0 is as much as the truth has; nothing at all is -99."""
    return 10 * log10(max(ratio, 10**-9.9))


def grid_energy(x: Tensor, sparsity: int) -> float:
    """Measure the spectral energy of (N,3,H,W) at the mask's frequency, one cycle in `sparsity` pixels: does the grid show?

    The mean power, in squared 8-bit levels a bin of the orthonormal transform, within H/32 bins of (1/k, 0), (0, 1/k)
    and (1/k, 1/k) cycles a pixel. Compare it with true faces': only what exceeds theirs is the grid.

    Raises:
        ValueError: if `sparsity` is below 2, where there is no grid to see.
    """
    if sparsity < 2:
        raise DPIError(f"sparsity is {sparsity}; allowed is 2 or more.")
    x = x[None] if x.ndim == 3 else x
    power = torch.fft.fft2(x.float() * 127.5, norm="ortho").abs().square().mean(dim=(0, 1))
    height, width = power.shape
    reach = max(1, height // 32)
    row, column = round(height / sparsity), round(width / sparsity)
    spots = [
        power.roll((reach - i, reach - j), dims=(0, 1))[: 2 * reach + 1, : 2 * reach + 1].mean()
        for i, j in ((row, 0), (0, column), (row, column))
    ]
    return float(torch.stack(spots).mean())


def _mean_power(x: Tensor, inside: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    x = x[None] if x.ndim == 3 else x
    gray = (x.float() * x.new_tensor(GRAY_WEIGHTS).view(1, 3, 1, 1)).sum(dim=1) * 127.5
    gray = gray - gray.mean(dim=(1, 2), keepdim=True)
    down, across = (torch.hann_window(side, periodic=False, device=x.device) for side in gray.shape[1:])
    power = torch.fft.fft2(gray * down[:, None] * across, norm="ortho").abs().square()
    rows, columns = (torch.fft.fftfreq(side, device=x.device).abs() for side in gray.shape[1:])
    return power[:, inside(rows[:, None].expand(power.shape[1:]), columns.expand(power.shape[1:]))].mean(dim=1)
