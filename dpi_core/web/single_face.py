"""The face that a view of one face works on, ready to be restored."""

from typing import TYPE_CHECKING

from dpi_core.web.restore_run import MODES
from dpi_core.web.session import Session

if TYPE_CHECKING:
    from dpi_core.restore.records import Preparation
    from dpi_core.restore.restorer import Restorer


def prepare_face(restorer: "Restorer", session: Session, photo: str, mode: str, aligned: bool) -> "Preparation":
    """The largest of the session's chosen faces of `photo`, in its place in the photo.

    Raises:
        ImageError, ValueError: as `Restorer.prepare`.
    """
    known = session.faces if session.photo == photo else None
    return restorer.prepare(photo, scale=MODES[mode], aligned=aligned, face=session.face, faces=known)


def prepare_one(restorer: "Restorer", session: Session, photo: str, mode: str, aligned: bool) -> "Preparation":
    """As `prepare_face`, and nothing is pasted back."""
    from dpi_core.restore.records import unpasted

    return unpasted(prepare_face(restorer, session, photo, mode, aligned))
