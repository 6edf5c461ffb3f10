"""Alignment: the similarity transform from a face's points to a template, and the crop it cuts.

For points p and template points q, ``min over s, R, d of sum |s R p + d - q|^2`` has Umeyama's closed form (PAMI 1991):
with the centred covariance ``q p^T / n = U D V^T``, ``R = U S V^T`` and ``s = tr(D S) / var(p)``, where S keeps
det R = 1 (a face is never mirrored). A template with a rule of its own (`Quad`) is aligned by that rule where a face has
its 68 landmarks. Pixel centres carry integer coordinates everywhere.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.faces.beyond import soften_beyond
from dpi_core.faces.face import five_of
from dpi_core.faces.templates import TEMPLATES, Quad, Template

WARPED = 32766  # OpenCV warps no side of 32,767 pixels or more


@dataclass(frozen=True)
class Crop:
    """An aligned face: `pixels` (S,S,3) uint8 and `matrix` (2,3), which takes photo points to crop points."""

    pixels: np.ndarray
    matrix: np.ndarray


def template_named(template: str | Template) -> Template:
    """Return a template by name, or the template itself.

    Raises:
        ValueError: if the name is unknown.
    """
    if isinstance(template, Template):
        return template
    if template not in TEMPLATES:
        raise DPIError(f"template is {template!r}; allowed are {', '.join(sorted(TEMPLATES))}.")
    return TEMPLATES[template]


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Fit the (2,3) float64 similarity (rotation, one scale, shift) that takes points (n,2) closest to `target` (n,2).

    Raises:
        ValueError: if the points are not two matching lists, hold NaN or infinity, or all coincide.
    """
    p, q = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if p.shape != q.shape or p.ndim != 2 or p.shape[1] != 2 or len(p) < 2:
        raise DPIError(f"points have shapes {p.shape} and {q.shape}; both must be (n, 2) with n >= 2.")
    if not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise DPIError("points hold NaN or infinity.")
    p_mean, q_mean = p.mean(axis=0), q.mean(axis=0)
    variance = (p - p_mean).var(axis=0).sum()
    if variance < 1e-12:
        raise DPIError("points all coincide; a similarity transform needs at least two different ones.")
    u, d, vt = np.linalg.svd((q - q_mean).T @ (p - p_mean) / len(p))
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt)) or 1.0])
    linear = (u * sign) @ vt * float((d * sign).sum() / variance)
    return np.hstack([linear, (q_mean - linear @ p_mean)[:, None]])


def quad_similarity(points: np.ndarray, quad: Quad, size: int) -> np.ndarray:
    """Compute the (2,3) similarity that takes the square a `Quad` lays around five or 68 points to a crop of `size`.

    With e the vector from eye to eye, m from the eyes' middle to the mouth's and R a quarter turn, the square stands along
    ``x = e - R m`` made ``max(eyes |e|, mouth |m|)`` long: half of its side.

    Raises:
        ValueError: if the points have another shape, hold NaN or infinity, or all coincide.
    """
    left, right, _, mouth_left, mouth_right = five_of(points)
    across, middle = right - left, (left + right) / 2
    down = (mouth_left + mouth_right) / 2 - middle
    x = across + np.array([down[1], -down[0]])
    if not np.isfinite(x).all() or np.hypot(*x) < 1e-6:
        raise DPIError("points hold NaN or infinity, or eyes and mouth coincide; a face cannot be aligned by them.")
    x *= max(quad.eyes * np.hypot(*across), quad.mouth * np.hypot(*down)) / np.hypot(*x)
    corner = middle + quad.down * down - x - np.array([-x[1], x[0]])
    to_photo = np.array([[x[0], -x[1]], [x[1], x[0]]]) * (2 / size)
    # Pixel u of the crop has its middle (u + 0.5) pixels from the corner.
    return invert(np.hstack([to_photo, (corner + to_photo @ (0.5, 0.5))[:, None]]))


def face_matrix(points: np.ndarray, template: Template) -> np.ndarray:
    """Compute the (2,3) similarity that aligns five points (5,2) or 68 landmarks (68,2) of a photo to a template.

    Raises:
        ValueError: if the points have another shape or allow no transform.
    """
    if template.quad is not None and np.shape(points) == (68, 2):
        return quad_similarity(points, template.quad, template.size)
    return similarity(five_of(points), template.array())


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map points (n,2) through a (2,3) affine matrix."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: np.ndarray) -> np.ndarray:
    """Invert an affine matrix (2,3)."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.hstack([linear, -(linear @ matrix[:, 2])[:, None]])


def scale_of(matrix: np.ndarray) -> float:
    """Crop pixels per photo pixel of a similarity."""
    return math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))


def crop_face(image: np.ndarray, points: np.ndarray, template: str | Template = "tight-128") -> Crop:
    """Cut the face whose `points`, five (5,2) or 68 (68,2), lie in `image` (H,W,3) uint8, aligned to a template.

    What the crop shows beyond the photo's edge is the photo mirrored, blurred and faded (`beyond`).

    Raises:
        ValueError: for an unknown template or points that allow no transform.
    """
    target = template_named(template)
    matrix = face_matrix(points, target)
    pixels = warp_to_crop(image, matrix, target.size)
    return Crop(soften_beyond(pixels, matrix, image.shape[1], image.shape[0]), matrix)


def warp_to_crop(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Warp `image` (H,W,3) uint8 by `matrix` (photo -> crop) to (size,size,3) uint8; anti-aliased when it shrinks.

    Work and memory follow the crop's area in the photo, once, whatever the photo's size.
    """
    shrink = 1 / scale_of(matrix)
    if shrink >= 4 or max(image.shape[:2]) > WARPED:
        image, matrix = _reduced_region(image, matrix, size, max(1, int(shrink // 2)))
        shrink = 1 / scale_of(matrix)
    # Sampling finer than the photo and reducing with a proper kernel cannot alias; at scale 1 nothing is added.
    factor = 1 if shrink <= 1.05 else math.ceil(shrink)
    fine = matrix * factor
    fine[:, 2] += (factor - 1) / 2
    side = size * factor
    pixels = cv2.warpAffine(image, fine, (side, side), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    if factor == 1:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC))


def _reduced_region(image: np.ndarray, matrix: np.ndarray, size: int, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut the part of the photo a crop needs, averaged over squares of `factor` pixels, and its matrix to the crop."""
    height, width = image.shape[:2]
    corners = transform(np.array([(-1, -1), (size, -1), (size, size), (-1, size)]), invert(matrix))
    margin = 2 * factor if factor > 1 else 5  # unreduced pixels are read by Lanczos' window, four to each side
    x0, y0 = np.floor(corners.min(axis=0)).astype(int) - margin
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + margin
    x0, y0 = int(np.clip(x0, 0, width - 1)), int(np.clip(y0, 0, height - 1))
    x1, y1 = int(np.clip(x1, x0 + 1, width)), int(np.clip(y1, y0 + 1, height))
    region = image[y0:y1, x0:x1]
    right, bottom = -region.shape[1] % factor, -region.shape[0] % factor
    region = cv2.copyMakeBorder(region, 0, bottom, 0, right, cv2.BORDER_REFLECT)
    small = cv2.resize(region, (region.shape[1] // factor, region.shape[0] // factor), interpolation=cv2.INTER_AREA)
    # photo = factor * (small + 0.5) - 0.5 + corner
    linear = matrix[:, :2] * factor
    shift = matrix[:, :2] @ np.array([x0 + (factor - 1) / 2, y0 + (factor - 1) / 2]) + matrix[:, 2]
    return small, np.hstack([linear, shift[:, None]])
