"""One face while it is restored: its film, and what the stage is told of it."""

from typing import Any

from torch import Tensor

from dpi_core.imaging.pixels import to_image
from dpi_core.restore.records import FaceJob, RestoreStep
from dpi_core.show.film import FilmRecorder, Frame
from dpi_core.web.live import data_uri
from dpi_core.web.stage_data import frame_data
from dpi_core.web.trajectory import Trajectory


class WatchedFace(FilmRecorder):
    """The film of a face, which goes on from the steps of `trajectory`.

    Attributes:
        given: the face's input, as a data URI.
        frames_data: each of the film's frames as data.
    """

    def __init__(self, job: FaceJob, trajectory: Trajectory):
        events = trajectory.events
        super().__init__(trajectory.frames, events[-1].x0[0] if events else None)
        self.given = data_uri(to_image(job.condition[0]))
        self.frames_data = [frame_data(frame) for frame in self.frames]
        self._ends: dict[str, Tensor] = {event.stage: event.x0[0] for event in events}

    def take(self, step: RestoreStep) -> tuple[Frame, dict[str, Any]]:
        """Take the next step in; returns its frame, and that as data."""
        frame = self.drawn(step)
        data = frame_data(frame)
        if frame is self.frames[-1]:
            self.frames_data.append(data)
        self._ends[frame.stage] = step.event.x0[0]
        return frame, data

    @property
    def end_of_fcm(self) -> Tensor | None:
        """The estimate (3,S,S) when FCM ended; None where there was none, or nothing after it."""
        return self._ends.get("FCM") if len(self._ends) > 1 else None
