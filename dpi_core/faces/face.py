"""What a detector answers: faces in the pixels of the upright image it was given. Pixel centres are integers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dpi_core.errors import DPIError

INNER = 0.25  # of the area of a face: what lies inside it and is smaller is a part of it, not a second find of it
WITHIN = 0.7  # of a box inside another one
WEAKER = 0.1
DETECTORS = ("auto", "face-alignment", "yunet", "embedded")


@dataclass(frozen=True, eq=False)
class Face:
    """One face.

    Attributes:
        box: (x0, y0, x1, y1) in pixels; it may reach beyond the image.
        points: (5,2) in the order of `templates.POINT_NAMES`, or the 68 landmarks of iBUG 300-W (68,2).
        score: 0 to 1, comparable between faces of one detector only.
        detector: which one found it, a name out of `DETECTORS`.
    """

    box: tuple[float, float, float, float]
    points: np.ndarray
    score: float
    detector: str

    @property
    def area(self) -> float:
        """The box's area in square pixels."""
        return max(0.0, self.box[2] - self.box[0]) * max(0.0, self.box[3] - self.box[1])


@dataclass(frozen=True)
class DetectionReport:
    """The faces, largest first, the detector that ran and one line for the user on why it was this one."""

    faces: list[Face]
    detector_used: str
    note: str


def five_points(face: Face) -> np.ndarray:
    """Return left eye, right eye, nose, mouth left, mouth right (left and right of the image), (5,2) float64.

    Raises:
        ValueError: if the face has neither 5 nor 68 points.
    """
    return five_of(face.points)


def five_of(points: np.ndarray) -> np.ndarray:
    """Return `five_points` of five points (5,2) or 68 landmarks (68,2) without their face."""
    points = np.asarray(points, np.float64)
    if points.shape == (5, 2):
        return points
    if points.shape == (68, 2):
        return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[30], points[48], points[54]])
    raise DPIError(f"points has shape {points.shape}; allowed are (5, 2) and (68, 2).")


def largest_first(faces: list[Face]) -> list[Face]:
    """Sort the faces by the area of their boxes."""
    return sorted(faces, key=lambda face: face.area, reverse=True)


def overlap(a: Face, b: Face) -> float:
    """Compute intersection over the smaller box: 1 when one box lies inside the other."""
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    return max(0.0, width) * max(0.0, height) / max(1e-9, min(a.area, b.area))


def without_inner(faces: Sequence[Face]) -> list[Face]:
    """Drop what lies inside another's face, such as a face that a detector sees in a nose.

    A box that scores less than what it holds by more than `WEAKER` is no face around it and drops nothing.
    """

    def is_inner(face: Face, other: Face) -> bool:
        return face.area < INNER * other.area and overlap(face, other) > WITHIN and other.score >= face.score - WEAKER

    return [face for face in faces if not any(is_inner(face, other) for other in faces)]


def without_doubles(faces: Sequence[Face], limit: float = 0.5) -> list[Face]:
    """Keep the faces with the best scores, none inside another and none that overlaps a better one by more than `limit`."""
    kept: list[Face] = []
    for face in sorted(without_inner(faces), key=lambda face: face.score, reverse=True):
        if all(overlap(face, other) <= limit for other in kept):
            kept.append(face)
    return kept
