"""How sharp a photograph is: the share of its spectral energy above half of Nyquist."""

import torch
from torch import Tensor

EDGES = {128: (-25.0, -22.0, -19.0), 256: (-32.0, -26.0, -23.0)}  # dB between the buckets, by pixels a side
CLASSES = 5  # not told, and four buckets
UNTOLD = 0


def sharpness(pixels: Tensor) -> Tensor:
    """Measure the share of energy beyond a quarter of a cycle a pixel, (N,) in dB, of square images (N,3,S,S) of any range.

    Of the grey image without its mean, under a Hann window, by the radius of the frequency.
    """
    grey = pixels.float().mean(dim=1)
    grey = grey - grey.mean(dim=(1, 2), keepdim=True)
    window = torch.hann_window(grey.shape[-1], periodic=False, device=grey.device)
    power = torch.fft.fft2(grey * window[:, None] * window).abs().square()
    frequency = torch.fft.fftfreq(grey.shape[-1], device=grey.device)
    fine = torch.hypot(frequency[:, None], frequency[None]) > 0.25
    share = (power * fine).sum(dim=(1, 2)) / power.sum(dim=(1, 2)).clamp(min=1e-12)
    return 10 * share.clamp(min=1e-12).log10()


def bucket(decibels: Tensor, size: int) -> Tensor:
    """Return the class (N,) of faces as sharp as `decibels` (N,) at `size` pixels a side: 1 = softest .. 4 = sharpest."""
    nearest = min(EDGES, key=lambda side: abs(side - size))
    return 1 + torch.bucketize(decibels, torch.tensor(EDGES[nearest], device=decibels.device))
