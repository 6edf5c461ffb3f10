"""Figures about a result. Images are (3,H,W) or (N,3,H,W) tensors in [-1, 1]; peak to peak is 2."""

import torch
from torch import Tensor

from dpi_core.degradation import downscale

MAX_DB = 99.0  # a figure that JSON can hold, beyond what 8 bit can tell apart


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, the mean over a batch of each pair's own, each at most 99 dB (equal images)."""
    a, b = _batched(a), _batched(b)
    mse = (a - b).square().mean(dim=(1, 2, 3))
    return float((10 * torch.log10(4.0 / mse)).clamp(max=MAX_DB).mean())


def ssim(a: Tensor, b: Tensor) -> float:
    """Structural similarity (Wang et al. 2004: 11-pixel Gaussian window) in [-1, 1], the mean over channels and batch."""
    from skimage.metrics import structural_similarity

    pairs = zip(_batched(a).cpu().numpy(), _batched(b).cpu().numpy(), strict=True)
    values = [
        structural_similarity(x, y, channel_axis=0, data_range=2.0, gaussian_weights=True, use_sample_covariance=False)
        for x, y in pairs
    ]
    return float(sum(values) / len(values))


def lr_consistency(result: Tensor, low_res: Tensor) -> float:
    """How well `result` explains its input: the PSNR in dB between the result, reduced the same way, and `low_res`."""
    result, low_res = _batched(result), _batched(low_res)
    reduced = downscale(result, result.shape[-1] / low_res.shape[-1])
    return psnr(reduced, low_res)


def seed_diversity(results: Tensor) -> Tensor:
    """The per-pixel standard deviation over seeds, (N,3,H,W) -> (H,W), averaged over the colour channels."""
    return results.std(dim=0, unbiased=False).mean(dim=0)


def _batched(x: Tensor) -> Tensor:
    return x[None] if x.ndim == 3 else x
