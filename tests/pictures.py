"""Small pictures for the tests of reading them."""

from io import BytesIO

import numpy as np
from PIL import Image

from dpi_core.imaging.pictures import read_image


def pixels_of(source) -> np.ndarray:
    image = read_image(source)
    assert image.mode == "RGB"
    return np.asarray(image)


def photo(height=24, width=40) -> np.ndarray:
    """A picture that no flip or turn leaves as it is."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 2 % 256], axis=2).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
