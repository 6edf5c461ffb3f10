"""Lettering and watermarks over a face, which a prior turns into smudges: told from the face, they are left as they were.

A pixel belongs to one where two things come together. It is an outlier of the finest detail: ``|crop - half| >= OUTLIER``
times what is usual on this face, half being the crop at half its resolution, since letters are printed sharply onto a
photo that is not sharp (or it need not be restored). And the restored face is far from it, since the prior knows no letters:
``|median3(crop - restored)| >= FAR`` levels, the median against single grains. Eyes and teeth are outliers too, but come back.
"""

import cv2
import numpy as np
from PIL import Image

SIDE = 128  # of the crop that is looked at, whatever the prior's
OUTLIER, LEAST_OUTLIER = 10.0, 15.0  # times the usual; levels
FAR = 32.0
LEAST_SHARE = 0.02  # of the face: opaque lettering has more, what a prior sees through less
REACH = 4  # pixels around an outlier that are left alone, too: strokes and their smudges are wider than their edges
GAUSSIAN = 0.6745  # the median of |x| for x of standard deviation 1


def lettering(crop: np.ndarray, restored: np.ndarray, face: np.ndarray) -> np.ndarray | None:
    """Find what lies over a face and is none.

    Args:
        crop: (S,S,3) uint8, the aligned crop as it is in the photo.
        restored: (S,S,3) uint8, the same restored.
        face: (S,S), above 0.5 on the face (`mask.face_mask`).

    Returns:
        (S,S) float32, 1 on it, 0 elsewhere, soft between; None where there is nothing, or too little to be sure.
    """
    size = crop.shape[0]
    before, after = (_resized(pixels, SIDE).astype(np.float32) for pixels in (crop, restored))
    inside = cv2.resize(face.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0.5
    grey = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(grey, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    fine = np.abs(grey - cv2.resize(half, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
    usual = float(np.median(fine[inside])) / GAUSSIAN if inside.any() else 0.0
    far = np.abs(cv2.medianBlur(before - after, 3)).mean(axis=2) >= FAR
    far = cv2.dilate(far.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # the median thins a stroke
    found = (fine >= max(LEAST_OUTLIER, OUTLIER * usual)) & far & inside
    if found.sum() < LEAST_SHARE * inside.sum() or not found.any():
        return None
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    spread = cv2.GaussianBlur(cv2.dilate(found.astype(np.float32), around), (0, 0), 1.0)
    return cv2.resize(spread, (size, size), interpolation=cv2.INTER_LINEAR)


def _resized(pixels: np.ndarray, side: int) -> np.ndarray:
    if pixels.shape[0] == side:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))
