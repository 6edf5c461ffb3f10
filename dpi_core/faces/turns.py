"""Faces of photos that lie on their side or stand on their head, by a detector that sees upright faces best.

A face seen the wrong way up scores less than upright, and some are not seen at all; so does the photo as a whole:
``evidence = sum over faces of log((1 - least) / (1 - score))``, as if each score were a probability. The other three
quarter turns are looked at only where the photo as it is leaves a doubt: no face, or one less sure than `SURE`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dpi_core.faces import yunet
from dpi_core.faces.face import Face, without_doubles
from dpi_core.faces.tiles import smallest_faces, with_small_faces

SURE = 0.92  # upright faces of photographs score 0.9 to 0.95, seen the wrong way up at most 0.91
LEAST = 0.8  # of a face; what scores less only says where to look again
SURER = 0.85  # of a face that only tiles or another turn show: more views are more chances for a false one
DOUBT = 0.05  # taken off the score of a face of another turn: it has to be clearly better than one of the photo's own


def detect(image: np.ndarray) -> list[Face]:
    """Find the faces of an RGB image (H,W,3) uint8 in any quarter turn, small ones too, with points made steady."""
    finds = {0: yunet.detect(image)}
    if not finds[0] or min(face.score for face in finds[0]) < SURE:
        finds |= {quarters: yunet.detect(turned(image, quarters)) for quarters in (1, 2, 3)}
    best = _surest(finds)
    for quarters in [best] if finds[best] else finds:
        seen = finds[quarters]
        found = with_small_faces(turned(image, quarters), seen, yunet.detect_small, quick=True)
        finds[quarters] = [face for face in found if face in seen or face.score >= SURER]
    best = _surest(finds)
    height, width = image.shape[:2]
    faces = [turned_back(face, best, width, height) for face in finds[best] if face.score >= LEAST]
    for quarters in finds.keys() - {best}:
        for face in finds[quarters]:
            if face.score >= SURER:
                faces.append(turned_back(replace(face, score=face.score - DOUBT), quarters, width, height))
    if not faces:
        faces = [face for face in smallest_faces(image, yunet.detect_small) if face.score >= SURER]
    return [yunet.refined(image, face) for face in without_doubles(faces)]


def _surest(finds: dict[int, list[Face]]) -> int:
    return max(finds, key=lambda quarters: evidence(finds[quarters]))


def evidence(faces: Sequence[Face]) -> float:
    """Tell how surely a photo stands upright when these are its faces, 0 for none."""
    return sum(math.log((1 - yunet.SCORE) / max(1e-3, 1 - face.score)) for face in faces)


def turned(image: np.ndarray, quarters: int) -> np.ndarray:
    """Turn an image counterclockwise by quarter turns."""
    return np.ascontiguousarray(np.rot90(image, quarters))


def turned_back(face: Face, quarters: int, width: int, height: int) -> Face:
    """Take a face of ``np.rot90(image, quarters)`` to the pixels of the image (width x height)."""

    def back(points: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        there = {0: (x, y), 1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}
        return np.stack(there[quarters], axis=1)

    (x0, y0), (x1, y1) = back(np.reshape(face.box, (2, 2)))
    box = (float(min(x0, x1)), float(min(y0, y1)), float(max(x0, x1)), float(max(y0, y1)))
    return Face(box, back(face.points), face.score, face.detector)
