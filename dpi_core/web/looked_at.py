"""What the page keeps of a photo that it looks at before a run: the face that comes first, cut out, and never the photo itself.

A photo of 64 million pixels takes most of a gigabyte while it is decoded, so one is at a time, and whoever needs another look
at the same face has the cut-out.
"""

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.restore.request import Request
from dpi_core.web.checks import still_kept
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making, own_pixels

if TYPE_CHECKING:
    from dpi_core.imaging.photo import Photo
    from dpi_core.restore.records import Preparation

ONE_AT_A_TIME = threading.Lock()
"""Held from before a photo is decoded until it is let go of."""
SIDE = 256
"""Pixels of a photo without a face that are kept of it."""


@dataclass(frozen=True, eq=False)
class CutOut:
    """The face of a photo that comes first.

    Attributes:
        key: what it was cut out by.
        prepared: its job alone, as the photo has it, without the photo.
        own: (S,S,3) uint8, the face in the photo's own pixels, see `own_pixels`.
    """

    key: tuple[Any, ...]
    prepared: "Preparation"
    own: np.ndarray


def ticked(request: Request) -> tuple[int, ...]:
    """Return the faces that are ticked, largest first."""
    return request.face if isinstance(request.face, tuple) else ()


def first_face(request: Request) -> int:
    """Return the face that views of one face show: the largest of those that are ticked, or of all where none is."""
    return min(ticked(request), default=0)


def decoded(photo: str) -> "Photo":
    """Read the pixels of a photo, for whoever holds `ONE_AT_A_TIME`.

    Raises:
        DPIError: if it has gone, or as `read_image`.
    """
    from dpi_core.imaging.photo import Photo
    from dpi_core.imaging.pictures import read_image

    pixels = np.asarray(read_image(still_kept(photo)))
    return Photo(pixels, pixels, None, None, None)


def keep(session: Session, photo: str, source: "Photo", prior: str) -> None:
    """Keep of a decoded photo, whose faces are known, what is asked for next: its first face, or the whole of it, small."""
    session.cut = None
    if not session.faces:
        session.small = photo, reduced(source)
        return
    request = Request(face=min(session.chosen, default=0), prior=prior)
    try:
        session.cut = _cut(_key(photo, session, request), session, source, request)
    except DPIError:  # it is told where the face is asked for
        return


def cut_out(session: Session, making: Making) -> CutOut:
    """Cut out the first of the session's faces as a run would; that of the last call is kept, whatever its scale.

    Raises:
        DPIError: as `restore.prepare.prepare`.
    """
    from dpi_core.restore.prepare import simulated

    photo, request = still_kept(making.photo or ""), making.request
    if session.photo == photo and session.faces and not request.aligned:
        request = request.replaced({"face": first_face(request)})
    key, cut = _key(photo, session, request), session.cut
    if cut is None or cut.key != key:
        with ONE_AT_A_TIME:
            cut = session.cut  # two events of a page may want it at once
            if cut is None or cut.key != key:
                session.cut = cut = _cut(key, session, decoded(photo), request)
    if request.scale is None:
        return cut
    jobs = tuple(simulated(job, request.scale) for job in cut.prepared.jobs)
    asked = replace(cut.prepared.request, scale=request.scale)
    return replace(cut, prepared=replace(cut.prepared, jobs=jobs, request=asked))


def small(session: Session, photo: str) -> Image.Image:
    """Return a photo, at most `SIDE` pixels a side.

    Raises:
        DPIError: as `decoded`.
    """
    if session.small is None or session.small[0] != photo:
        with ONE_AT_A_TIME:
            session.small = photo, reduced(decoded(photo))
    return session.small[1]


def reduced(source: "Photo") -> Image.Image:
    """Make a picture of at most `SIDE` pixels a side of a photo."""
    picture = Image.fromarray(source.rgb)
    picture.thumbnail((SIDE, SIDE))
    return picture


def _key(photo: str, session: Session, request: Request) -> tuple[Any, ...]:
    known = session.photo == photo and session.faces is not None
    return photo, known, request.face, request.aligned, request.prior


def _cut(key: tuple[Any, ...], session: Session, source: "Photo", request: Request) -> CutOut:
    from dpi_core.faces.templates import template_for
    from dpi_core.restore.prepare import prepare

    known = session.faces if session.photo == key[0] else None
    prepared = prepare(source, template_for(request.prior), replace(request, scale=None), faces=known)
    dot = np.zeros((1, 1, 3), np.uint8)
    first = replace(prepared, jobs=prepared.jobs[:1], source=replace(source, rgb=dot, own=dot))
    return CutOut(key, first, own_pixels(prepared, prepared.jobs[0]))
