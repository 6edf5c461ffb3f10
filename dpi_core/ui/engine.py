"""The models behind the page: loaded once, on first use or by a warm-up in the background, shared by all sessions.

The networks are read-only, so sharing them shares no picture.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpi_core.config import DPIConfig
from dpi_core.weights import ASSETS

if TYPE_CHECKING:
    from dpi_core.pipeline import Restorer

LONG = 5.0  # seconds: a large prior on a CPU; a second warm-up run would keep visitors waiting more than it tells
WARM_UP_PHOTO = ASSETS / "examples" / "astronaut-tiny.png"


@dataclass(frozen=True)
class EngineSettings:
    """What the page loads: see `dpi_core.Restorer`."""

    prior: str = "embedded"
    corrector: str = "embedded"
    device: str = "auto"


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

    def loading(self, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Lines on how far the prior is on its way to this machine; none if it is here already.

        Raises:
            ValueError: if it cannot be had, or `stop`, asked after every line, ends it.
        """
        if self._restorer is None:
            from dpi_core.weights.obtain import prior_folder_steps
            from dpi_core.weights.progress import Progress

            for item in prior_folder_steps(self.settings.prior):
                if isinstance(item, Progress):
                    yield item.text
                    if stop():
                        raise ValueError("Stopped before the models were loaded. What has arrived is kept.")

    def restorer(self) -> "Restorer":
        """The `Restorer`, loaded by the first caller.

        Raises:
            ValueError: if the prior, the corrector or the device cannot be used.
        """
        with self._lock:
            if self._restorer is None:
                from dpi_core.ui.zerogpu import restorer_class

                s = self.settings
                self._restorer = restorer_class(s.device)(s.prior, s.device, corrector=s.corrector)
            return self._restorer

    def warm_up(self) -> None:
        """Load in the background, so that the first visitor does not wait; a failure shows when it is used."""
        threading.Thread(target=self._load_everything, name="warm-up", daemon=True).start()

    def _load_everything(self) -> None:
        from dpi_core.faces import fetch_in_background
        from dpi_core.ui.zerogpu import gpu_decorator

        try:
            restorer = self.restorer()
            fetch_in_background()
            restorer.prepare(WARM_UP_PHOTO)  # the detector loads, and where it compiles, compiles now
            if gpu_decorator() is not None:
                return  # a GPU is asked for when a visitor needs one
            config = DPIConfig(steps=4)
            for _ in range(2):  # the first run warms up, the second tells the pace
                done = restorer.restore(WARM_UP_PHOTO, config, aligned=True)
                self.note_pace(done.seconds, config.steps)
                if done.seconds > LONG:
                    break
        except ValueError:
            return
