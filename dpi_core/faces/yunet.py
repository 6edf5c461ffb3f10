"""YuNet (Wu et al. 2023, MIT): five points a face through `cv2.FaceDetectorYN`, from a 233 KB file fetched once."""

import threading
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from dpi_core.faces.download import RemoteFile, cache_folder, cached
from dpi_core.faces.face import Face, without_doubles
from dpi_core.faces.rgb import reduced

_PATH = "opencv/opencv_zoo/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx"
FILE = RemoteFile(
    "face_detection_yunet_2023mar.onnx",
    (
        f"https://media.githubusercontent.com/media/{_PATH}",
        f"https://github.com/{_PATH.replace('/main/', '/raw/main/')}",
    ),
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    1_000_000,
)
SIDES = (
    1280,
    480,
)  # YuNet sees faces of 10 to 300 pixels: the small ones in the first copy, the large ones in the second
SCORE = 0.7


def weights() -> Path | None:
    """The file in the cache folder, or None."""
    return cached(FILE, cache_folder())


def detect(image: np.ndarray, path: Path) -> list[Face]:
    """Faces of an RGB image (H,W,3) uint8, with the weights at `path`."""
    faces: list[Face] = []
    seen: set[tuple[int, int]] = set()
    for side in SIDES:
        small, ratio = reduced(image, side)
        if small.shape[:2] not in seen:
            seen.add(small.shape[:2])
            faces += _detect_at(small, ratio, path, 0)
    if not faces:  # a face that fills the frame is found once there is something around it
        small, ratio = reduced(image, SIDES[1])
        faces = _detect_at(small, ratio, path, max(small.shape[:2]) // 3)
    return without_doubles(faces)


def detect_small(tile: np.ndarray, path: Path) -> list[Face]:
    """Faces of a tile (H,W,3) uint8 as it is, in its pixels: one look, for small faces."""
    return without_doubles(_detect_at(tile, 1.0, path, 0))


def _detect_at(small: np.ndarray, ratio: float, path: Path, margin: int) -> list[Face]:
    """Faces of a copy `ratio` times the photo's size, looked at with a grey margin, in the photo's pixels."""
    if min(small.shape[:2]) + 2 * margin < 16:
        return []
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    if margin:
        bgr = cv2.copyMakeBorder(bgr, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    network, lock = _network(path)
    with lock:
        network.setInputSize((bgr.shape[1], bgr.shape[0]))
        rows = network.detect(bgr)[1]
    faces = []
    for row in rows if rows is not None else []:
        row = row.astype(np.float64)
        points = (row[4:14].reshape(5, 2) - margin + 0.5) / ratio - 0.5
        x, y, width, height = (row[:4] - (margin, margin, 0, 0)) / ratio
        faces.append(Face((x, y, x + width, y + height), points, float(row[14]), "yunet"))
    return faces


@lru_cache(maxsize=2)
def _network(path: Path) -> "tuple[cv2.FaceDetectorYN, threading.Lock]":
    """One network for the process, with the lock it needs: it keeps its input size."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(2)  # errors only: OpenCV 5 warns about its own defaults here
    try:
        network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), SCORE, 0.3, 1000)
    finally:
        cv2.utils.logging.setLogLevel(before)
    return network, threading.Lock()
