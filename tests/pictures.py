"""Small pictures for the tests of reading them."""

from io import BytesIO
from pathlib import Path

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


def group(path: Path) -> Path:
    """Write a photo of three faces that differ in size, none of them sharp."""
    portrait = Image.open(Path(__file__).parents[1] / "assets" / "examples" / "astronaut.jpg").crop((60, 0, 380, 260))
    picture = Image.new("RGB", (1000, 300), "gray")
    for left, width in ((0, 360), (370, 320), (700, 240)):
        picture.paste(portrait.resize((width, width * 260 // 320)), (left, 0))
    picture.save(path)
    return path
