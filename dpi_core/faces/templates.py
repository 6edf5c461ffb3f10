"""Alignment templates as data: where the five points of a face lie in the square crop a prior was trained on.

A data set aligned by a rule has the rule beside the points: FFHQ's square (`Quad`) is computed from the landmarks of each
face, and its five points are only the mean of what comes out.

Pixel centres carry integer coordinates, so a template for `size` pixels rescales as ``(p + 0.5) * new / size - 0.5``.
"""

from dataclasses import dataclass

import numpy as np

POINT_NAMES = ("left eye", "right eye", "nose", "mouth left", "mouth right")  # left and right of the image


@dataclass(frozen=True)
class Quad:
    """A square laid around a face by the middles of its eyes and the corners of its mouth (`align.quad_similarity`).

    Attributes:
        eyes: half of the side, in distances between the eyes; the larger of this and the next counts.
        mouth: half of the side, in distances from the middle of the eyes to the middle of the mouth.
        down: from the middle of the eyes to the square's middle, in distances from there to the mouth.
    """

    eyes: float
    mouth: float
    down: float


@dataclass(frozen=True)
class Template:
    """A square crop of `size` pixels a side and the five points (x, y) in it, in the order of `POINT_NAMES`.

    `quad` is the rule that faces with 68 landmarks are aligned by, where the data set has one.
    """

    size: int
    points: tuple[tuple[float, float], ...]
    quad: Quad | None = None

    def array(self) -> np.ndarray:
        """Return the points as (5,2) float64."""
        return np.array(self.points, np.float64)

    def resized(self, size: int) -> "Template":
        """Return the same crop with `size` pixels a side."""
        if size == self.size:
            return self
        scaled = (self.array() + 0.5) * (size / self.size) - 0.5
        return Template(size, tuple((float(x), float(y)) for x, y in scaled), self.quad)


# Means over 13,528 aligned training photographs (200x200), each point the mean of YuNet's on 16 views of it: one view of so
# tight a crop puts the mouth up to 3.6 pixels too high.
TIGHT_200 = Template(200, ((58.92, 58.40), (137.40, 58.37), (98.00, 103.39), (65.12, 137.83), (131.39, 137.74)))

# The constants of the script that made FFHQ (Karras et al. 2019): c = eyes + 0.1 (mouth - eyes), half a side
# max(2.0 |eye to eye|, 1.8 |eyes to mouth|).
FFHQ_QUAD = Quad(eyes=2.0, mouth=1.8, down=0.1)

# FFHQ-style alignment at 512 pixels, the five points that face restoration tools share (facexlib, GFPGAN, CodeFormer).
FFHQ_512 = Template(
    512,
    (
        (192.98138, 239.94708),
        (318.90277, 240.1936),
        (256.63416, 314.01935),
        (201.26117, 371.41043),
        (313.08905, 371.15118),
    ),
    FFHQ_QUAD,
)

TEMPLATES = {
    "tight-128": TIGHT_200.resized(128),
    "ffhq-256": FFHQ_512.resized(256),
}


def template_for(prior: str) -> Template:
    """Return the crop that a prior expects, as far as its name or folder tells before it is loaded."""
    from dpi_core.weights.known import known_of

    known = known_of(prior)
    return TEMPLATES[known.template].resized(known.image_size)
