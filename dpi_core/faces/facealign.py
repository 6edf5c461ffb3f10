"""face-alignment (Bulat and Tzimiropoulos 2017): its face detector and the 68 landmarks of 2DFAN.

The library loads its weights from torch hub's folder by name and checks no hash; here nothing is loaded before its
SHA-256 fits. It wants the device as a string, answers None for no face and cuts landmarks off to whole pixels.
"""

import threading
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dpi_core.faces.download import RemoteFile, cached
from dpi_core.faces.face import Face, without_doubles
from dpi_core.faces.rgb import reduced

if TYPE_CHECKING:
    from face_alignment import FaceAlignment

_HOST = "https://www.adrianbulat.com/downloads/python-fan/"
FAN = RemoteFile("2DFAN4-11f355bf06.pth.tar", _HOST + "2DFAN4-11f355bf06.pth.tar", "11f355bf06")
SFD = RemoteFile("s3fd-619a316812.pth", _HOST + "s3fd-619a316812.pth", "619a316812")
DOWNLOADS = (SFD, FAN)
MAX_SIDE = 960


def folder() -> Path:
    """Tell where torch hub, and so face-alignment, keeps its files."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def ready() -> bool:
    """Tell whether the files it needs are at hand."""
    return all(cached(file, folder()) for file in DOWNLOADS)


def detect(image: np.ndarray, device: str = "cpu") -> list[Face]:
    """Find the faces of an RGB image (H,W,3) uint8 with 68 points."""
    small, ratio = reduced(image, MAX_SIDE)
    if min(small.shape[:2]) < 16:
        return []
    network, lock = _network(device)
    with lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "No faces were detected."
        answer = network.get_landmarks_from_image(small, return_bboxes=True)
    landmarks, boxes = (answer[0], answer[2]) if answer is not None else (None, None)
    if landmarks is None or boxes is None:
        return []
    faces = []
    for points, box in zip(landmarks, boxes, strict=True):
        # Whole pixels were cut off, so half a pixel is the mean error.
        points = (np.asarray(points, np.float64)[:, :2] + 0.5 + 0.5) / ratio - 0.5
        x0, y0, x1, y1 = (float(v) / ratio for v in box[:4])
        faces.append(Face((x0, y0, x1, y1), points, min(1.0, float(box[-1])), "face-alignment"))
    return without_doubles(faces)


@lru_cache(maxsize=1)
def _network(device: str) -> "tuple[FaceAlignment, threading.Lock]":
    from face_alignment import FaceAlignment, LandmarksType

    network = FaceAlignment(
        LandmarksType.TWO_D,
        device=device,
        face_detector="sfd",
        flip_input="cuda" in device,
        compile=False,  # its default spends minutes here
    )
    return network, threading.Lock()
