"""Resampling as the method defines it: anti-aliased, pixel centres aligned, so that nothing ever shifts."""

import torch.nn.functional as F
from torch import Tensor


def resize(x: Tensor, height: int, width: int, kernel: str = "bicubic") -> Tensor:
    """Resample (N,C,H,W) to height x width, anti-aliased, pixel centres aligned; `kernel` is "bicubic" or "area"."""
    if x.shape[2:] == (height, width):
        return x
    if kernel == "area":
        return F.interpolate(x, (height, width), mode="area")
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True, align_corners=False)


def dense_condition(low_res: Tensor, height: int, width: int) -> Tensor:
    """Upsample the low-resolution face (N,3,h,w) in [-1, 1] to the method's condition, height x width, clipped."""
    return resize(low_res, height, width).clamp(-1, 1)
