"""The detection chain: face-alignment where its weights are at hand, else the embedded detector, which is YuNet.

`auto` never keeps a page waiting: it takes what is there and the note says so. A server starts face-alignment's large
download in the background with `fetch_in_background`.
"""

from concurrent.futures import wait
from typing import TYPE_CHECKING

import numpy as np

from dpi_core.errors import DPIError
from dpi_core.faces import facealign, turns
from dpi_core.faces.download import fetching, offline, under_way
from dpi_core.faces.face import DETECTORS, DetectionReport, Face, largest_first
from dpi_core.faces.rgb import to_rgb
from dpi_core.faces.tiles import with_small_faces

if TYPE_CHECKING:
    from PIL import Image

PATIENCE = 900.0  # seconds: torch.hub knows no timeout, and a server may fall silent


def detect_faces(image: "Image.Image | np.ndarray", detector: str = "auto") -> list[Face]:
    """Find the faces of an upright image, largest first; an empty list when there is none.

    Args:
        image: a PIL image of any mode (EXIF orientation already applied), or a uint8 array, grey, RGB or RGBA.
        detector: "auto", "face-alignment", "embedded", or "yunet", which is another name of the embedded one.

    Raises:
        ValueError: for an unknown detector, or one whose weights are missing and cannot be downloaded.
    """
    return find_faces(image, detector).faces


def find_faces(image: "Image.Image | np.ndarray", detector: str = "auto") -> DetectionReport:
    """Find faces like `detect_faces`; return them with the detector that ran and a line on why it was this one."""
    if detector not in DETECTORS:
        raise DPIError(f"detector is {detector!r}; allowed are {', '.join(DETECTORS)}.")
    pixels = to_rgb(image)
    if detector == "face-alignment":
        _demand_face_alignment()
        return _by_face_alignment(pixels)
    if detector in ("yunet", "embedded"):
        return _by_embedded(pixels, "")
    if facealign.ready():
        return _by_face_alignment(pixels)
    return _by_embedded(pixels, _why_not_face_alignment())


def fetch_in_background() -> None:
    """Start to download face-alignment's weights unless they are there or downloads are switched off."""
    if not facealign.ready() and not offline():
        for file in facealign.DOWNLOADS:
            fetching(file, facealign.folder())


def _by_face_alignment(pixels: np.ndarray) -> DetectionReport:
    faces = with_small_faces(pixels, facealign.detect(pixels), facealign.detect)
    return _report(faces, "face-alignment", "face-alignment", "")


def _by_embedded(pixels: np.ndarray, why: str) -> DetectionReport:
    return _report(turns.detect(pixels), "embedded", "the embedded detector, YuNet", why)


def _report(faces: list[Face], name: str, title: str, why: str) -> DetectionReport:
    found = "no face" if not faces else "1 face" if len(faces) == 1 else f"{len(faces)} faces"
    note = f"{found} found by {title}" + (f" ({why})." if why else ".")
    return DetectionReport(largest_first(faces), name, note[0].upper() + note[1:])


def _why_not_face_alignment() -> str:
    if offline():
        return "face-alignment: not downloaded, downloads are switched off"
    downloads = [under_way(file, facealign.folder()) for file in facealign.DOWNLOADS]
    if not all(downloads):
        return "face-alignment: not downloaded, asking for that detector fetches its 180 MB"
    if any(download and download.done() and download.exception() for download in downloads):
        return "face-alignment: the download failed"
    return "face-alignment: still downloading"


def _demand_face_alignment() -> None:
    if not facealign.ready():
        if offline():
            raise DPIError(
                f"face-alignment's weights are not in {facealign.folder()} and downloads are switched off; "
                "use detector='embedded'."
            )
        downloads = [fetching(file, facealign.folder()) for file in facealign.DOWNLOADS]
        if wait(downloads, PATIENCE).not_done:
            raise DPIError(
                "face-alignment's weights are still downloading; use detector='embedded' until they are here."
            )
        for download in downloads:
            download.result()  # raises what went wrong
    if not facealign.ready():
        raise DPIError(f"face-alignment's weights in {facealign.folder()} are missing or damaged.")
