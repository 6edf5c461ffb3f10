"""The models behind the page: loaded on first use or by a warm-up in the background, shared by all sessions.

The networks are read-only, so sharing them shares no picture. Two priors are held at most, so that two can be compared;
a third takes the place of the one that was used least lately.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.weights.embedded_files import ASSETS
from dpi_core.weights.registry import PRIORS

if TYPE_CHECKING:
    from dpi_core.restore.restorer import Restorer
    from dpi_core.restore.variant_runs import VariantResult
    from dpi_core.restore.variants import Plan

LONG = 5.0  # seconds: a large prior on a CPU; a second warm-up run would keep visitors waiting more than it tells
MAX_HELD = 2
WARM_UP_PHOTO = ASSETS / "examples" / "astronaut-tiny.png"


@dataclass(frozen=True)
class EngineSettings:
    """What the page loads: see `dpi_core.Restorer`.

    Attributes:
        any_prior: visitors may name folders of this machine and models of the hub; only for a page that nobody else sees.
    """

    prior: str = "embedded"
    corrector: str = "embedded"
    device: str = "auto"
    precision: str = "auto"
    fast: bool = False
    any_prior: bool = False


class Engine:
    """Holds the `Restorer` of a running page, and one more for a second prior."""

    def __init__(self, settings: EngineSettings | None = None):
        self.settings = settings or EngineSettings()
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Restorer] = OrderedDict()  # the one used last is the last
        self._pace: dict[tuple[str, str], float] = {}  # (prior, method) -> seconds a step of one sample

    @property
    def priors(self) -> tuple[str, ...]:
        """The names a visitor can choose from, the page's own first."""
        return tuple(dict.fromkeys([self.settings.prior, "embedded", *PRIORS]))

    def note_pace(self, seconds: float, samples: int, prior: str | None = None, method: str = "dpi") -> None:
        """Remember what a run of so many sample steps took with a prior (the page's own), for `estimate`."""
        if samples > 0:
            self._pace[prior or self.settings.prior, method] = seconds / samples

    def estimate(self, samples: int, prior: str | None = None, method: str = "dpi") -> float | None:
        """Estimate the seconds of a run of so many sample steps, going by the last like it; None before there was one."""
        pace = self._pace.get((prior or self.settings.prior, method))
        return None if pace is None else pace * samples

    def note_result(self, result: "VariantResult") -> None:
        """Remember the pace of one variant's run."""
        variant = result.run.variant
        self.note_pace(result.restoration.seconds, result.samples, variant.prior, variant.method)

    def estimate_plan(self, plan: "Plan") -> float | None:
        """Estimate the seconds that all runs of a plan take; None before a run like each of them."""
        seconds = [self.estimate(run.samples, run.variant.prior, run.variant.method) for run in plan.runs]
        known = [value for value in seconds if value is not None]
        return sum(known) if len(known) == len(seconds) else None

    def holds(self, prior: str) -> bool:
        """Tell whether a prior is loaded, so that a run with it can start at once."""
        return prior in self._held

    def checked_prior(self, prior: str | None) -> str:
        """Return the name of a prior that this page may load; ValueError lists them otherwise. None = the page's own."""
        name = (prior or "").strip() or self.settings.prior
        if name not in self.priors and not self.settings.any_prior:
            raise DPIError(f"prior is {name!r}; allowed on this page is one of {', '.join(self.priors)}.")
        return name

    def loading(self, prior: str | None = None, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Yield lines on how far a prior (the page's own) is on its way to this machine; none if it is here already.

        Raises:
            ValueError: if it cannot be had, or `stop`, asked after every line, ends it.
        """
        name = self.checked_prior(prior)
        if not self.holds(name):
            from dpi_core.weights.download_progress import Progress
            from dpi_core.weights.obtain import prior_folder_steps

            for item in prior_folder_steps(name):
                if isinstance(item, Progress):
                    yield item.text
                    if stop():
                        raise DPIError("Stopped before the models were loaded.")

    def restorer(self, prior: str | None = None) -> "Restorer":
        """Return the `Restorer` of a prior (the page's own), loaded by the first caller; DPIError if it cannot be used."""
        name, s = self.checked_prior(prior), self.settings
        with self._lock:
            if name not in self._held:
                from dpi_core.web.zerogpu import restorer_class

                self._held[name] = restorer_class(s.device)(
                    name, s.device, corrector=s.corrector, precision=s.precision, fast=s.fast
                )
                while len(self._held) > MAX_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(name)
            return self._held[name]

    def warm_up(self) -> None:
        """Load in the background, so that the first visitor does not wait; a failure shows when it is used."""
        threading.Thread(target=self._load_everything, name="warm-up", daemon=True).start()

    def _load_everything(self) -> None:
        from dpi_core.faces import fetch_in_background
        from dpi_core.web.zerogpu import gpu_decorator

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
        except DPIError:
            return
