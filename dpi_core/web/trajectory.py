"""The steps of a visitor's last run, kept so that another tau or other seeds need not start from noise again.

What another run has in common with it is `dpi_core.restore.variants.shared_steps`.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dpi_core.method.config import DPIConfig
from dpi_core.restore.variants import KeptRun, Variant

if TYPE_CHECKING:
    from dpi_core.method.sampler import StepEvent
    from dpi_core.show.film import Frame

MAX_EVENTS = 100  # as far as the page lets seeds part
MAX_BYTES = 64 << 20
"""Of a run, while its page is open: a hundred steps at 128 pixels, twenty-five at 256; of a longer one the first are kept."""


@dataclass(frozen=True)
class Source:
    """What a run was made from: another run with the same source differs in `config` at most."""

    photo: str
    scale: int | None
    aligned: bool
    face: int
    seed: int


@dataclass(eq=False)
class Trajectory:
    """A run's events and their frames, in order; `add` builds it up while the run goes on."""

    source: Source
    config: DPIConfig
    events: "list[StepEvent]" = field(default_factory=list)
    frames: "list[Frame]" = field(default_factory=list)

    def add(self, event: "StepEvent", frame: "Frame") -> None:
        """Keep one more step, as long as there is room: a run can be gone on from at any of the first ones."""
        count = len(self.events) + 1  # all take as much
        if event.index < min(count, MAX_EVENTS) and count * bytes_of(event, frame) <= MAX_BYTES:
            self.events.append(event)
            self.frames.append(frame)

    def kept(self, prior: str) -> KeptRun:
        """Return the run as other runs of the same face with the same prior can go on from it."""
        return KeptRun(Variant(self.config, (self.source.seed,), prior), self.events)

    def shared(self, source: Source, config: DPIConfig) -> int:
        """Count the first steps that a run from `source` with `config` has in common with this one."""
        return self.kept("").shared(Variant(config, (source.seed,), "")) if source == self.source else 0

    def start(self, count: int) -> "Trajectory":
        """Return the first `count` steps, for a run that goes on from there."""
        return Trajectory(self.source, self.config, self.events[:count], self.frames[:count])


def bytes_of(event: "StepEvent", frame: "Frame") -> int:
    """Tell how much memory a step and its pictures take."""
    tensors = event.x_t, event.x0, event.mask, event.condition
    pictures = frame.x0, frame.x_t, frame.mask, frame.condition
    shown = sum(picture.width * picture.height * len(picture.getbands()) for picture in pictures)
    return shown + sum(tensor.nbytes for tensor in tensors)
