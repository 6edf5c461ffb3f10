"""Where a restored crop replaces the photo: weights that follow the face and vanish before hair, neck and the crop's edge.

The outline comes from the points. The mean face's oval is carried from the tight template to five points by
``A = (similarity + affine) / 2``: the affine fit alone would make the head of somebody who looks aside as thin as the
distance of his eyes, the similarity alone would put the oval beside his face. With 68 landmarks it is the hull of jaw
and brows, the brows raised to the hairline. The weight is a raised cosine of the distance to the outline or to the
crop's edge, whichever is nearer: ``w = (1 - cos(pi min(1, d / feather))) / 2``.
"""

import cv2
import numpy as np

from dpi_core.errors import DPIError
from dpi_core.faces.align import invert, similarity, transform
from dpi_core.faces.templates import TIGHT_200

FEATHER = 0.14  # width of the soft edge, as a part of the crop's side
OVAL = (96.5, 80.0, 88.0, 112.0, 114.0)  # centre x and y, half width, half height above and below, in the tight 200 px
CORNER = 2.3  # exponent of the oval: an ellipse has 2, a jaw is a little squarer
FOREHEAD = 0.75  # from the brows to the hairline, in distances between eyes and mouth
STEPS = 72


def soft_mask(size: int, feather: float = FEATHER) -> np.ndarray:
    """Make a (size,size) float32 mask: 1 inside a rounded square, 0 on its edge and beyond, a raised cosine between."""
    centre = (size - 1) / 2
    offset = np.abs(np.arange(size) - centre)
    radius, half = 0.3 * size, centre
    x, y = np.meshgrid(offset, offset)
    dx, dy = np.maximum(x - (half - radius), 0), np.maximum(y - (half - radius), 0)
    inside = radius - np.hypot(dx, dy)  # distance to the rounded edge where it is near
    inside = np.where((dx > 0) | (dy > 0), inside, radius)
    return _cosine(inside / (feather * size))


def face_mask(size: int, points: np.ndarray, feather: float = FEATHER) -> np.ndarray:
    """Make a (size,size) float32 mask in [0, 1]: 1 on the face, 0 outside of its outline and on the crop's edge.

    Args:
        size: the crop's side in pixels.
        points: the face's five points (5,2) or 68 landmarks (68,2), in the crop's pixels.
        feather: width of the soft edge inside the outline, as a part of the side.

    Raises:
        ValueError: if the points have another shape or allow no transform.
    """
    fraction = 4  # bits of sub-pixel position
    outline = np.rint(np.clip(face_outline(points), -8 * size, 9 * size) * (1 << fraction)).astype(np.int32)
    filled = np.zeros((size, size), np.uint8)
    cv2.fillPoly(filled, [outline], 255, shift=fraction)
    inside = np.zeros((size + 2, size + 2), np.uint8)  # what lies outside of the crop counts as outside of the face
    inside[2:-2, 2:-2] = filled[1:-1, 1:-1]
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    # squared it is a whole number: so rounded, no run differs in the last bit, as OpenCV's square root does from call to call
    distance = np.sqrt(np.rint(distance.astype(np.float64) ** 2))
    return _cosine(distance / (feather * size))


def face_outline(points: np.ndarray) -> np.ndarray:
    """Draw the closed outline (n,2) of the face, hairline to chin, around five points (5,2) or 68 landmarks (68,2).

    Raises:
        ValueError: if the points have another shape or allow no transform.
    """
    points = np.asarray(points, np.float64)
    if points.shape == (5, 2):
        return transform(_mean_oval(), _half_affine(TIGHT_200.array(), points))
    if points.shape == (68, 2):
        eyes, mouth = points[36:48].mean(axis=0), points[48:68].mean(axis=0)
        raised = points[17:27] + FOREHEAD * (eyes - mouth)
        hull = cv2.convexHull(np.concatenate([points[:27], raised]).astype(np.float32))
        return hull[:, 0].astype(np.float64)
    raise DPIError(f"points has shape {points.shape}; allowed are (5, 2) and (68, 2).")


def _mean_oval() -> np.ndarray:
    x, y, width, above, below = OVAL
    angle = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    out = np.stack([np.sign(cos) * np.abs(cos) ** (2 / CORNER), np.sign(sin) * np.abs(sin) ** (2 / CORNER)], axis=1)
    return out * np.where(sin[:, None] < 0, (width, above), (width, below)) + (x, y)


def _half_affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Compute the (2,3) half-way between the best similarity and the best affine transform from source to target (n,2)."""
    alike = invert(similarity(target, source))  # this way round, points that all coincide are refused
    columns = np.hstack([source, np.ones((len(source), 1))])
    affine = np.linalg.lstsq(columns, target, rcond=None)[0].T
    return (affine + alike) / 2


def _cosine(x: np.ndarray) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0, 1))).astype(np.float32)
