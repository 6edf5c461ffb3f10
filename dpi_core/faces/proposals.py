"""Where a face may be: hits of scikit-image's LBP cascade at several scales and small rotations, and a coarse grid.

A proposal is a square (centre, side, angle) about as wide as the tight crop of the face it may hold. The cascade finds
small upright faces; the grid, a few dozen squares, finds large, blurred and turned ones that the cascade misses.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dpi_core.faces.align import invert, transform
from dpi_core.faces.rgb import reduced

if TYPE_CHECKING:
    from skimage.feature import Cascade

CASCADE_MIN = 24  # the cascade's own window
TURNED_SIDE = 400  # rotated copies are smaller: they are for faces one looks at, not for a crowd
TURNS = (-28.0, 28.0)
GRID_STEP = 0.36
GRID_RATIO = 1.8
GRID_LEVELS = 3

Square = tuple[float, float, float, float]  # centre x, centre y, side in pixels, angle in radians


def cascade_squares(image: np.ndarray, turns: tuple[float, ...] = TURNS) -> list[Square]:
    """Hits of the cascade on an RGB image (H,W,3) uint8, upright and turned by some degrees."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small, ratio = reduced(grey, TURNED_SIDE)
    turned = [_turned(small, degrees) for degrees in turns] if min(small.shape) >= CASCADE_MIN * 2 else []
    with ThreadPoolExecutor() as pool:  # the cascade runs outside of Python's lock
        upright, *others = pool.map(_hits, [grey, *(picture for picture, _ in turned)])
    squares = [(x, y, side, 0.0) for x, y, side in upright]
    for hits, (_, matrix), degrees in zip(others, turned, turns, strict=False):
        for x, y, side in hits:
            u, v = (float(c) for c in transform(np.array([[x, y]]), invert(matrix))[0])
            squares.append(scaled_square((u, v, side, math.radians(degrees)), 1 / ratio))
    return squares


def grid_levels(width: int, height: int) -> list[list[Square]]:
    """Squares of one side each on a coarse grid over an image of that size, from its short side downwards."""
    levels = []
    for level in range(GRID_LEVELS):
        side = min(width, height) / GRID_RATIO**level
        if level and side < CASCADE_MIN:
            break
        step = side * GRID_STEP
        xs, ys = _centres(width, side, step), _centres(height, side, step)
        levels.append([(x, y, side, 0.0) for y in ys for x in xs])
    return levels


def scaled_square(square: Square, ratio: float) -> Square:
    """The square in a copy of the image `ratio` times its size."""
    x, y, side, angle = square
    return ((x + 0.5) * ratio - 0.5, (y + 0.5) * ratio - 0.5, side * ratio, angle)


def _centres(length: int, side: float, step: float) -> list[float]:
    """Centres of windows of `side` that cover 0..length, at most `step` apart."""
    free = max(0.0, length - side)
    count = 1 + math.ceil(free / step)
    first = (length - free - 1) / 2
    return [first + free * i / max(1, count - 1) for i in range(count)] if count > 1 else [(length - 1) / 2]


def _hits(grey: np.ndarray) -> list[tuple[float, float, float]]:
    """Centre and side of each hit on a grey image (H,W) uint8, as pixel centres count."""
    short = min(grey.shape)
    if short < CASCADE_MIN + 2:
        return []
    found = _cascade().detect_multi_scale(
        grey, 1.2, 1.5, (CASCADE_MIN, CASCADE_MIN), (short, short), min_neighbor_number=1
    )
    return [
        (hit["c"] + (hit["width"] - 1) / 2, hit["r"] + (hit["height"] - 1) / 2, float(hit["width"])) for hit in found
    ]


def _turned(grey: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The image turned so that a face inclined by `degrees` (clockwise) stands upright, and the (2,3) that did it."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    new = (math.ceil(width * cos + height * sin), math.ceil(width * sin + height * cos))
    matrix[:, 2] += ((new[0] - width) / 2, (new[1] - height) / 2)
    return cv2.warpAffine(grey, matrix, new, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), matrix


@lru_cache(maxsize=1)
def _cascade() -> "Cascade":
    import skimage.data
    from skimage.feature import Cascade

    return Cascade(skimage.data.lbp_frontal_face_cascade_filename())
