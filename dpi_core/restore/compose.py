"""Restored faces back in their photo, and the photo as it is saved.

The background may gain resolution first: ``background`` times as many pixels a side by Lanczos, the faces pasted at that
size. A point p of the photo then lies at ``(p + 0.5) background - 0.5``, pixel centres being integers.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.faces.align import scale_of, transform
from dpi_core.faces.colour import as_grey, is_grey, match_colours
from dpi_core.faces.mask import face_mask
from dpi_core.faces.overlay import lettering
from dpi_core.faces.paste import paste_face, rescaled
from dpi_core.imaging.photo import Photo, enlarged, finished
from dpi_core.imaging.pictures import MAX_PIXELS
from dpi_core.restore.records import FaceResult, Preparation, Restoration
from dpi_core.restore.request import MOST_ENLARGED

AUTO_SIDE = 2048  # how large a small photo may become by itself


def checked_background(background: int, prepared: Preparation) -> int:
    """Settle the scale of the background, 1 to 4, for a photo of that size; 0 asks for as much as its faces need.

    Raises:
        DPIError: if it would make more than 64 million pixels.
    """
    if background == 0:
        return enough_background(prepared)
    height, width = prepared.photo.shape[:2]
    pixels = width * height * background**2
    if pixels > MAX_PIXELS and background > 1:
        raise DPIError(
            f"background is {background}: a photo of {width}x{height} would become {pixels / 1e6:.0f} million pixels; "
            f"at most {MAX_PIXELS // 1_000_000} million are allowed. Use a smaller one."
        )
    return background


def enough_background(prepared: Preparation) -> int:
    """Choose how much larger the photo should become, 1 to 4, so that its smallest face keeps the pixels it gains.

    A photo does not grow beyond `AUTO_SIDE` pixels a side for that.
    """
    # Each tells how many pixels of the crop there are for one of the photo.
    scales = [scale_of(job.matrix) * (2 if job.doubled else 1) for job in prepared.jobs if job.matrix is not None]
    wanted = max((math.ceil(scale - 0.01) for scale in scales), default=1)
    room = AUTO_SIDE // max(prepared.photo.shape[:2])
    return int(max(1, min(wanted, room, MOST_ENLARGED)))


class Photos(Sequence[Image.Image]):
    """The photo once for each seed of some results, sRGB, `background` times its size, with that seed's faces in it.

    Whole photos are large: one is pasted when it is asked for, and the last one kept. Pixels without a face equal those of the
    (enlarged) photo. Of an aligned picture each is the face itself.

    Attributes:
        lettered: indices of the faces over which lettering was found, and left as it was.
    """

    def __init__(self, prepared: Preparation, results: Sequence[FaceResult], background: int = 1):
        simulated = prepared.scale is not None  # which must not show what it was made from
        found = [(result, None if simulated else lettering_over(result)) for result in results]
        self.lettered = sorted({result.job.index for result, letters in found if letters is not None})
        self._prepared, self._background = prepared, background
        self._seeds = [
            [pair for pair in found if pair[0].seed == seed] for seed in dict.fromkeys(r.seed for r in results)
        ]
        self._last: tuple[int, Image.Image] | None = None

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        index, last = range(len(self))[index], self._last
        if last is None or last[0] != index:
            self._last = last = None  # before there is another
            self._last = last = index, _composed(self._prepared, self._ground, self._seeds[index], self._background)
        return last[1]

    @cached_property
    def _ground(self) -> Photo:
        return enlarged(self._prepared.source, self._background)

    def saved(self, index: int) -> Image.Image:
        """Make of one of them the picture to save: in the photo's own colours, with its alpha, profile and EXIF.

        See `photos.finished`. The face of an aligned picture is returned as it is.
        """
        aligned = any(job.matrix is None for job in self._prepared.jobs)
        return self[index] if aligned else finished(self._ground, self[index])


def _composed(
    prepared: Preparation, ground: Photo, pasted: list[tuple[FaceResult, np.ndarray | None]], background: int
) -> Image.Image:
    photo = ground.rgb
    for result, letters in pasted:
        job = result.job
        if job.matrix is None or job.face is None:
            return result.finest
        restored, reference = result.finest, result.condition.resize(result.finest.size, Image.Resampling.BICUBIC)
        if is_grey(job.crop):  # the prior would tint it, and so would a coloured border that the crop shows
            restored, reference = as_grey(restored), as_grey(reference)
        # A photo as it is keeps its own pixels where nothing changed; a simulation must not show what it was made from.
        original = np.asarray(Image.fromarray(job.crop).resize(restored.size, Image.Resampling.BICUBIC))
        photo = paste_face(
            photo,
            match_colours(np.asarray(restored), np.asarray(reference)),
            from_enlarged(rescaled(job.matrix, len(job.crop), restored.width), background),
            original=original if prepared.scale is None else None,
            points=(np.asarray(job.face.points, np.float64) + 0.5) * background - 0.5,
            left_alone=letters,
        )
    return Image.fromarray(photo)


def lettering_over(result: FaceResult) -> np.ndarray | None:
    """Find where lettering lies over a face of a photo (see `faces.overlay.lettering`).

    (S,S) float32 in [0, 1], as large as the finest picture of it; or None.
    """
    job = result.job
    if job.matrix is None or job.face is None:
        return None
    face = face_mask(len(job.crop), transform(np.asarray(job.face.points, np.float64), job.matrix))
    found = lettering(job.crop, np.asarray(result.image), face)
    return None if found is None else cv2.resize(found, result.finest.size, interpolation=cv2.INTER_LINEAR)


def lettering_notes(photos: Photos, faces: int) -> list[str]:
    """Say over which of so many faces lettering was found, and what was done."""
    return [
        f"Over face {index + 1} of {faces} lies what looks like lettering or a watermark: there the photo was "
        "left as it is, and the restored face by itself shows smudges."
        for index in photos.lettered
    ]


def from_enlarged(matrix: np.ndarray, background: int) -> np.ndarray:
    """Turn the (2,3) matrix from the photo to the crop into the one from a photo `background` times as large."""
    corner = np.full((1, 2), 0.5 / background - 0.5)  # where the enlarged photo's first pixel lies in the photo
    return np.hstack([matrix[:, :2] / background, transform(corner, matrix).T])


def saved_photo(restoration: Restoration, index: int = 0) -> Image.Image:
    """Make of `restoration.photos[index]` the picture to save; see `Photos.saved`."""
    return restoration.photos.saved(index)
