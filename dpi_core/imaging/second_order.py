"""The second-order degradation of real photographs (Real-ESRGAN, Wang et al. 2021): blur, resize, noise and JPEG, twice over.

A picture that was taken, shrunk, saved, sent, shrunk and saved again. Probabilities and ranges are the published ones; the
second resize and the sinc filter, which rings as sharpening does, end at the size asked for.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dpi_core.imaging.degradation import through_jpeg
from dpi_core.method.resampling import resize

KERNEL_SIDES = tuple(range(7, 22, 2))  # pixels
SINC_SHARE, FINAL_SINC_SHARE, SECOND_BLUR_SHARE, GREY_NOISE_SHARE, ROUND_SHARE = 0.1, 0.8, 0.8, 0.4, 0.69
KERNELS = ("area", "bilinear", "bicubic")


@dataclass(frozen=True)
class Order:
    """The ranges that one pass draws from: blur sigma (pixels), resize factor with the chances of up, down and same, noise
    (8-bit levels), strength of Poisson noise, JPEG quality."""

    blur: tuple[float, float]
    resize: tuple[float, float]
    chances: tuple[float, float, float]
    noise: tuple[float, float]
    poisson: tuple[float, float]
    jpeg: tuple[int, int] = (30, 95)


FIRST = Order((0.2, 3.0), (0.15, 1.5), (0.2, 0.7, 0.1), (1, 30), (0.05, 3.0))
SECOND = Order((0.2, 1.5), (0.3, 1.2), (0.3, 0.4, 0.3), (1, 25), (0.05, 2.5))


@dataclass(frozen=True)
class SecondOrder:
    """Draw a degradation of two passes for each face; `scale` is the reduction that they come to."""

    scale: float = 4.0

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Degrade an RGB image (H,W,3) uint8; returns (h,w,3) uint8 with h = round(H / scale)."""
        height, width = face.shape[:2]
        end = max(2, round(height / self.scale)), max(2, round(width / self.scale))
        x = torch.from_numpy(face.astype(np.float32)).permute(2, 0, 1)[None]
        x = _filtered(x, _blur_kernel(rng, FIRST.blur))
        x = _noisy(_resized(x, (height, width), FIRST, rng), FIRST, rng)
        x = _saved(x, rng, FIRST)
        if rng.random() < SECOND_BLUR_SHARE:
            x = _filtered(x, _blur_kernel(rng, SECOND.blur))
        x = _noisy(_resized(x, end, SECOND, rng), SECOND, rng)
        final = _sinc_kernel(rng) if rng.random() < FINAL_SINC_SHARE else None
        if rng.random() < 0.5:
            x = _saved(_ended(x, end, final, rng), rng, SECOND)
        else:
            x = _ended(_saved(x, rng, SECOND), end, final, rng)
        return _pixels(x)


def _resized(x: Tensor, base: tuple[int, int], order: Order, rng: np.random.Generator) -> Tensor:
    low, high = order.resize
    spans = ((1.0, high), (low, 1.0), (1.0, 1.0))
    factor = rng.uniform(*spans[rng.choice(3, p=order.chances)])
    return _to(x, (max(2, round(base[0] * factor)), max(2, round(base[1] * factor))), rng)


def _ended(x: Tensor, end: tuple[int, int], final: Tensor | None, rng: np.random.Generator) -> Tensor:
    x = _to(x, end, rng)
    return x if final is None else _filtered(x, final)


def _to(x: Tensor, size: tuple[int, int], rng: np.random.Generator) -> Tensor:
    kernel = KERNELS[rng.integers(3)]
    if kernel == "bilinear":
        return F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
    return resize(x, *size, kernel)


def _noisy(x: Tensor, order: Order, rng: np.random.Generator) -> Tensor:
    grey = rng.random() < GREY_NOISE_SHARE
    shape = (1, 1 if grey else 3, *x.shape[2:])
    if rng.random() < 0.5:
        noise = rng.normal(0.0, rng.uniform(*order.noise), shape)
    else:  # as many quanta as levels that are in use, as published
        levels = (x.mean(dim=1, keepdim=True) if grey else x).clamp(0, 255).round()
        light = levels.numpy() / 255
        quanta = 2.0 ** np.ceil(np.log2(len(np.unique(light))))
        noise = (rng.poisson(light * quanta) / quanta - light) * 255 * rng.uniform(*order.poisson)
    return x + torch.from_numpy(noise).float()


def _saved(x: Tensor, rng: np.random.Generator, order: Order) -> Tensor:
    saved = through_jpeg(_pixels(x), int(rng.integers(order.jpeg[0], order.jpeg[1] + 1)))
    return torch.from_numpy(saved.astype(np.float32)).permute(2, 0, 1)[None]


def _pixels(x: Tensor) -> np.ndarray:
    return x[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()


def _filtered(x: Tensor, kernel: Tensor) -> Tensor:
    # a face of few pixels may be smaller than the kernel: its edge is repeated, not mirrored
    reach = len(kernel) // 2
    padded = F.pad(x, (reach,) * 4, mode="replicate")
    return F.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)


def _blur_kernel(rng: np.random.Generator, sigmas: tuple[float, float]) -> Tensor:
    """Draw a Gaussian, in some cases turned, generalised or with a plateau, or a sinc in one of ten."""
    if rng.random() < SINC_SHARE:
        return _sinc_kernel(rng)
    y, x = _offsets(int(rng.choice(KERNEL_SIDES)))
    wide, narrow, angle = rng.uniform(*sigmas), rng.uniform(*sigmas), rng.uniform(-np.pi, np.pi)
    if rng.random() < ROUND_SHARE:
        narrow = wide
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    square = (u / wide) ** 2 + (v / narrow) ** 2
    shape = rng.choice(3, p=(0.7, 0.15, 0.15))
    if shape == 0:
        values = np.exp(-square / 2)
    elif shape == 1:
        values = np.exp(-(square ** rng.uniform(0.5, 4)) / 2)
    else:
        values = 1 / (1 + square ** rng.uniform(1, 2))
    return _normalised(values)


def _sinc_kernel(rng: np.random.Generator) -> Tensor:
    """Draw a circular low-pass filter, J1(c r) c / (2 pi r) with a cutoff c from pi / 3 to pi."""
    y, x = _offsets(int(rng.choice(KERNEL_SIDES)))
    cutoff, r = rng.uniform(np.pi / 3, np.pi), np.hypot(y, x)
    bessel = torch.special.bessel_j1(torch.from_numpy(cutoff * r)).numpy()
    values = np.where(r == 0, cutoff**2 / (4 * np.pi), cutoff * bessel / (2 * np.pi * np.where(r == 0, 1, r)))
    return _normalised(values)


def _offsets(side: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.arange(side) - side // 2
    return np.meshgrid(line, line, indexing="ij")


def _normalised(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values / values.sum()).float()
