"""Low-resolution simulation: what a camera, a resize or a messenger does to a face.

Everything resamples with pixel centres aligned and anti-aliasing, so a degraded image never shifts against the original.
The mild form is one bicubic reduction (the super-resolution literature); the blind one follows the chain of blind face
restoration, blur -> reduce -> noise -> JPEG (GFPGAN, Wang et al. 2021, eq. 1).
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.method.resampling import resize


def quantize(x: Tensor) -> Tensor:
    """Round [-1, 1] values to the 256 levels an 8-bit file can hold."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def downscale(x: Tensor, scale: float) -> Tensor:
    """Make the low-resolution image of (N,3,H,W) in [-1, 1]: bicubic, 8 bit, (N,3,round(H/scale),round(W/scale)).

    Raises:
        ValueError: if `scale` is below 1 or leaves less than 2 pixels a side.
    """
    height, width = round(x.shape[2] / scale), round(x.shape[3] / scale)
    if scale < 1 or min(height, width) < 2:
        raise DPIError(f"scale is {scale:g} for {x.shape[3]}x{x.shape[2]} pixels; allowed is 1 to half the side.")
    return quantize(resize(x, height, width))


def through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Save an RGB image (H,W,3) uint8 as JPEG of that quality, 1 to 95, and read it again."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


@dataclass(frozen=True)
class Degradation:
    """One draw of the blind chain, in pixels and levels of the image it is applied to.

    Attributes:
        scale: reduction factor, 1 or more.
        kernel: "bicubic" or "area".
        blur: sigma of the Gaussian blur before the reduction, in pixels; 0 = none.
        noise: sigma of the noise after it, in 8-bit levels; 0 = none.
        jpeg: JPEG quality 1 to 95, or None.
    """

    scale: float = 8.0
    kernel: str = "bicubic"
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None

    def apply(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Degrade an RGB image (H,W,3) uint8; returns (h,w,3) uint8 with h = round(H / scale)."""
        if self.blur > 0:
            face = np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(self.blur)))
        x = torch.from_numpy(face.astype(np.float32)).permute(2, 0, 1)[None]
        low = resize(
            x, max(2, round(face.shape[0] / self.scale)), max(2, round(face.shape[1] / self.scale)), self.kernel
        )
        out = low[0].permute(1, 2, 0).numpy()
        if self.noise > 0:
            out = out + rng.normal(0.0, self.noise, out.shape)
        out = np.clip(np.rint(out), 0, 255).astype(np.uint8)
        return out if self.jpeg is None else through_jpeg(out, self.jpeg)


def random_degradation(rng: np.random.Generator) -> Degradation:
    """Draw a degradation: half plain bicubic at x4, x8 or x16, half blind at x1 to x16 with blur, noise and JPEG."""
    if rng.random() < 0.5:
        return Degradation(scale=float(rng.choice([4, 8, 16])))
    return blind_degradation(rng)


def blind_degradation(rng: np.random.Generator) -> Degradation:
    """Draw one of the blind chain: x1 to x16, each of blur, noise and JPEG in three cases of five."""
    return Degradation(
        scale=float(2 ** rng.uniform(0, 4)),
        kernel=str(rng.choice(["bicubic", "area"])),
        blur=float(rng.uniform(0.2, 3.0)) if rng.random() < 0.6 else 0.0,
        noise=float(rng.uniform(0, 15)) if rng.random() < 0.6 else 0.0,
        jpeg=int(rng.integers(40, 95)) if rng.random() < 0.6 else None,
    )
