"""Two crops of one face in one frame, so that one can lie over the other pixel by pixel.

Priors differ in the size of their pictures and in how much of the head is on them. Both crops are similarities of the
photo, x = M p, so the one is carried into the other's frame by ``M_frame M^-1``. The frame is the tighter crop, which the
wider one covers, at the larger of the two sizes, so that no pixel of either is lost.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

TOLERANCE = 0.02  # of a scale, and of the side for a shift: less is no difference to the eye


def in_one_frame(
    pictures: Sequence[Image.Image], matrices: Sequence[np.ndarray | None]
) -> tuple[list[Image.Image], str]:
    """Put square pictures in one frame of one size, and say what was done to them, in words ("" = nothing).

    Args:
        pictures: crops of the same face in the same photo, called A, B ..
        matrices: (2,3) each, photo pixels -> crop pixels; None where the whole picture was the crop, for all of them.
    """
    from dpi_core.faces.align import invert, scale_of, warp_to_crop
    from dpi_core.faces.paste import rescaled

    sizes = [picture.width for picture in pictures]
    size = max(sizes)
    enlarged = _enlarged(sizes)
    places = [m for m in matrices if m is not None]
    if len(places) < len(pictures) or _alike([rescaled(m, s, size) for m, s in zip(places, sizes, strict=True)], size):
        fitted = [p if p.width == size else p.resize((size, size), Image.Resampling.BICUBIC) for p in pictures]
        return fitted, enlarged
    extents = [s / scale_of(m) for m, s in zip(places, sizes, strict=True)]
    tightest = int(np.argmin(extents))
    frame = _whole(rescaled(places[tightest], sizes[tightest], size))
    fitted = [
        Image.fromarray(warp_to_crop(np.asarray(picture), (frame @ _whole(invert(matrix)))[:2], size))
        for picture, matrix in zip(pictures, places, strict=True)
    ]
    name = "AB"[tightest]
    return fitted, f"Their crops differ; compared is what lies in that of {name}. {enlarged}".strip()


def _enlarged(sizes: Sequence[int]) -> str:
    if len(set(sizes)) == 1:
        return ""
    each = ", ".join(f"{name} {size}" for name, size in zip("AB", sizes, strict=False))
    return f"Their sides are {each} pixels; the smaller one is enlarged to {max(sizes)} to be compared."


def _whole(matrix: np.ndarray) -> np.ndarray:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _alike(matrices: Sequence[np.ndarray], size: int) -> bool:
    """Tell whether all carry the photo to the same place: nowhere in the crop do two differ by more than `TOLERANCE`."""
    first = _whole(matrices[0])
    corners = np.array([(0, 0, 1), (size, 0, 1), (0, size, 1), (size, size, 1)], float).T
    inverse = np.linalg.inv(first)
    return all(
        np.abs((_whole(other) @ inverse @ corners - corners)[:2]).max() <= TOLERANCE * size for other in matrices[1:]
    )
