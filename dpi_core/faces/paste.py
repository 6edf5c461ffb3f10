"""Paste-back: the restored crop warped into the photo under a soft mask.

``photo' = photo + w (warp(restored) - photo)`` with w falling from 1 on the face to 0 at its outline (`mask`) or, where
no points are known, towards the crop's edge. Where the untouched crop is given too, w also falls to 0 where restoration
changed nothing: there the photo keeps its own pixels, which may be finer than the crop's. Where something did change
the crop replaces the photo; adding only the difference would leave the noise and the JPEG blocks of a photo larger than
the crop under the new face.
"""

import math

import cv2
import numpy as np
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.faces.align import invert, scale_of, transform
from dpi_core.faces.mask import face_mask, soft_mask

CHANGED = 3.0  # a local mean difference of so many levels counts as a change
MARGIN = 1.25  # a crop reduced to just the photo's resolution would lose its finest detail twice
STRIP = 512  # rows handled at a time, which bounds memory


def change_mask(restored: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Make a (S,S) float32 mask in [0, 1]: 0 where the crop is untouched, 1 where it changed by `CHANGED` levels or more."""
    difference = np.abs(restored.astype(np.float32) - original.astype(np.float32)).mean(axis=2)
    spread = cv2.GaussianBlur(difference, (0, 0), max(1.0, restored.shape[0] / 48))
    return np.clip(spread / CHANGED, 0, 1) * (spread > 1e-3)


def paste_face(
    photo: np.ndarray,
    restored: np.ndarray,
    matrix: np.ndarray,
    *,
    original: np.ndarray | None = None,
    points: np.ndarray | None = None,
    left_alone: np.ndarray | None = None,
) -> np.ndarray:
    """Put a restored crop in its place in the photo.

    Args:
        photo: (H,W,3) uint8; left as it is.
        restored: (S,S,3) uint8.
        matrix: (2,3), photo points -> crop points, for a crop of S pixels: `Crop.matrix`, `rescaled` for another S.
        original: the untouched crop (S,S,3) uint8. With it, an unchanged crop leaves the photo bit-identical.
        points: the face's five points (5,2) or 68 landmarks (68,2) in the photo; the mask follows them. None = a
            rounded square.
        left_alone: (S,S) in [0, 1], 1 where the photo keeps its own pixels, such as `overlay.lettering`.

    Returns:
        (H,W,3) uint8, bit-identical to the photo outside of the mask.

    Raises:
        ValueError: if a shape does not fit, or the points allow no transform.
    """
    size = restored.shape[0]
    if restored.shape != (size, size, 3) or photo.ndim != 3 or photo.shape[2] != 3:
        raise DPIError(f"restored is {restored.shape} and photo {photo.shape}; expected (S, S, 3) and (H, W, 3).")
    if original is not None and original.shape != restored.shape:
        raise DPIError(f"original is {original.shape}; expected the restored crop's shape {restored.shape}.")
    out = photo.copy()
    height, width = photo.shape[:2]
    corners = transform(
        np.array([(-0.5, -0.5), (size - 0.5, -0.5), (size - 0.5, size - 0.5), (-0.5, size - 0.5)]), invert(matrix)
    )
    x0, y0 = (max(0, int(v)) for v in np.floor(corners.min(axis=0)))
    x1, y1 = (int(v) + 1 for v in np.ceil(corners.max(axis=0)))
    x1, y1 = min(width, x1), min(height, y1)
    if x0 >= x1 or y0 >= y1:
        return out
    mask = soft_mask(size) if points is None else face_mask(size, transform(points, matrix))
    if original is not None:
        mask = mask * change_mask(restored, original)
    if left_alone is not None:
        mask = mask * (1 - left_alone).astype(np.float32)
    face, face_matrix = _reduced(restored, matrix)
    for top in range(y0, y1, STRIP):
        bottom = min(y1, top + STRIP)
        shape = (x1 - x0, bottom - top)
        weight = _look(mask, matrix, x0, top, shape, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)[..., None]
        pixels = _look(face, face_matrix, x0, top, shape, cv2.INTER_LANCZOS4, cv2.BORDER_REPLICATE).astype(np.float32)
        below = photo[top:bottom, x0:x1].astype(np.float32)
        out[top:bottom, x0:x1] = np.clip(np.rint(below + weight * (pixels - below)), 0, 255).astype(np.uint8)
    return out


def rescaled(matrix: np.ndarray, size: int, new_size: int) -> np.ndarray:
    """Return the matrix (photo -> crop) for the same crop with `new_size` pixels a side in place of `size`."""
    ratio = new_size / size
    result = matrix * ratio
    result[:, 2] += 0.5 * ratio - 0.5
    return result


def _reduced(restored: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reduce the crop to near the photo's resolution where that is lower, so that the warp cannot alias."""
    size, scale = restored.shape[0], scale_of(matrix)
    side = max(2, math.ceil(MARGIN * size / scale))
    if side >= size:
        return restored, matrix
    small = np.asarray(Image.fromarray(restored).resize((side, side), Image.Resampling.LANCZOS))
    return small, rescaled(matrix, size, side)


def _look(
    crop: np.ndarray, matrix: np.ndarray, x0: int, y0: int, shape: tuple[int, int], how: int, border: int
) -> np.ndarray:
    """Warp the crop into the photo's window at (x0, y0) of `shape` (width, height)."""
    window = matrix.copy()
    window[:, 2] += matrix[:, :2] @ np.array([x0, y0], np.float64)
    return cv2.warpAffine(crop, window, shape, flags=how | cv2.WARP_INVERSE_MAP, borderMode=border)
