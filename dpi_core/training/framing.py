"""Faces of one crop shown as another crop would show them.

The tight crop ends at the chin and the forehead; FFHQ's shows hair, neck and background, so the face takes up 5/8 of
its side. A tight photograph becomes one like FFHQ's by putting its points where FFHQ has them; what lies beyond the
photograph is its mirror image: the colours and textures of hair and skin, though eyes turn up once more above the
forehead. For a corrector, which looks at small neighbourhoods, that is near enough; a prior needs real photographs.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from dpi_core.faces.align import similarity, warp_to_crop
from dpi_core.faces.templates import TEMPLATES, TIGHT_200

AS_IT_IS = "as-is"
IN_CONTEXT = "ffhq-256"


def in_context(face: Image.Image) -> Image.Image:
    """Turn a tight crop of any size into FFHQ's crop, 256x256."""
    template = TEMPLATES[IN_CONTEXT]
    matrix = similarity(TIGHT_200.resized(face.width).array(), template.array())
    return Image.fromarray(warp_to_crop(np.asarray(face.convert("RGB")), matrix, template.size))


FRAMINGS: dict[str, Callable[[Image.Image], Image.Image]] = {AS_IT_IS: lambda face: face, IN_CONTEXT: in_context}
