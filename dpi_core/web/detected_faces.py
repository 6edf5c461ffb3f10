"""A new photo on the page: its faces as thumbnails and lines to choose from, the sharp ones marked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dpi_core.web.checks import message_of
from dpi_core.web.live import render_message
from dpi_core.web.looked_at import ONE_AT_A_TIME, decoded, keep
from dpi_core.web.session import Session


@dataclass(frozen=True)
class FoundFaces:
    """What the page shows of a photo's faces: a thumbnail and a line for each, those chosen at first, and a message."""

    thumbnails: list[tuple[Image.Image, str]]
    lines: list[str]
    chosen: list[int]
    message: str


def detect(photo: str | None, session: Session, prior: str = "embedded") -> FoundFaces:
    """Find the faces of a newly chosen photo. All that are not sharp already for `prior`'s crop are chosen."""
    from dpi_core.faces import find_faces, is_sharp
    from dpi_core.faces.templates import template_for

    session.photo, session.faces, session.chosen, session.note = photo, None, [0], ""
    if photo is None:
        return FoundFaces([], [], [], render_message("Choose a photo, or one of the examples below it."))
    try:
        template = template_for(prior)
        with ONE_AT_A_TIME:
            source = decoded(photo)
            report = find_faces(source.rgb, "auto")
            sharp = [is_sharp(source.rgb, face, template) for face in report.faces]
            pictures = [_thumbnail(source.rgb, face.box) for face in report.faces]
            session.faces = list(report.faces)
            session.chosen = [i for i, finished in enumerate(sharp) if not finished] if sharp else [0]
            keep(session, photo, source, prior)
            del source
    except Exception as error:
        session.photo, session.faces = None, []
        return FoundFaces([], [], [], render_message(message_of(error), "error"))
    session.note = found_text(sharp, template.size)
    if not report.faces:
        session.note = (
            "No face was found. If the picture is a face crop already, open “Advanced” and tick “already aligned”."
        )
        return FoundFaces([], [], [], render_message(session.note, "error"))
    thumbnails, lines = [], []
    for i, (face, finished) in enumerate(zip(report.faces, sharp, strict=True)):
        size = f"{round(face.area**0.5)}px"  # by which they are sorted
        thumbnails.append((pictures[i], f"{i + 1}: {size}"))
        lines.append(f"{i + 1}: {size}" + (", sharp already" if finished else ""))
    return FoundFaces(thumbnails, lines, session.chosen, render_message(session.note))


def found_text(sharp: Sequence[bool], side: int) -> str:
    """Say how many faces there are, and what is done with those that are sharper than the prior's `side` pixels."""
    count, left = len(sharp), sum(sharp)
    text = "1 face found." if count == 1 else f"{count} faces found, the largest first."
    if not left:
        return text
    if left == count:
        which = "It is" if count == 1 else "All are"
        return f"{text} {which} sharper than the model's {side} pixels and would lose detail, so none is ticked."
    which = "is sharp already: left as it is" if left == 1 else "are sharp already: left as they are"
    return f"{text} {left} of them {which} unless ticked."


def _thumbnail(pixels: np.ndarray, box: tuple[float, float, float, float]) -> Image.Image:
    x0, y0, x1, y1 = box
    half = 0.65 * max(x1 - x0, y1 - y0)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    left, top, right, bottom = round(cx - half), round(cy - half), round(cx + half), round(cy + half)
    near = Image.fromarray(pixels[max(0, top) : bottom, max(0, left) : right])  # of the whole it would be a copy
    x, y = min(0, left), min(0, top)
    return near.crop((x, y, x + right - left, y + bottom - top)).resize((96, 96))
