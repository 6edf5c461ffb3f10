"""The process films of a photo's faces: collected step by step while a run is on, written when it is over."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from dpi_core.restore.records import RestoreStep
    from dpi_core.show.film import Frame

KINDS = ("gif", "mp4")


class Films:
    """One film for each face, of the run's first seed."""

    def __init__(self) -> None:
        self._frames: dict[int, list[Frame]] = {}
        self._before: Tensor | None = None

    def watch(self, step: "RestoreStep") -> None:
        """Take a step in; they come in order, face after face."""
        from dpi_core.show.film import frame_of, is_kept

        event = step.event
        if is_kept(event.index, event.total):
            frame = frame_of(event, step.job.low_res, self._before if event.index else None)
            self._frames.setdefault(step.job.index, []).append(frame)
        self._before = event.x0[0].clone()  # a view would keep every seed's estimate alive

    def save(self, out: Path, name: str, seed: int, kind: str) -> list[Path]:
        """Write ``<name>-face<i>-seed<seed>.<kind>`` for every face, `kind` being one of `KINDS`; returns the files.

        Raises:
            OSError: if a file cannot be written, or PyAV cannot write H.264.
        """
        from dpi_core.show.film import save_gif, save_mp4

        write = {"gif": save_gif, "mp4": save_mp4}[kind]
        files = []
        for face, frames in self._frames.items():
            files.append(out / f"{name}-face{face}-seed{seed}.{kind}")
            write(frames, files[-1])
        return files
