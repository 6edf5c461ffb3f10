"""The face that a view of one face works on, ready to be restored."""

from typing import TYPE_CHECKING

from dpi_core.ui.restore import MODES
from dpi_core.ui.session import Session

if TYPE_CHECKING:
    from dpi_core.pipeline import Restorer
    from dpi_core.restoration import Preparation


def prepare_one(restorer: "Restorer", session: Session, photo: str, mode: str, aligned: bool) -> "Preparation":
    """The largest of the session's chosen faces of `photo`; nothing is pasted back.

    Raises:
        ImageError, ValueError: as `Restorer.prepare`.
    """
    from dpi_core.restoration import unpasted

    known = session.faces if session.photo == photo else None
    return unpasted(restorer.prepare(photo, scale=MODES[mode], aligned=aligned, face=session.face, faces=known))
