"""From a photo to the faces that are to be restored, for a prior whose crops a template describes; no model but the detector.

read -> find faces -> align to the template -> (degrade, in a simulation)
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image
from torch import Tensor

from dpi_core.faces import Face, find_faces
from dpi_core.faces.align import crop_face
from dpi_core.faces.choose import ALIGNED, chosen_faces, is_sharp, is_soft, off_template, span, square_matrix
from dpi_core.faces.templates import TEMPLATES, Template
from dpi_core.imaging.degradation import downscale
from dpi_core.imaging.photo import Photo, read_photo
from dpi_core.imaging.pictures import ImageError, ImageLike
from dpi_core.imaging.pixels import to_tensor
from dpi_core.measure.held_detail import held_scale
from dpi_core.measure.input_damage import damage_of
from dpi_core.method.resampling import dense_condition
from dpi_core.restore.records import FaceJob, NoFaceError, Preparation
from dpi_core.restore.request import Request

OCTAVE_ABOVE = TEMPLATES["tight-128"]
MIN_ALIGNED_SIDE = 8


def prepare(
    image: ImageLike | Photo, template: Template, request: Request, *, faces: Sequence[Face] | None = None
) -> Preparation:
    """Read a photo, find its faces and cut out those to restore, as crops of `template`.

    Args:
        image: see `dpi_core.Restorer.prepare`; or a photo that was read.
        request: its `PREPARING` fields count.
        faces: see `dpi_core.Restorer.prepare`, as for what is raised.
    """
    scale = request.scale
    source = image if isinstance(image, Photo) else read_photo(image)
    photo = source.rgb

    def job_of(index: int, face: Face | None, crop: np.ndarray, matrix: np.ndarray | None, spanned: float) -> FaceJob:
        """Make the job of a face that spans so many pixels of the photo."""
        pixels = to_tensor(crop)
        if scale is not None:
            return simulated(FaceJob(index, face, crop, matrix, pixels, pixels, None), scale)
        larger = request.octave and template == OCTAVE_ABOVE and spanned > template.size
        soft = is_soft(crop, spanned, template)
        low_res = held_copy(pixels, spanned, soft)  # of a photo no low-resolution original is known
        return FaceJob(index, face, crop, matrix, low_res, pixels, None, larger, soft=soft)

    if request.aligned:
        crop = _central_square(photo, template.size)
        job = job_of(0, None, crop, None, min(photo.shape[:2]))
        return Preparation(source, (), (job,), request, "The picture was taken as an aligned face.")
    note = ""
    if faces is None:
        report = find_faces(photo, request.detector)
        faces, note = report.faces, report.note
    if not faces:
        raise NoFaceError(
            f"No face was found in the picture of {photo.shape[1]}x{photo.shape[0]} pixels. Use a photo with a face "
            "that looks towards the camera, or mark the picture as an already aligned face crop."
        )
    sharp = tuple(is_sharp(photo, found, template) for found in faces)
    indices = chosen_faces(request.face, sharp, request.include_sharp)
    height, width = photo.shape[:2]
    off = off_template(faces[0], width, height, template) if len(faces) == 1 else float("inf")
    if off <= ALIGNED:
        note = (
            f"The face already sits where the prior expects it (within {off:.0%} of the eye distance, {ALIGNED:.0%} "
            f"is allowed), so the picture was not aligned again. {note}"
        ).strip()
        crop = _central_square(photo, template.size)
        matrix = square_matrix(width, height, template.size)
        jobs = [job_of(0, faces[0], crop, matrix, min(height, width))]
    else:
        crops = [crop_face(photo, faces[index].points, template) for index in indices]
        jobs = [
            job_of(i, faces[i], cut.pixels, cut.matrix, span(faces[i], template))
            for i, cut in zip(indices, crops, strict=True)
        ]
    if request.face == "all" and len(jobs) < len(faces):
        note = f"{note} Left as sharp as they are: {len(faces) - len(jobs)} of {len(faces)} faces.".strip()
    # "auto" finds other faces once face-alignment is there, so that the record names the detector that ran
    request = replace(request, detector=faces[0].detector)
    return Preparation(source, tuple(faces), tuple(jobs), request, note, sharp)


def held_copy(crop: Tensor, spanned: float, soft: bool) -> Tensor:
    """Reduce an aligned face (1,3,S,S), which spans so many pixels of the photo and may be soft, to a copy with its detail.

    Half its side where it holds that much and is undamaged, else a quarter or less: more pixels of damage say nothing, and
    what mends it knows copies reduced by 4 and more.
    """
    scale = held_scale(crop)
    if scale > 2:
        return downscale(crop, scale)
    half, quarter = (downscale(crop, by) for by in (2, 4))
    whole = not soft and spanned >= half.shape[-1] and damage_of(half, 2) == damage_of(quarter, 4) == "none"
    return half if whole else quarter


def simulated(job: FaceJob, scale: int) -> FaceJob:
    """Reduce the crop of a face `scale` times: a simulation, whose truth is known."""
    pixels = to_tensor(job.crop)
    low_res = downscale(pixels, scale)
    condition = dense_condition(low_res, *job.crop.shape[:2])
    return replace(job, low_res=low_res, condition=condition, truth=pixels, doubled=False, soft=False)


def _central_square(photo: np.ndarray, size: int) -> np.ndarray:
    height, width = photo.shape[:2]
    side = min(height, width)
    if side < MIN_ALIGNED_SIDE:
        raise ImageError(
            f"The picture is {width}x{height} pixels; a face crop needs at least {MIN_ALIGNED_SIDE} a side."
        )
    left, top = (width - side) / 2, (height - side) / 2
    square = Image.fromarray(photo).resize(
        (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    return np.asarray(square)
