"""Pictures as the detectors want them: RGB, uint8, contiguous, no larger than needed."""

import cv2
import numpy as np
from PIL import Image

from dpi_core.errors import DPIError


def to_rgb(image: "Image.Image | np.ndarray") -> np.ndarray:
    """Convert a PIL image of any mode, or a grey, RGB or RGBA uint8 array, to (H,W,3) uint8. Alpha is dropped.

    Raises:
        ValueError: for an array of another shape or type.
    """
    if isinstance(image, Image.Image):
        if image.mode.startswith("I;16") or image.mode == "I":  # convert() would clip 16 bits to 8
            levels = np.clip(np.asarray(image, np.int64), 0, 65535)
            image = Image.fromarray((levels // 257).astype(np.uint8))
        return np.ascontiguousarray(np.asarray(image.convert("RGB")))
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise DPIError(
            f"image is {array.dtype} {array.shape}; expected uint8 (H, W), (H, W, 3) or (H, W, 4), or a PIL image."
        )
    if array.ndim == 2:
        array = array[..., None]
    return np.ascontiguousarray(np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[..., :3])


def reduced(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Return a copy of at most `side` pixels a side, and its size relative to the image (1 or less).

    A point p of the copy shows ``(p + 0.5) / ratio - 0.5`` of the image in both directions, though one side is rounded.
    """
    ratio = min(1.0, side / max(image.shape[:2]))
    if ratio == 1.0:
        return image, 1.0
    if round(min(image.shape[:2]) * ratio) < 1:
        width, height = (max(1, round(side * ratio)) for side in image.shape[1::-1])
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), ratio
    # Given the factors and not the size, OpenCV samples by them: by the size, a far corner would be pixels off.
    return cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA), ratio
