"""Is it still the same person: dlib's face descriptor (King 2017), 128 numbers that are near for one person.

Needs dlib and the weights in `face_recognition_models`. The crop is aligned already, so nothing is detected: dlib's five-point
predictor looks at the true face in the square where dlib's own detector finds faces of this crop (in the median of 60
held-out ones), and the chip that follows from it is cut from the result as well, so a blurred result is not lost by its points.
Two photographs count as one person below a distance of 0.6, dlib's own threshold.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SAME_PERSON = 0.6
SQUARE = (3, 4, 111, 111)  # left, top, right, bottom in a tight crop of 128 pixels
PADDING = 64  # pixels of the edge repeated around 128, where a chip of a tilted face reaches beyond the crop

Descriptor = Callable[[Tensor, Tensor], Tensor]


class UnavailableError(Exception):
    """A measure needs what is not installed or cannot be had; the message says what."""


def dlib_descriptor() -> Descriptor:
    """Load dlib's networks.

    Returns a function from faces and the true faces that say where their points are, (N,3,S,S) in [-1, 1] each, to
    descriptors (N,128). Both are crops of ``tight-128`` at any size.

    Raises:
        UnavailableError: if a package is missing.
    """
    try:
        import dlib
    except ImportError as error:
        raise UnavailableError("identity needs dlib: pip install dlib-bin face-recognition-models") from error
    found = find_spec("face_recognition_models")  # not imported: its own code wants setuptools
    if found is None or not found.origin:
        raise UnavailableError("identity needs dlib's weights: pip install face-recognition-models")
    models = Path(found.origin).parent / "models"
    points = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))

    def describe(faces: Tensor, true: Tensor) -> Tensor:
        rows = []
        scale = true.shape[-1] / 128
        square = dlib.rectangle(*(round((side + PADDING) * scale) for side in SQUARE))
        for face, model in zip(_padded(faces), _padded(true), strict=True):
            rows.append(np.array(network.compute_face_descriptor(face, points(model, square))))
        return torch.from_numpy(np.stack(rows)).float()

    return describe


def distances(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Compare descriptors (N,128) pair by pair: cosine in [-1, 1] (higher is nearer), Euclidean distance (lower is nearer)."""
    return torch.cosine_similarity(a, b), (a - b).norm(dim=1)


def _padded(faces: Tensor) -> list[np.ndarray]:
    pixels = ((faces.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    more = round(PADDING * faces.shape[-1] / 128)
    return [np.pad(face, ((more, more), (more, more), (0, 0)), mode="edge") for face in pixels]
