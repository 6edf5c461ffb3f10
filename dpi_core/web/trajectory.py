"""The steps of a visitor's last run, kept so that another tau or other seeds need not start from noise again.

FCM does not know tau: for two values of tau a run is the same, bit for bit, down to the higher of them. So moving tau
costs only the steps below the earlier split.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dpi_core.method.config import DPIConfig

if TYPE_CHECKING:
    from dpi_core.method.sampler import StepEvent
    from dpi_core.show.film import Frame

MAX_EVENTS = 100  # about half a megabyte each; longer runs are not kept


@dataclass(frozen=True)
class Source:
    """What a run was made from: another run with the same source differs in `config` at most."""

    photo: str
    mode: str
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
        """Keep one more step, if the run is short enough to be kept at all."""
        if event.total <= MAX_EVENTS:
            self.events.append(event)
            self.frames.append(frame)

    def shared(self, source: Source, config: DPIConfig) -> int:
        """How many of the first steps a run from `source` with `config` has in common with this one."""
        if source != self.source or replace(config, tau=self.config.tau) != self.config:
            return 0
        if config.tau == self.config.tau:
            return len([event for event in self.events if event.stage != "final"])
        return len([event for event in self.events if event.t > max(config.tau, self.config.tau)])

    def start(self, count: int) -> "Trajectory":
        """The first `count` steps, for a run that goes on from there."""
        return Trajectory(self.source, self.config, self.events[:count], self.frames[:count])
