"""Figures about a result. Images are (3,H,W) or (N,3,H,W) tensors in [-1, 1]; peak to peak is 2."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.imaging.degradation import downscale
from dpi_core.method.masks import GRAY_WEIGHTS

MAX_DB = 99.0  # a figure that JSON can hold, beyond what 8 bit can tell apart
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5  # of SSIM, in pixels
GMSD_CONSTANT = 170.0  # the paper's, for 8-bit levels
LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]


def psnr(a: Tensor, b: Tensor) -> float:
    """Compute the peak signal-to-noise ratio in dB, the mean over a batch of each pair's own, each at most 99 dB."""
    a, b = _batched(a), _batched(b)
    mse = (a - b).square().mean(dim=(1, 2, 3))
    return float((10 * torch.log10(4.0 / mse)).clamp(max=MAX_DB).mean())


def ssim(a: Tensor, b: Tensor) -> float:
    """Compute structural similarity (Wang et al. 2004: 11-pixel Gaussian window) in [-1, 1], mean over channels and batch."""
    from skimage.metrics import structural_similarity

    pairs = zip(_batched(a).cpu().numpy(), _batched(b).cpu().numpy(), strict=True)
    values = [
        structural_similarity(x, y, channel_axis=0, data_range=2.0, gaussian_weights=True, use_sample_covariance=False)
        for x, y in pairs
    ]
    return float(sum(values) / len(values))


def ms_ssim(a: Tensor, b: Tensor) -> float:
    """Compute multi-scale structural similarity (Wang, Simoncelli, Bovik 2003) in [0, 1], mean over channels and batch.

    As many of the five scales as an 11-pixel window fits (four at 128 pixels), their weights renormalised to sum 1.

    Raises:
        ValueError: if a side is below 11 pixels.
    """
    a, b = _batched(a), _batched(b)
    side = min(a.shape[2:])
    if side < WINDOW:
        raise DPIError(f"the images are {a.shape[3]}x{a.shape[2]} pixels; MS-SSIM needs at least {WINDOW} a side.")
    scales = sum(side // 2**i >= WINDOW for i in range(len(SCALE_WEIGHTS)))
    weights = torch.tensor(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    result = torch.ones(a.shape[:2], device=a.device)
    for i, weight in enumerate(weights.tolist()):
        whole, contrast = _structure(a, b)
        result = result * (whole if i == scales - 1 else contrast).clamp(min=0) ** weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return float(result.mean())


def _structure(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure part, each (N,3), the means over the image."""
    offsets = torch.arange(WINDOW, dtype=a.dtype, device=a.device) - WINDOW // 2
    line = torch.exp(-offsets.square() / (2 * SIGMA**2))
    line = line / line.sum()

    def blur(x: Tensor) -> Tensor:
        rows = F.conv2d(x.flatten(0, 1)[:, None], line.view(1, 1, 1, -1))
        return F.conv2d(rows, line.view(1, 1, -1, 1)).view(*x.shape[:2], -1)

    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    contrast = (2 * (blur(a * b) - mean_a * mean_b) + c2) / (var_a + var_b + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * contrast).mean(dim=2), contrast.mean(dim=2)


def gmsd(a: Tensor, b: Tensor) -> float:
    """Compute the gradient magnitude similarity deviation (Xue et al. 2014): 0 for equal images, mean over a batch.

    Of the grey images at half their size: Prewitt gradients, their similarity pixel by pixel, and its standard deviation.
    """
    x, y = _gradient(a), _gradient(b)
    similarity = (2 * x * y + GMSD_CONSTANT) / (x.square() + y.square() + GMSD_CONSTANT)
    return float(similarity.flatten(1).std(dim=1, unbiased=False).mean())


def _gradient(x: Tensor) -> Tensor:
    """Gradient magnitudes (N,1,H/2,W/2) of grey images, in 8-bit levels."""
    x = (_batched(x) + 1) * LEVELS
    half = F.avg_pool2d((x * x.new_tensor(GRAY_WEIGHTS).view(1, 3, 1, 1)).sum(dim=1, keepdim=True), 2)
    across = half.new_tensor([[1, 0, -1]] * 3) / 3
    return torch.hypot(*F.conv2d(half, torch.stack([across, across.T])[:, None], padding=1).split(1, dim=1))


def lr_consistency(result: Tensor, low_res: Tensor) -> float:
    """Measure how well `result` explains its input: the PSNR in dB between the result, reduced the same way, and `low_res`."""
    result, low_res = _batched(result), _batched(low_res)
    reduced = downscale(result, result.shape[-1] / low_res.shape[-1])
    return psnr(reduced, low_res)


def rms_levels(a: Tensor, b: Tensor) -> Tensor:
    """Measure how far each pair of images (N,3,H,W) is apart: the root mean square in 8-bit levels, (N,).

    Between two seeds of one face it is their diversity (more is more varied), between the end of FCM and the result what RACM
    adds.
    """
    return (_batched(a) - _batched(b)).square().mean(dim=(1, 2, 3)).sqrt() * LEVELS


def seed_diversity(results: Tensor) -> Tensor:
    """Compute the per-pixel standard deviation over seeds, (N,3,H,W) -> (H,W), averaged over the colour channels."""
    return results.std(dim=0, unbiased=False).mean(dim=0)


def _batched(x: Tensor) -> Tensor:
    return x[None] if x.ndim == 3 else x
