"""The files in ``assets/``, and the embedded weights among them, checked by SHA-256 before they are trusted."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.weights.unets import UNET_FILE

PACKAGE = Path(__file__).resolve().parent.parent
ASSETS = next((path for path in (PACKAGE / "assets", PACKAGE.parent / "assets") if path.is_dir()), PACKAGE / "assets")
"""In the package once it is installed, beside it in a checkout."""


@dataclass(frozen=True)
class EmbeddedWeights:
    """One embedded model: its file under ``assets/``, the SHA-256 of that file and the terms it may be used under.

    `further`: files it needs beside that one (a prior's head), each with its SHA-256.
    """

    file: str
    sha256: str
    licence: str
    further: tuple[tuple[str, str], ...] = ()


NON_COMMERCIAL = "non-commercial research (terms of the training photographs)"
EMBEDDED = {
    "prior": EmbeddedWeights(
        f"prior/{UNET_FILE}",
        "e737e60ca5239e9644534936cc4482124e9c555a2088ecec00a474e20d82e994",
        NON_COMMERCIAL,
        (("prior/head.safetensors", "710ae1561a9a6655fb49a09336d2752d7dae041584fbf13857ea223f85cfe960"),),
    ),
    "octave": EmbeddedWeights(
        f"octave/{UNET_FILE}", "e311a069f2b9466cf491c23ff0249d594a3e73aa0a0b4010674417c30a6982d1", NON_COMMERCIAL
    ),
    "corrector": EmbeddedWeights(
        f"corrector/{UNET_FILE}", "49939b740828dee4e81b565f6eeaada68852a357377eb995dba36cf12900c39a", NON_COMMERCIAL
    ),
    "detector": EmbeddedWeights(
        "detector/face_detection_yunet_2023mar.onnx",
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        "MIT",
    ),
}


@cache
def embedded_file(name: str) -> Path:
    """Check the SHA-256 of the embedded model `name`, and of what it needs beside it; returns its file.

    Raises:
        ValueError: if the file is missing or is not the one this version ships.
    """
    spec = EMBEDDED[name]
    for file, sha256 in ((spec.file, spec.sha256), *spec.further):
        path = ASSETS / file
        if not path.exists():
            raise DPIError(f"The embedded {name} is missing: {path}. Get the project again, with its assets folder.")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sha256:
            raise DPIError(
                f"The embedded {name} is damaged: {path} has SHA-256 {found[:12]}.., expected {sha256[:12]}.."
            )
    return ASSETS / spec.file


def embedded_folder(name: str) -> Path:
    """Return the folder of an embedded network, checked like `embedded_file`."""
    return embedded_file(name).parent
