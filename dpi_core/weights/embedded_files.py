"""The embedded weights in ``assets/``, checked by SHA-256 before they are trusted."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dpi_core.weights.unets import UNET_FILE

ASSETS = Path(__file__).resolve().parent.parent.parent / "assets"


@dataclass(frozen=True)
class EmbeddedWeights:
    """One embedded model: its file under ``assets/``, the SHA-256 of that file and the terms it may be used under."""

    file: str
    sha256: str
    licence: str


NON_COMMERCIAL = "non-commercial research (terms of the training photographs)"
EMBEDDED = {
    "prior": EmbeddedWeights(
        f"prior/{UNET_FILE}", "28ad48aaad08b014031da559ab960ff668971519940d51ee7a5b5e0df8540e13", NON_COMMERCIAL
    ),
    "corrector": EmbeddedWeights(
        f"corrector/{UNET_FILE}", "ff5817a3e38e84b83af7fd41192cafc04370c126ccc4ebf9eb75d46b4fa0f3b7", NON_COMMERCIAL
    ),
    "detector": EmbeddedWeights(
        "detector/face_detection_yunet_2023mar.onnx",
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        "MIT",
    ),
}


@cache
def embedded_file(name: str) -> Path:
    """The file of the embedded model `name`, after its SHA-256 was found right.

    Raises:
        ValueError: if the file is missing or is not the one this version ships.
    """
    spec = EMBEDDED[name]
    path = ASSETS / spec.file
    if not path.exists():
        raise ValueError(f"The embedded {name} is missing: {path}. Get the project again, with its assets folder.")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != spec.sha256:
        raise ValueError(
            f"The embedded {name} is damaged: {path} has SHA-256 {found[:12]}.., expected {spec.sha256[:12]}.."
        )
    return path


def embedded_folder(name: str) -> Path:
    """The folder of an embedded network, checked like `embedded_file`."""
    return embedded_file(name).parent
