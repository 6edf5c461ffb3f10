"""What JPEG leaves of a picture."""

from io import BytesIO

import numpy as np
from PIL import Image


def through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Save an RGB image (H,W,3) uint8 as JPEG of that quality, 1 to 95, and read it again."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))
