"""YuNet (Wu et al. 2023, MIT), bundled: five points a face through `cv2.FaceDetectorYN`. It sees upright faces best.

YuNet's points move by some percent of the eye distance when a photo is shifted by a few pixels, and each view errs its
own way: `refined` shows it a face several times, upright and about 60 pixels wide, and takes the mean of what agrees.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from dpi_core.faces.align import invert, similarity, transform
from dpi_core.faces.face import Face, without_doubles
from dpi_core.faces.rgb import reduced
from dpi_core.faces.templates import TIGHT_200

SIDES = (1280, 480)  # YuNet sees faces of 10 to 300 pixels: small ones in the first copy, large ones in the second
MIN_SIDE = 16
SCORE = 0.7
VIEW_SIDE = 128
View = tuple[float, float, float]
# Of a view: the width of the tight crop in pixels and the shift of its middle; each is shown mirrored, too.
VIEWS: tuple[View, ...] = ((72.0, -6.0, 3.0), (80.0, 5.0, -7.0), (90.0, 1.0, 8.0))
AROUND = 4.0  # of the distance from the points' middle to the farthest: what the views show
AGREE = 0.25  # of a view with the face as it was found, mean over the points in eye distances
ROUNDS = 2  # the second time the views stand straight
SWAPPED = [1, 0, 2, 4, 3]  # the five points after a mirror: left and right are the image's


def detect(image: np.ndarray) -> list[Face]:
    """Find the faces of an RGB image (H,W,3) uint8 that stand upright in it, in copies of `SIDES`."""
    faces: list[Face] = []
    seen: set[tuple[int, ...]] = set()
    for side in SIDES:
        small, ratio = reduced(image, side)
        if small.shape not in seen:
            seen.add(small.shape)
            faces += _look(small, ratio)
    if not faces:
        # A face that fills the frame is found once there is something around it, a grainy one without its grain.
        small, ratio = reduced(image, SIDES[-1])
        half, half_ratio = reduced(image, max(small.shape[:2]) // 2)
        faces = _look(small, ratio, max(small.shape[:2]) // 3) + _look(half, half_ratio)
    return without_doubles(faces)


def detect_small(tile: np.ndarray) -> list[Face]:
    """Find the faces of a tile (H,W,3) uint8 as it is, in its pixels: one look, for small faces."""
    return without_doubles(_look(tile))


def refined(image: np.ndarray, face: Face, views: Sequence[View] = VIEWS) -> Face:
    """Find a face's points again, in the photo's own pixels and in any direction: the mean of the views that agree."""
    middle = face.points.mean(axis=0)
    reach = AROUND * float(np.linalg.norm(face.points - middle, axis=1).max())
    height, width = image.shape[:2]
    x0, y0 = (max(0, math.floor(v - reach)) for v in middle)
    x1, y1 = (min(side, math.ceil(v + reach) + 1) for v, side in zip(middle, (width, height), strict=True))
    if x1 <= x0 or y1 <= y0:
        return face
    small, ratio = reduced(np.ascontiguousarray(image[y0:y1, x0:x1]), 2 * VIEW_SIDE)
    points = (face.points - (x0, y0) + 0.5) * ratio - 0.5
    for _ in range(ROUNDS):
        points = _mean_of_views(small, points, views)
    return replace(face, points=(points + 0.5) / ratio - 0.5 + (x0, y0))


def _mean_of_views(image: np.ndarray, points: np.ndarray, views: Sequence[View]) -> np.ndarray:
    eyes = float(np.linalg.norm(points[1] - points[0]))
    upright = TIGHT_200.array() - 99.5
    found = []
    for width, x, y in views:
        matrix = similarity(points, upright * (width / 200) + (VIEW_SIDE - 1) / 2 + (x, y))
        view = cv2.warpAffine(image, matrix, (VIEW_SIDE, VIEW_SIDE), borderMode=cv2.BORDER_REFLECT_101)
        seen = [face.points for face in _look(view)]
        for face in _look(np.ascontiguousarray(view[:, ::-1])):
            seen.append((face.points * (-1, 1) + (VIEW_SIDE - 1, 0))[SWAPPED])
        there = [transform(five, invert(matrix)) for five in seen]
        found += [five for five in there if np.linalg.norm(five - points, axis=1).mean() < AGREE * eyes]
    return np.mean(found, axis=0) if found else points


def _look(small: np.ndarray, ratio: float = 1.0, margin: int = 0) -> list[Face]:
    """Find faces in a copy `ratio` times the photo's size, seen with a grey margin, in the photo's pixels."""
    if min(small.shape[:2]) + 2 * margin < MIN_SIDE:
        return []
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    if margin:
        bgr = cv2.copyMakeBorder(bgr, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    network, lock = _network()
    with lock:
        network.setInputSize((bgr.shape[1], bgr.shape[0]))
        rows = network.detect(bgr)[1]
    faces = []
    for row in rows if rows is not None else []:
        row = row.astype(np.float64)
        points = (row[4:14].reshape(5, 2) - margin + 0.5) / ratio - 0.5
        x, y, width, height = (row[:4] - (margin, margin, 0, 0)) / ratio
        faces.append(Face((x, y, x + width, y + height), points, float(row[14]), "embedded"))
    return faces


@lru_cache(maxsize=1)
def _network() -> "tuple[cv2.FaceDetectorYN, threading.Lock]":
    """Load the network, one for the process, with the lock it needs: it keeps its input size."""
    from dpi_core.weights.embedded_files import embedded_file

    path = embedded_file("detector")
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(2)  # errors only: OpenCV 5 warns about its own defaults here
    try:
        network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), SCORE, 0.3, 1000)
    finally:
        cv2.utils.logging.setLogLevel(before)
    return network, threading.Lock()
