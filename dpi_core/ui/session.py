"""What one visitor's session holds between events: the photo's faces, the stop flag, and the files of the last run.

Gradio keeps one `Session` for each visitor and drops it, with its folder, some time after the page is closed.
"""

import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpi_core.faces import Face

KEEP_SECONDS = 3600


@dataclass
class Session:
    """Mutable by design: the Stop button sets `stopped` while a run of the same session reads it.

    Attributes:
        stopped: asks the running generator to end after its current step.
        photo: path of the photo `faces` belong to.
        faces: the faces found in it, largest first; None before they were looked for.
        face: index of the chosen face.
        note: one line on how they were found.
        folder: where this session's results lie.
    """

    stopped: bool = False
    photo: str | None = None
    faces: "list[Face] | None" = None
    face: int = 0
    note: str = ""
    folder: Path | None = field(default=None, repr=False)

    def results_folder(self) -> Path:
        """A fresh private folder for a run; the one of the run before is removed."""
        self.clean()
        self.folder = Path(tempfile.mkdtemp(prefix="dpi-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)  # with the session, or when the app ends
        return self.folder

    def clean(self) -> None:
        """Remove this session's files."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
