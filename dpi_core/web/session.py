"""What one visitor's session holds between events: the photo's faces, the stop flag, and the files of the last run.

Gradio keeps one `Session` for each visitor and drops it, with its folder, some time after the page is closed.
"""

import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from dpi_core.faces import Face
    from dpi_core.method.config import DPIConfig
    from dpi_core.restore.automatic import Choice
    from dpi_core.show.film import Frame
    from dpi_core.web.looked_at import CutOut
    from dpi_core.web.trajectory import Trajectory

KEEP_SECONDS = 3600


@dataclass
class Shown:
    """What a view's last run ended with: updates by component of the page, and the photo it was of.

    `hidden`: the page shows nothing of it, for another photo was chosen.
    """

    photo: str | None
    updates: dict[Any, Any]
    hidden: bool = False


@dataclass
class Session:
    """Mutable by design: the Stop button sets `stopped` while a run of the same session reads it.

    Attributes:
        stopped: asks the running generator to end after its current step.
        on_page: the photo that the page has, as far as it was told; a run of any other ends.
        photo: path of the photo `faces` belong to.
        faces: the faces found in it, largest first; None before they were looked for, none and no `photo` if it cannot be read.
        chosen: indices of the faces to restore, largest first.
        note: one line on how they were found.
        film: the steps of the last run's first face.
        trajectory: the steps of the last run with one face, for another tau and for branches.
        folders: view -> where the results of its last run lie.
        fitted: the settings that Auto took last.
        choice: what Auto has chosen, until the controls show it.
        automatic: whether the last choice of settings was Auto; None while nothing but the page has chosen.
        cut: the face that comes first, cut out of the photo that was looked at last.
        small: a photo without a face and its path, reduced.
        before: what the stage shows of the photo before its first run, after what it was made from.
        shown: view -> what its last run ended with; it goes with its files.
    """

    stopped: bool = False
    on_page: str | None = None
    photo: str | None = None
    faces: "list[Face] | None" = None
    chosen: list[int] = field(default_factory=lambda: [0])
    note: str = ""
    film: "list[Frame]" = field(default_factory=list, repr=False)
    trajectory: "Trajectory | None" = field(default=None, repr=False)
    folders: dict[str, Path] = field(default_factory=dict, repr=False)
    fitted: "DPIConfig | None" = None
    choice: "Choice | None" = field(default=None, repr=False)
    automatic: bool | None = None
    cut: "CutOut | None" = field(default=None, repr=False)
    small: "tuple[str, Image] | None" = field(default=None, repr=False)
    before: tuple[Any, dict[str, Any]] | None = field(default=None, repr=False)
    shown: dict[str, Shown] = field(default_factory=dict, repr=False)
    _removers: dict[str, weakref.finalize] = field(default_factory=dict, init=False, repr=False)

    def results_folder(self, view: str = "restore") -> Path:
        """Make a fresh private folder for a run of a view; that of its run before is removed, other views' stay."""
        self.remove(view)
        folder = Path(tempfile.mkdtemp(prefix="dpi-"))
        self.folders[view] = folder
        # with the view's next run, with the session, or when the app ends
        self._removers[view] = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def clean(self) -> None:
        """Remove this session's files."""
        for view in list(self.folders):
            self.remove(view)

    def remove(self, view: str) -> None:
        """Remove what a view's last run left."""
        self.shown.pop(view, None)
        if self.folders.pop(view, None) is not None:
            self._removers.pop(view)()
