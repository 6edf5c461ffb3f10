"""Faces in photographs: find them, cut them out aligned to a prior's template, put them back.

Importing this loads no network and neither torch nor scikit-image.
"""

from dpi_core.faces.align import Crop, crop_face
from dpi_core.faces.choose import is_sharp, span
from dpi_core.faces.detect import detect_faces, fetch_in_background, find_faces
from dpi_core.faces.face import DETECTORS, DetectionReport, Face, five_points
from dpi_core.faces.paste import paste_face
from dpi_core.faces.templates import TEMPLATES, Template

__all__ = [
    "DETECTORS",
    "TEMPLATES",
    "Crop",
    "DetectionReport",
    "Face",
    "Template",
    "crop_face",
    "detect_faces",
    "fetch_in_background",
    "find_faces",
    "five_points",
    "is_sharp",
    "paste_face",
    "span",
]
