"""The face that comes first: which of a photo's it is, in words, and what the stage shows of it before it is run. No model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.restore.request import Request
from dpi_core.web.live import data_uri, many
from dpi_core.web.looked_at import CutOut, cut_out, small, ticked
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making

if TYPE_CHECKING:
    from dpi_core.restore.records import Preparation


def which_face(session: Session, chosen: Sequence[int], aligned: bool) -> str:
    """Say which of the photo's faces `first_face` is, as a sentence with a space behind it; nothing where there is but one."""
    count = len(session.faces or ())
    if aligned or count < 2:
        return ""
    why = ("the largest", "the one ticked", "the largest ticked")[min(len(chosen), 2)]
    return f"Face {min(chosen, default=0) + 1} of {count}, {why}. "


def face_of(prepared: "Preparation") -> str:
    """Say which of the photo's faces a view of one face has shown; nothing where there is but one."""
    count = len(prepared.faces)
    return f"Face {prepared.jobs[0].index + 1} of {count}." if count > 1 else ""


def before_run(session: Session, making: Making) -> dict[str, Any]:
    """Build what the stage shows of a photo before its first run: the face that comes first, as input, and a line.

    The photo itself where no face is found in it.
    """
    photo, request = making.photo, making.request
    if photo is None:
        return {"state": "empty", "line": "Choose a photo, or one of the examples."}
    if session.faces is None or (session.photo != photo and session.faces):
        return {"state": "looking", "line": "Looking for faces .."}
    asked = photo, session.photo, request.face, request.scale, request.aligned, request.prior
    if session.before is None or session.before[0] != asked:
        session.before = asked, _before_run(session, making)
    return session.before[1]


def _before_run(session: Session, making: Making) -> dict[str, Any]:
    none = {"state": "empty", "line": "There is no face to restore yet."}
    try:
        if not session.faces and not making.request.aligned:
            return {**none, "picture": data_uri(small(session, str(making.photo))), "name": "photo"}
        cut = cut_out(session, making)
    except DPIError:  # what is wrong with it is said beside the photo
        return none
    return {"state": "ready", "line": _line(making.request, cut.prepared), **_input(cut)}


def _input(cut: CutOut) -> dict[str, str]:
    from dpi_core.imaging.pixels import to_image

    prepared = cut.prepared
    job, scale = prepared.jobs[0], prepared.request.scale
    picture = to_image(job.condition[0]) if scale else Image.fromarray(cut.own)
    which = f": face {job.index + 1} of {len(prepared.faces)}" if len(prepared.faces) > 1 else ""
    return {
        "picture": data_uri(picture),
        "name": f"input{which}" + (f", reduced x{scale}" if scale else ""),
    }


def _line(request: Request, prepared: "Preparation") -> str:
    scale, count, found = request.scale, len(ticked(request)), len(prepared.faces)
    it, lacks = ("them", "they lack, one face after the other") if count > 1 else ("it", "it lacks")
    task = f"Press Restore to paint the detail {lacks}."
    if scale:
        task = f"Press Restore to reduce {it} {scale} times and to paint the detail that is lost then."
    if request.aligned:
        return f"The picture is taken as a face already aligned. {task}"
    if not count and not scale:
        why = "sharp already (a restoration would only lose), so " if all(prepared.sharp) else ""
        return f"{many(found, 'face')} found, {why}none ticked: tick one under “Faces to restore” to restore it all the same."
    which = f", {'all' if count == found else count} ticked" if found > 1 and count else ""
    return f"{many(found, 'face')} found{which}. {task}"
