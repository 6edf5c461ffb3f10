"""The one place where 8-bit pixels become tensors in [-1, 1] and back."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_tensor(pixels: np.ndarray | Tensor) -> Tensor:
    """Convert (H,W,3) or (N,H,W,3) uint8 to (1,3,H,W) or (N,3,H,W) float in [-1, 1]."""
    x = pixels if isinstance(pixels, Tensor) else torch.from_numpy(np.array(pixels))
    x = x[None] if x.ndim == 3 else x
    return x.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def to_image(x: Tensor) -> Image.Image:
    """Convert (3,H,W) in [-1, 1] to an RGB picture; values outside are clipped."""
    return Image.fromarray(((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy())
