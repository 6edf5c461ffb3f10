"""The detector that is always there: proposals, each judged and refined by the embedded landmark network.

A proposal is looked at three times: as proposed, then in the frame its own points ask for, then once more there, this
time mirrored too. A face stays a face when it stands in the right frame, and its points stop moving; most false hits
fail one of the two.
"""

import math

import numpy as np

from dpi_core.faces.align import invert, scale_of, similarity, transform
from dpi_core.faces.face import Face, without_doubles
from dpi_core.faces.proposals import TURNS, Square, cascade_squares, grid_levels, scaled_square
from dpi_core.faces.rgb import reduced
from dpi_core.faces.templates import TIGHT_200

MAX_SIDE, LARGE_SIDE = 900, 1280  # of the copy that proposals are made on, for photos up to and beyond LARGE pixels
LARGE = 1800
MIN_SIDE = 12  # smaller images hold no face that could be found
FRACTION = 0.72  # of the crop's side that the proposed square fills
FIRST_SCORE, SCORE = 0.3, 0.97  # 98 % of the held-out faces score 0.98 or more, even reduced by 16 (the model card)
TURNED_SCORE = 0.98  # three more views of a photo without a face are three more chances for a false one
MAX_MOVE = 0.12  # between the last two looks, in eye distances
MAX_MISFIT = 0.22  # of the points from the best similarity of the template, root mean square in eye distances
BOX = (21.0, -32.0, 182.0, 195.0)  # the face in pixels of the 200x200 tight crop, hairline to chin, as YuNet's


def detect(image: np.ndarray) -> list[Face]:
    """Faces of an RGB image (H,W,3) uint8, with five points; turned photos are tried where the upright one has none."""
    if min(image.shape[:2]) < MIN_SIDE:
        return []
    small, ratio = reduced(image, MAX_SIDE if max(image.shape[:2]) <= LARGE else LARGE_SIDE)
    faces = _detect_upright(small)
    if not faces:
        faces = _detect_turned(small)
    return [_at_full_size(face, image, ratio) for face in faces]


def _detect_upright(image: np.ndarray, turns: tuple[float, ...] = TURNS, least: float = SCORE) -> list[Face]:
    from dpi_core.faces.landmark_net import CROP_SIZE, embedded_landmark_net, frame_of, predict_points

    network = embedded_landmark_net()
    height, width = image.shape[:2]
    looks = [(image, 1.0, cascade_squares(image, turns))]
    for squares in grid_levels(width, height):  # a copy in which the squares have the crop's size makes cheap crops
        copy, ratio = reduced(image, math.ceil(max(width, height) * min(1.0, CROP_SIZE * FRACTION / squares[0][2])))
        looks.append((copy, ratio, squares))
    found = []
    for copy, ratio, squares in looks:
        matrices = [proposal_matrix(scaled_square(square, ratio), CROP_SIZE) for square in squares]
        points, scores = predict_points(network, copy, matrices)
        found.append((points[scores > FIRST_SCORE] + 0.5) / ratio - 0.5)
    points = np.concatenate(found)
    before, scores = predict_points(network, image, [frame_of(p) for p in points])
    before, scores = _unique(before[scores > FIRST_SCORE], scores[scores > FIRST_SCORE])
    points, scores = predict_points(network, image, [frame_of(p) for p in before], mirrored=True)
    faces = [
        Face(_box(now), now, float(score), "embedded")
        for now, then, score in zip(points, before, scores, strict=True)
        if score >= least and _steady(now, then) and _misfit(now) < MAX_MISFIT and _inside(now, width, height)
    ]
    return without_doubles(faces)


def _detect_turned(image: np.ndarray) -> list[Face]:
    """Faces of a photo that lies on its side or stands on its head: the quarter turn with the best face decides."""
    best: list[Face] = []
    small, ratio = reduced(image, MAX_SIDE // 2)
    for quarters in (1, 3, 2):
        turned = np.ascontiguousarray(np.rot90(small, quarters))
        faces = [
            _turned_back(face, quarters, small.shape[1], small.shape[0])
            for face in _detect_upright(turned, (), TURNED_SCORE)
        ]
        if faces and (not best or max(f.score for f in faces) > max(f.score for f in best)):
            best = faces
    return [scaled(face, ratio) for face in best]


def _turned_back(face: Face, quarters: int, width: int, height: int) -> Face:
    """A face of ``np.rot90(image, quarters)`` in the pixels of the image (width x height)."""
    x, y = face.points[:, 0], face.points[:, 1]
    points = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[quarters]
    stacked = np.stack(points, axis=1)
    return Face(_box(stacked), stacked, face.score, face.detector)


def _at_full_size(face: Face, image: np.ndarray, ratio: float) -> Face:
    """A face of the reduced copy in the photo's pixels, its points found again there."""
    from dpi_core.faces.landmark_net import embedded_landmark_net, frame_of, predict_points

    points = scaled(face, ratio).points
    refined, _ = predict_points(embedded_landmark_net(), image, [frame_of(points)], mirrored=True)
    return Face(_box(refined[0]), refined[0], face.score, face.detector)


def scaled(face: Face, ratio: float) -> Face:
    """A face of a copy `ratio` times the size of the image, in the pixels of the image, its box made anew."""
    points = (face.points + 0.5) / ratio - 0.5
    return Face(_box(points), points, face.score, face.detector)


def proposal_matrix(square: Square, size: int) -> np.ndarray:
    """(2,3) from the image to a crop of `size` pixels with the square upright in its middle."""
    x, y, side, angle = square
    scale = size * FRACTION / side
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    return np.hstack([linear, ((size - 1) / 2 - linear @ (x, y))[:, None]])


def _unique(points: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best of the proposals that ended on one face: points within a fifth of the eye distance of each other."""
    kept: list[int] = []
    for i in np.argsort(-scores):
        eyes = _eyes(points[i])
        if all(np.linalg.norm(points[i] - points[j], axis=1).mean() > 0.2 * max(eyes, _eyes(points[j])) for j in kept):
            kept.append(int(i))
    return points[kept], scores[kept]


def _eyes(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


def _steady(now: np.ndarray, then: np.ndarray) -> bool:
    return float(np.linalg.norm(now - then, axis=1).mean()) < MAX_MOVE * _eyes(now)


def _misfit(points: np.ndarray) -> float:
    """How far five points are from a face's: after the best similarity, in eye distances of the template."""
    target = TIGHT_200.array()
    moved = transform(points, similarity(points, target))
    return float(np.sqrt(np.square(moved - target).sum(axis=1).mean()) / _eyes(target))


def _inside(points: np.ndarray, width: int, height: int) -> bool:
    """At least four of the points lie in the image."""
    return int(((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(axis=1).sum()) >= 4


def _box(points: np.ndarray) -> tuple[float, float, float, float]:
    """The upright box around the face that five points belong to."""
    matrix = invert(similarity(points, TIGHT_200.array()))
    x0, y0, x1, y1 = BOX
    centre = transform(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]), matrix)[0]
    half = np.array([x1 - x0, y1 - y0]) / 2 * scale_of(matrix)
    turn = abs(math.atan2(matrix[1, 0], matrix[0, 0]))
    cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
    half = np.array([half[0] * cos + half[1] * sin, half[0] * sin + half[1] * cos])
    return (
        float(centre[0] - half[0]),
        float(centre[1] - half[1]),
        float(centre[0] + half[0]),
        float(centre[1] + half[1]),
    )
