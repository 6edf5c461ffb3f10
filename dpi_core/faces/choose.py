"""Which faces of a photo gain from a prior, which are sharp already, and which picture needs no alignment.

A face is **sharp** when its aligned crop spans more pixels of the photo than the prior has (``crop scale < 1``) and holds
detail as fine as the prior's pixels. Restored, it would only lose. Size alone would also pass over the large blurred face
of an enlarged or out-of-focus photo, which needs it most; so the crop is compared with itself at half the resolution. Of
``lost = crop - half``, on the face and in grey levels, grain is everywhere and Gaussian, detail is sparse: the square of the
median of ``|lost|`` over 0.6745, the variance that Gaussian noise of that median has, is taken off first:

    detail = sqrt(var(lost) - (median |lost| / 0.6745)^2) / std(crop)

Of 300 sharp training faces (160 pixels, reduced to 128) 99 % reach `LEAST_DETAIL`, of their copies enlarged twofold 1 %.

A face is **soft** when it lacks that detail at its own size in the photo, however small it is there.

A picture is **aligned** when its only face sits where the prior expects it once the picture's central square has the
prior's size: root mean square of the five distances at most `ALIGNED` eye distances of the template. That is the spread
within which 95 % of the prior's own training crops lie (0.131), and a little for the detector.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from dpi_core.errors import DPIError
from dpi_core.faces.align import face_matrix, scale_of, transform, warp_to_crop
from dpi_core.faces.face import Face, five_points
from dpi_core.faces.mask import face_mask
from dpi_core.faces.templates import TEMPLATES, Template

LEAST_DETAIL = 0.045
SOFT = 0.055
"""`detail` at a face's own size that sharp faces reach: 2 of 100 do not, blurred by 2 pixels and more they hardly ever do
(``python -m dpi_core.evaluation.automatic_choice``)."""
TELLING = 32  # pixels a side: of a smaller face the grain, which is taken off, cannot be told from detail
GAUSSIAN = 0.6745  # the median of |x| for x of standard deviation 1
ALIGNED = 0.15
SQUARE = 0.02  # how far the sides of an aligned picture may differ, as a part of the shorter one


def span(face: Face, template: Template = TEMPLATES["tight-128"]) -> float:
    """Tell how many pixels of the photo the side of the face's aligned crop spans.

    Raises:
        ValueError: if the face's points allow no transform.
    """
    return template.size / scale_of(face_matrix(face.points, template))


def is_sharp(photo: np.ndarray, face: Face, template: Template = TEMPLATES["tight-128"]) -> bool:
    """Tell whether a face of `photo` (H,W,3) uint8 is larger than the template's crop and as finely resolved as that.

    Raises:
        ValueError: if the face's points allow no transform.
    """
    if span(face, template) <= template.size:
        return False
    matrix = face_matrix(face.points, template)
    return detail(warp_to_crop(photo, matrix, template.size), template) >= LEAST_DETAIL


def is_soft(crop: np.ndarray, spanned: float, template: Template = TEMPLATES["tight-128"]) -> bool:
    """Tell whether an aligned crop (S,S,3) uint8 is more blurred than its size explains: `spanned` photo pixels a side.

    Looked at with as many pixels as it has in the photo, S at most, a sharp face has detail in the finest of them. Of faces
    with fewer than `TELLING` nothing is told.
    """
    side = min(round(spanned), crop.shape[0])
    if side < TELLING:
        return False
    own = crop if side == crop.shape[0] else cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return detail(own, template) < SOFT


def detail(crop: np.ndarray, template: Template = TEMPLATES["tight-128"]) -> float:
    """Measure the part of an aligned crop's contrast (S,S,3) uint8 that half its resolution cannot hold, grain left out.

    0 to about 0.5.
    """
    size = crop.shape[0]
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    half = cv2.resize(grey, (size // 2, size // 2), interpolation=cv2.INTER_AREA)
    lost = grey - cv2.resize(half, (size, size), interpolation=cv2.INTER_CUBIC)
    face = face_mask(size, template.resized(size).array()) > 0.5
    grain = float(np.median(np.abs(lost[face]))) / GAUSSIAN
    return max(0.0, float(lost[face].var()) - grain**2) ** 0.5 / max(1.0, float(grey[face].std()))


def square_matrix(width: int, height: int, size: int) -> np.ndarray:
    """Return the (2,3) matrix that takes the central square of a picture of that size to a crop of `size` pixels."""
    scale = size / min(width, height)
    shift = [0.5 * scale - 0.5 - scale * (side - min(width, height)) / 2 for side in (width, height)]
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def off_template(face: Face, width: int, height: int, template: Template) -> float:
    """Measure how far a face's points are from the template in a picture of that size, in eye distances (root mean square).

    Infinity where the picture is no square.
    """
    if abs(width - height) > SQUARE * min(width, height):
        return float("inf")
    target = template.array()
    moved = transform(five_points(face), square_matrix(width, height, template.size))
    eyes = float(np.linalg.norm(target[1] - target[0]))
    return float(np.sqrt(np.square(moved - target).sum(axis=1).mean())) / eyes


def chosen_faces(
    face: int | str | Sequence[int] | None, sharp: Sequence[bool], include_sharp: bool = False
) -> list[int]:
    """Return the indices of the faces to restore.

    Args:
        face: an index (0 = the largest), several of them, "all", or None = the largest.
        sharp: one for each face, largest first. "all" leaves the sharp ones out.
        include_sharp: "all" takes the sharp ones too.

    Raises:
        ValueError: for anything else, or if "all" leaves nothing.
    """
    count = len(sharp)
    if face is None:
        return [0]
    if isinstance(face, str) and face == "all":
        found = [i for i in range(count) if include_sharp or not sharp[i]]
        if not found:
            which = "The only face is" if count == 1 else f"All {count} faces are"
            raise DPIError(
                f"{which} larger and sharper in the photo than the prior would make it, so there is nothing to restore. "
                "To restore it all the same, choose a face by its index (--face 0) or include the sharp ones (--include-sharp)."
            )
        return found
    several = list(face) if isinstance(face, Sequence) and not isinstance(face, str | bytes) else [face]
    if (
        not several
        or any(isinstance(i, bool) or not isinstance(i, int) or not 0 <= i < count for i in several)
        or len(set(several)) < len(several)
    ):
        raise DPIError(
            f"face is {face!r}; allowed is 0 to {count - 1} (largest first), several different ones of them, 'all', or "
            "None = the largest."
        )
    return [int(i) for i in several]  # type: ignore[arg-type]
