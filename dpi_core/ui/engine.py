"""The models behind the page: loaded once, on first use or by a warm-up in the background, shared by all sessions.

The networks are read-only, so sharing them shares no picture.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpi_core.config import DPIConfig
from dpi_core.weights import ASSETS

if TYPE_CHECKING:
    from dpi_core.pipeline import Restorer

WARM_UP_PHOTO = ASSETS / "examples" / "astronaut-tiny.png"


@dataclass(frozen=True)
class EngineSettings:
    """What the page loads: see `dpi_core.Restorer`."""

    prior: str = "embedded"
    corrector: str = "embedded"
    device: str = "auto"
    precision: str = "auto"
    fast: bool = False


class Engine:
    """Holds the one `Restorer` of a running page."""

    def __init__(self, settings: EngineSettings | None = None):
        self.settings = settings or EngineSettings()
        self._lock = threading.Lock()
        self._restorer: Restorer | None = None
        self._pace: float | None = None

    def note_pace(self, seconds: float, samples: int) -> None:
        """Remember what a run of so many sample steps took, for `estimate`."""
        if samples > 0:
            self._pace = seconds / samples

    def estimate(self, samples: int) -> float | None:
        """Seconds that a run of so many sample steps should take, going by the last one; None before there was one."""
        return None if self._pace is None else self._pace * samples

    def restorer(self) -> "Restorer":
        """The `Restorer`, loaded by the first caller.

        Raises:
            ValueError: if the prior, the corrector or the device cannot be used.
        """
        with self._lock:
            if self._restorer is None:
                from dpi_core.pipeline import Restorer

                s = self.settings
                self._restorer = Restorer(s.prior, s.device, corrector=s.corrector, precision=s.precision, fast=s.fast)
            return self._restorer

    def warm_up(self) -> None:
        """Load in the background, so that the first visitor does not wait; a failure shows when it is used."""
        threading.Thread(target=self._load_everything, name="warm-up", daemon=True).start()

    def _load_everything(self) -> None:
        from dpi_core.faces import fetch_in_background

        try:
            restorer = self.restorer()
            fetch_in_background()
            restorer.prepare(WARM_UP_PHOTO)  # the detector loads, and where it compiles, compiles now
            config = DPIConfig(steps=4)
            for _ in range(2):  # the first run warms up, the second tells the pace
                done = restorer.restore(WARM_UP_PHOTO, config, aligned=True)
                self.note_pace(done.seconds, config.steps)
        except ValueError:
            return
