"""What a restoration is made of, from the photo to the results: frozen records, no behaviour.

They hold arrays and tensors, so two of them are equal only if they are one (eq=False).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor

from dpi_core.faces import Face
from dpi_core.imaging.photo import Photo
from dpi_core.imaging.pictures import ImageError
from dpi_core.method.sampler import StepEvent
from dpi_core.restore.request import Request

if TYPE_CHECKING:
    from dpi_core.restore.compose import Photos


class NoFaceError(ImageError):
    """No face was found in the photo."""


@dataclass(frozen=True, eq=False)
class FaceJob:
    """One face ready to be restored.

    Attributes:
        index: the face's place in the photo, largest first.
        face: where it was found; None for an already aligned picture.
        crop: (S,S,3) uint8, the aligned crop as it is in the photo.
        matrix: (2,3) photo pixels -> crop pixels; None for an already aligned picture.
        low_res: (1,3,h,w) in [-1, 1], what the result is compared with at low resolution.
        condition: (1,3,S,S) in [-1, 1], what the sampler is given.
        truth: (1,3,S,S), the crop before it was degraded; only in a simulation.
        doubled: the restored face is drawn at twice the side, too.
        first_only: of several seeds only the first one's is.
        soft: the photo has the pixels for finer detail than the face shows (`faces.choose.is_soft`); False in a simulation.
    """

    index: int
    face: Face | None
    crop: np.ndarray
    matrix: np.ndarray | None
    low_res: Tensor
    condition: Tensor
    truth: Tensor | None
    doubled: bool = False
    first_only: bool = False
    soft: bool = False


@dataclass(frozen=True, eq=False)
class Preparation:
    """A photo, the faces found in it and those that are to be restored.

    Attributes:
        source: the photo as it was read, upright, with its own colours, alpha, profile and EXIF.
        faces: all faces found, largest first.
        jobs: one for each face chosen.
        request: what was asked when it was prepared, with the detector that ran; its `restore.request.PREPARING` count.
        note: one line on how the faces were found, and whether the picture was aligned already.
        sharp: for each of `faces`, whether it is larger and finer than the prior would make it (`faces.choose`).
    """

    source: Photo
    faces: tuple[Face, ...]
    jobs: tuple[FaceJob, ...]
    request: Request
    note: str
    sharp: tuple[bool, ...] = ()

    @property
    def scale(self) -> int | None:
        """The simulated reduction, or None."""
        return self.request.scale

    @property
    def photo(self) -> np.ndarray:
        """(H,W,3) uint8, upright, sRGB, transparency laid over white."""
        return self.source.rgb


def unpasted(prepared: Preparation) -> Preparation:
    """Return the faces without their place in the photo, for runs that need no photo: pasting costs a copy of it a seed."""
    return replace(prepared, jobs=tuple(replace(job, matrix=None) for job in prepared.jobs))


def first_doubled(prepared: Preparation) -> Preparation:
    """Return the faces for runs of which only the first seed's pictures are seen: no other is drawn at twice the side."""
    return replace(prepared, jobs=tuple(replace(job, first_only=True) for job in prepared.jobs))


@dataclass(frozen=True, eq=False)
class RestoreStep:
    """One sampling step of one face, its tensors on the CPU."""

    job: FaceJob
    event: StepEvent


@dataclass(frozen=True, eq=False)
class FaceResult:
    """One restored face.

    Attributes:
        job: what it was made from.
        seed: the seed it was made with.
        image: the restored crop, as many pixels as the prior has.
        condition: the crop the sampler was given.
        measured: lr_consistency in dB, and psnr in dB and ssim against the truth in a simulation.
        settings: everything needed to make it again.
        doubled: the restored crop with the octave above it, twice as many pixels a side; None if it was not drawn.
    """

    job: FaceJob
    seed: int
    image: Image.Image
    condition: Image.Image
    measured: dict[str, float]
    settings: dict[str, Any]
    doubled: Image.Image | None = None

    @property
    def finest(self) -> Image.Image:
        """The restored crop with as many pixels as were drawn."""
        return self.doubled or self.image


@dataclass(frozen=True, eq=False)
class Restoration:
    """A finished run, or one that was stopped.

    Attributes:
        results: for each face in turn, one for each seed.
        photos: the photo with the restored faces pasted back, one for each seed, made when it is asked for.
        preparation: the photo and its faces.
        complete: False if it was stopped before the last step.
        seconds: what sampling took, without what was done with its steps in between.
        background: how many times larger than the photo `photos` are, a side.
        messages: what a person should know of how it ran: memory that ran out, compiling that failed.
    """

    results: tuple[FaceResult, ...]
    photos: "Photos"
    preparation: Preparation
    complete: bool
    seconds: float
    background: int = 1
    messages: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """One line on how the faces were found and how it ran."""
        return " ".join(filter(None, (self.preparation.note, *self.messages)))

    @property
    def photo(self) -> Image.Image:
        """The photo pasted with the first seed's faces."""
        picture: Image.Image = self.photos[0]
        return picture
