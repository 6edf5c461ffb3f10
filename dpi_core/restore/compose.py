"""Restored faces back in their photo, and the photo as it is saved.

The background may gain resolution first: ``background`` times as many pixels a side by Lanczos, the faces pasted at that
size. A point p of the photo then lies at ``(p + 0.5) background - 0.5``, pixel centres being integers.
"""

import math

import numpy as np
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.faces.align import scale_of, transform
from dpi_core.faces.colour import match_colours
from dpi_core.faces.paste import paste_face
from dpi_core.imaging.photo import enlarged, finished
from dpi_core.imaging.pictures import MAX_PIXELS
from dpi_core.restore.records import FaceResult, Preparation, Restoration

BACKGROUNDS = (1, 2, 3, 4)
AUTO_SIDE = 2048  # how large a small photo may become by itself
GREY_TOLERANCE = 2.5  # mean spread of the channels of a black-and-white photo, in levels; the prior would tint it


def checked_background(background: int, prepared: Preparation) -> int:
    """The scale of the background.

    Raises:
        ValueError: if it is not 1, 2, 3 or 4, or would make more than 64 million pixels.
    """
    if isinstance(background, bool) or background not in BACKGROUNDS:
        raise DPIError(f"background is {background!r}; allowed is 1, 2, 3 or 4: how much larger the photo becomes.")
    height, width = prepared.photo.shape[:2]
    pixels = width * height * background**2
    if pixels > MAX_PIXELS and background > 1:
        raise DPIError(
            f"background is {background}: a photo of {width}x{height} would become {pixels / 1e6:.0f} million pixels; "
            f"at most {MAX_PIXELS // 1_000_000} million are allowed. Use a smaller one."
        )
    return int(background)


def enough_background(prepared: Preparation) -> int:
    """Choose how much larger the photo should become, 1 to 4, so that its smallest face keeps the pixels it gains.

    A photo does not grow beyond `AUTO_SIDE` pixels a side for that.
    """
    scales = [
        scale_of(job.matrix) for job in prepared.jobs if job.matrix is not None
    ]  # crop pixels for one of the photo
    wanted = max((math.ceil(scale - 0.01) for scale in scales), default=1)
    room = AUTO_SIDE // max(prepared.photo.shape[:2])
    return int(max(1, min(wanted, room, BACKGROUNDS[-1])))


def composed(prepared: Preparation, results: list[FaceResult], background: int = 1) -> Image.Image:
    """The photo with restored faces in place, sRGB, `background` times its size; for an aligned picture the face itself.

    Pixels without a face equal those of the (enlarged) photo.
    """
    photo = enlarged(prepared.source, background).rgb
    grey = float(np.ptp(prepared.photo[::4, ::4], axis=2).mean()) <= GREY_TOLERANCE
    for result in results:
        job = result.job
        if job.matrix is None or job.face is None:
            return result.image
        restored = np.asarray(result.image.convert("L").convert("RGB") if grey else result.image)
        # A photo as it is keeps its own pixels where nothing changed; a simulation must not show what it was made from.
        original = job.crop if prepared.scale is None else None
        photo = paste_face(
            photo,
            match_colours(restored, np.asarray(result.condition)),
            from_enlarged(job.matrix, background),
            original=original,
            points=(np.asarray(job.face.points, np.float64) + 0.5) * background - 0.5,
        )
    return Image.fromarray(photo)


def from_enlarged(matrix: np.ndarray, background: int) -> np.ndarray:
    """The (2,3) matrix from a photo `background` times as large to the crop, for the one from the photo."""
    corner = np.full((1, 2), 0.5 / background - 0.5)  # where the enlarged photo's first pixel lies in the photo
    return np.hstack([matrix[:, :2] / background, transform(corner, matrix).T])


def saved_photo(restoration: Restoration, index: int = 0) -> Image.Image:
    """`restoration.photos[index]` as it should be saved: in the photo's own colours, with its alpha, profile and EXIF.

    See `photos.finished`. The face of an aligned picture is returned as it is.
    """
    picture, prepared = restoration.photos[index], restoration.preparation
    if any(job.matrix is None for job in prepared.jobs):
        return picture
    return finished(enlarged(prepared.source, restoration.background), picture)
