"""What a crop shows where it leaves the photo: the photo mirrored, ever more blurred, fading into its median colour.

A sharp mirror image puts a second mouth or a row of false hair under a face near the photo's edge, and a prior draws them
out. The FFHQ script blurs and fades its padding for this; its numbers are used here (in parts of the crop's side), save
that it begins inside the photo, while here every pixel of the photo stays: with d the distance from the photo's edge,

    crop' = crop + (G(crop) - crop) min(1, 3 d / PAD);    crop'' = crop' + (median - crop') min(1, d / PAD).
"""

import cv2
import numpy as np

PAD = 0.3
BLUR = 0.02  # sigma of G


def soften_beyond(crop: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """Blur and fade what lies outside of its photo in an aligned crop (S,S,3) uint8.

    Args:
        crop: cut with mirrored edges.
        matrix: (2,3), points of the photo (`width` x `height`) -> points of the crop.

    Returns:
        (S,S,3) uint8, bit-identical where the photo reaches; `crop` itself if it reaches everywhere.
    """
    size = crop.shape[0]
    away = distance_beyond(size, matrix, width, height) / size
    if not away.any():
        return crop
    pixels = crop.astype(np.float32)
    blurred = cv2.GaussianBlur(pixels, (0, 0), max(0.5, BLUR * size), borderType=cv2.BORDER_REFLECT)
    out = pixels + (blurred - pixels) * np.clip(3 * away / PAD, 0, 1)[..., None]
    median = np.median(crop, axis=(0, 1)).astype(np.float32)
    out += (median - out) * np.clip(away / PAD, 0, 1)[..., None]
    return np.where(away[..., None] > 0, np.clip(np.rint(out), 0, 255), pixels).astype(np.uint8)


def distance_beyond(size: int, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """Measure how far each pixel of a crop lies outside of the photo, in crop pixels, (size,size) float32; 0 inside."""
    inverse = cv2.invertAffineTransform(np.asarray(matrix, np.float64))
    u, v = np.meshgrid(np.arange(size), np.arange(size))
    x = inverse[0, 0] * u + inverse[0, 1] * v + inverse[0, 2]
    y = inverse[1, 0] * u + inverse[1, 1] * v + inverse[1, 2]
    dx = np.maximum(np.maximum(-0.5 - x, x - (width - 0.5)), 0)
    dy = np.maximum(np.maximum(-0.5 - y, y - (height - 0.5)), 0)
    scale = np.sqrt(abs(np.linalg.det(np.asarray(matrix)[:, :2])))
    return (np.hypot(dx, dy) * scale).astype(np.float32)
