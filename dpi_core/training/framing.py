"""Faces of one crop shown as another crop would show them.

The tight crop ends at the chin and the forehead; FFHQ's shows hair, neck and background, so the face takes up 5/8 of
its side. A tight photograph becomes one like FFHQ's by putting its points where FFHQ has them; what lies beyond the
photograph is its mirror image, which has the colours and textures of hair and skin though not their shapes.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from dpi_core.faces.align import crop_face
from dpi_core.faces.templates import TEMPLATES, TIGHT_200

AS_IT_IS = "as-is"
IN_CONTEXT = "ffhq-256"


def in_context(face: Image.Image) -> Image.Image:
    """A tight crop of any size as FFHQ's crop, 256x256."""
    pixels = np.asarray(face.convert("RGB"))
    pad = pixels.shape[0] // 2  # FFHQ's square reaches 0.3 of the side beyond the tight one
    mirrored = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    points = TIGHT_200.resized(face.width).array() + pad
    return Image.fromarray(crop_face(mirrored, points, TEMPLATES[IN_CONTEXT]).pixels)


FRAMINGS: dict[str, Callable[[Image.Image], Image.Image]] = {AS_IT_IS: lambda face: face, IN_CONTEXT: in_context}
