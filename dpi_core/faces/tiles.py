"""Small faces in large photos: detectors see a copy of `COPY` pixels, where a face of a crowd has a dozen.

Where the copy shows faces smaller than `SMALL` pixels, or none, the photo is looked at again at twice the copy's
resolution in overlapping tiles (a quick detector does so for every large photo: guests may stand behind a bride). A tile
that holds a face still that small is looked at once more at twice that, and so on up to the photo's own pixels; a quick
detector goes beyond them where faces are `TINY` there, or a small photo shows none, and last of all where nothing was
found. With r the size of a level relative to the photo and o a tile's corner in it, a point p of the tile lies at
``(p + o + 0.5) / r - 0.5`` in the photo, exactly.

Neighbouring tiles share `OVERLAP` pixels, so a face cut by a tile's edge is whole in the next tile and dropped here. What
is found twice counts once: first the larger faces of the copy, which shows them whole, then the finest level's, then the
rest.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from dpi_core.faces.face import Face, overlap, without_inner
from dpi_core.faces.rgb import reduced

COPY = 1280
ENOUGH = 1.25  # a photo no larger than the copy by this factor hides nothing in it
SMALL = 40.0  # of a face's box, in pixels of the level it is seen at
TINY = 24.0  # of a face's box in the photo's own pixels: enlarged, it scores more, and others as small come to light
LEAST, MOST, ENLARGED = 2.0, 4.0, 1600  # how much a photo is enlarged, and the side aimed at in between
LAST, LAST_PIXELS = 3.0, 36_000_000  # how much the photo is enlarged before it is said to show no face, and to how much
TILE, OVERLAP = 960, 160
EDGE = 1.0  # a box this near a tile's inner edge is cut
SHARED = 0.35  # of the smaller box: so much overlap makes two finds one face

Look = Callable[[np.ndarray], list[Face]]
Window = tuple[int, int, int, int]  # x0, y0, x1, y1


def with_small_faces(image: np.ndarray, faces: list[Face], look: Look, *, quick: bool = False) -> list[Face]:
    """Add the small faces that tiles show to those found on the copy.

    Args:
        image: (H,W,3) uint8.
        faces: what the detector found on a copy of at most `COPY` pixels a side, in the pixels of `image`.
        look: the detector on one tile (h,w,3) uint8 of at most `TILE` pixels a side, faces in the tile's pixels.
        quick: look at tiles also where the copy shows large faces only, and enlarge a photo whose own pixels show faces
            smaller than `TINY`, or none.
    """
    side = max(image.shape[:2])
    ratio = min(1.0, COPY / side)
    whole = ratio * ENOUGH > 1
    if faces and not quick and not _small(faces, ratio):
        return faces
    levels, near = [faces], None  # the first level is looked at whole: a small face is seldom alone
    while ratio * ENOUGH <= 1:
        ratio = min(1.0, 2 * ratio)
        found = _look_at(image, ratio, look, near)
        levels.append(found)
        near = _small(found, ratio)
        if not near:
            break
    tiny = _small(levels[-1], ratio, TINY)
    if quick and ratio * ENOUGH > 1 and (tiny or (whole and not faces)):
        levels.append(_look_at(image, min(MOST, max(LEAST, ENLARGED / side)), look, None if whole else tiny))
    if len(levels) == 1:
        return faces
    first = min(1.0, COPY / side)
    large = [face for face in faces if face not in _small(faces, first)]
    return merged([large, *reversed(levels[1:]), faces])


def smallest_faces(image: np.ndarray, look: Look) -> list[Face]:
    """Find faces of 10 to 16 pixels in a photo (H,W,3) uint8 that shows no others: in tiles of it enlarged threefold.

    Empty where `with_small_faces` has enlarged it as much, and for photos too large to be enlarged twofold.
    """
    ratio = min(LAST, (LAST_PIXELS / (image.shape[0] * image.shape[1])) ** 0.5)
    if ratio < LEAST or ratio * max(image.shape[:2]) <= ENLARGED:
        return []
    return _look_at(image, ratio, look, None)


def merged(groups: Sequence[Sequence[Face]]) -> list[Face]:
    """Keep each face once: those of an earlier group first, within a group those with better scores."""
    kept: list[Face] = []
    outer = without_inner([face for group in groups for face in group])
    for group in groups:
        for face in sorted(group, key=lambda face: face.score, reverse=True):
            if face in outer and all(face is not other and overlap(face, other) <= SHARED for other in kept):
                kept.append(face)
    return kept


def windows(width: int, height: int) -> list[Window]:
    """Lay tiles of at most `TILE` pixels a side over an image of that size, `OVERLAP` or more shared by neighbours."""
    return [(x0, y0, x1, y1) for y0, y1 in _spans(height) for x0, x1 in _spans(width)]


def _spans(length: int) -> list[tuple[int, int]]:
    if length <= TILE:
        return [(0, length)]
    count = 1 + -(-(length - TILE) // (TILE - OVERLAP))
    size = min(TILE, 1 + -(-(length + (count - 1) * OVERLAP) // count))  # 1: the starts are rounded
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    return [(start, start + size) for start in starts]


def _look_at(image: np.ndarray, ratio: float, look: Look, near: list[Face] | None) -> list[Face]:
    """Find the faces in tiles of a copy `ratio` times the photo's size, or in those that hold the centre of one of `near`."""
    if ratio > 1:
        level = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_LINEAR)
    else:
        level, ratio = reduced(image, round(max(image.shape[:2]) * ratio))
    height, width = level.shape[:2]
    found = []
    for window in windows(width, height):
        if near is not None and not any(_holds(window, face, ratio) for face in near):
            continue
        x0, y0, x1, y1 = window
        for face in look(np.ascontiguousarray(level[y0:y1, x0:x1])):
            if not _cut(face, window, width, height):
                found.append(_in_photo(face, x0, y0, ratio))
    return merged([found])


def _in_photo(face: Face, x0: int, y0: int, ratio: float) -> Face:
    """Move a face of a tile at (x0, y0) of a copy `ratio` times the photo's size to the photo's pixels."""
    points = (np.asarray(face.points, np.float64) + (x0, y0) + 0.5) / ratio - 0.5
    left, top, right, bottom = (
        (v + offset + 0.5) / ratio - 0.5 for v, offset in zip(face.box, (x0, y0, x0, y0), strict=True)
    )
    return Face((left, top, right, bottom), points, face.score, face.detector)


def _small(faces: Sequence[Face], ratio: float, side: float = SMALL) -> list[Face]:
    return [face for face in faces if face.area**0.5 * ratio < side]


def _holds(window: Window, face: Face, ratio: float) -> bool:
    x, y = ((face.box[i] + face.box[i + 2] + 1) / 2 * ratio - 0.5 for i in (0, 1))
    return window[0] <= x < window[2] and window[1] <= y < window[3]


def _cut(face: Face, window: Window, width: int, height: int) -> bool:
    """Whether a box (in the tile's pixels) reaches an edge of its tile that is not the image's."""
    x0, y0, x1, y1 = window
    left, top, right, bottom = face.box
    return bool(
        (x0 > 0 and left < EDGE)
        or (y0 > 0 and top < EDGE)
        or (x1 < width and right > x1 - x0 - 1 - EDGE)
        or (y1 < height and bottom > y1 - y0 - 1 - EDGE)
    )
